"""Operators that are timed a second time in another way, beside their own row. Torch-free data.

An operator's own row is circularly padded, contiguous (NCHW) and computed by whatever serves here. Who replaces a
convolution would pick the fastest of four, so all four stand in the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Pass = Literal["forward", "forward+backward"]
PASSES: tuple[Pass, ...] = get_args(Pass)

COPY, PRODUCT = "copy", "matrix product"
"""Rows of kind ``machine``: moving as much memory as the output has; a float32 product of two large matrices."""

PASSED = "passed"
"""``gate`` of a timing whose results were right."""


@dataclass(frozen=True)
class Variant:
    """An operator with one thing changed."""

    name: str
    """Of its row."""
    operator: str
    padding_mode: str = "circular"
    channels_last: bool = False
    native: bool = True
    """False: the compiled operator is switched off."""


_SPATIAL = (
    Variant("converse2d (torch)", "converse2d", native=False),
    Variant("conv, channels_last", "conv", channels_last=True),
    Variant("conv, zeros", "conv", padding_mode="zeros"),
    Variant("conv, zeros, channels_last", "conv", padding_mode="zeros", channels_last=True),
)
_UPSAMPLER = (
    Variant("converse2d (torch)", "converse2d", native=False),
    Variant("convt, channels_last", "convt", channels_last=True),
    Variant("convt, zeros", "convt", padding_mode="zeros"),
    Variant("convt, zeros, channels_last", "convt", padding_mode="zeros", channels_last=True),
)
CONVOLUTIONS = {
    "conv": ("conv", *(v.name for v in _SPATIAL if v.operator == "conv")),
    "convt": ("convt", *(v.name for v in _UPSAMPLER if v.operator == "convt")),
}
"""The depthwise convolution of a case, by its own row: of scale 1, and of an upsampler; and all ways to compute it."""


def variants(kernel: int, scale: int, operators: Sequence[str]) -> list[Variant]:
    """What is timed beside ``operators`` in a case.

    A transposed convolution with kernel = scale pads nothing, so that its padding modes are one.
    """
    chosen = _SPATIAL if scale == 1 else _UPSAMPLER
    one = scale > 1 and kernel == scale
    return [v for v in chosen if v.operator in operators and not (one and v.padding_mode == "zeros")]
