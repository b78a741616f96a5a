"""The setting of one reverse convolution: everything of Eq. (4) that is not a tensor (this file imports no torch)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
"""Padding modes, under the names of :class:`torch.nn.Conv2d`."""

X0_NAMES = ("zero", "nearest", "bilinear", "bicubic")
"""Named priors X0 of Eq. (5); the last two are ours."""


class Setting(NamedTuple):
    """Stride, boundary and prior; immutable, already checked."""

    scale: int = 1
    """s >= 1."""
    padding: tuple[int, int] = (0, 0)
    """Rows and columns added on each side of y."""
    mode: str = "circular"
    """One of :data:`PADDING_MODES`."""
    prior: str = "nearest"
    """One of :data:`X0_NAMES`, or "given" where X0 is a tensor, which travels beside."""

    @property
    def nearest(self) -> bool:
        """n of :mod:`converse.mathematics.fourier`: X0 is nearest-neighbour (else zero)."""
        return self.prior == "nearest"

    @property
    def is_filter(self) -> bool:
        """Whether X0 repeats or ignores each sample, so that the operator is one filter per channel."""
        return self.prior in ("zero", "nearest")

    @property
    def cropped(self) -> tuple[int, int]:
        """Rows and columns that are cropped from each side of the padded answer."""
        return self.padding[0] * self.scale, self.padding[1] * self.scale


SCHEMA = "SymInt scale, SymInt[] padding, str mode, str prior"
"""A setting among the arguments of a torch.library operator, which takes no other types than such; always the last."""


def unbundled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function(..., setting)`` as ``function(..., *setting)``, the arguments of :data:`SCHEMA`."""
    count = len(Setting._fields)

    def plain(*arguments: Any) -> Any:
        scale, padding, mode, prior = arguments[-count:]
        return function(*arguments[:-count], Setting(scale, tuple(padding), mode, prior))

    return plain
