"""Evaluation protocols as data: what a model is given and how its answer is scored. The name travels with every number.

A PSNR is only comparable inside one protocol. The published ones were found by making the released weights give the
published averages. What a protocol says is carried out by `bench.scoring.prepare` and `bench.scoring.score`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.foundation.errors import BenchError, nearest

if TYPE_CHECKING:
    from bench.data.images import Color

Task = Literal["denoising", "sr", "deblurring"]
NAMES = (
    "denoise-gray-s25",
    "denoise-gray-ramp50",
    "sr-bicubic-x4",
    "deblur-circular-s2.55",
    "deblur-natural-s2.55",
)
"""The protocols that the tables use."""


@dataclass(frozen=True)
class Protocol:
    """One protocol; `get` makes it from its name."""

    name: str
    task: Task
    color: Color
    description: str
    """One sentence for table captions."""
    scale: int = 1
    sigma: float = 0.0
    """Noise level in units of 1/255 (the largest one for a ramp)."""
    border: int = 0
    """Pixels left out on each side when scoring."""
    multiple: int = 1
    """The clean image is cropped from the top-left to a multiple of this."""
    degradation: Literal["awgn", "ramp", "bicubic", "blur-circular", "blur-natural"] = "awgn"

    @property
    def needs_kernel(self) -> bool:
        """Whether `bench.scoring.prepare.prepare` wants a blur kernel."""
        return self.degradation.startswith("blur")


def _denoise_gray(name: str, sigma: float) -> Protocol:
    text = (
        f"gray; noise σ = {sigma:g} from the legacy generator reseeded with 0 for every image, "
        "not clipped; scored on rounded uint8, whole image"
    )
    return Protocol(name, "denoising", "gray", text, sigma=sigma)


def _denoise_gray_ramp(name: str, sigma: float) -> Protocol:
    text = (
        f"gray; noise level growing linearly from 0 at the left edge to {sigma:g} "
        "at the right edge; scored on rounded uint8, whole image"
    )
    return Protocol(name, "denoising", "gray", text, sigma=sigma, degradation="ramp")


def _sr_bicubic(name: str, factor: float) -> Protocol:
    scale = int(factor)
    if scale != factor or scale < 2:
        raise BenchError(f"protocol {name!r}: the scale is a whole number of at least 2")
    text = (
        f"×{scale} MATLAB-compatible bicubic, not rounded; "
        f"scored on studio-range Y rounded to uint8, border of {scale} pixels cropped"
    )
    return Protocol(name, "sr", "rgb", text, scale=scale, border=scale, multiple=scale, degradation="bicubic")


def _deblur_circular(name: str, sigma: float) -> Protocol:
    text = (
        f"circular uint8 blur of the image cropped to a multiple of 8, noise σ = {sigma:g}; "
        "scored on RGB rounded to uint8, border of 1 pixel cropped"
    )
    return _deblur(name, text, sigma, "blur-circular", border=1)


def _deblur_natural(name: str, sigma: float) -> Protocol:
    text = (
        f"blurred as a photograph is (no pixel has seen a wrapped border), noise σ = {sigma:g}; "
        "scored on RGB rounded to uint8, border of 8 pixels cropped"
    )
    return _deblur(name, text, sigma, "blur-natural", border=8)


def _deblur(
    name: str, text: str, sigma: float, degradation: Literal["blur-circular", "blur-natural"], *, border: int
) -> Protocol:
    return Protocol(name, "deblurring", "rgb", text, sigma=sigma, border=border, multiple=8, degradation=degradation)


_FAMILIES: dict[str, Callable[[str, float], Protocol]] = {
    "denoise-gray-s": _denoise_gray,
    "denoise-gray-ramp": _denoise_gray_ramp,
    "sr-bicubic-x": _sr_bicubic,
    "deblur-circular-s": _deblur_circular,
    "deblur-natural-s": _deblur_natural,
}
_NUMBER = re.compile(r"(0|[1-9]\d{0,5})(\.\d*[1-9])?", re.ASCII)  # one spelling per number: the name is an identity


@functools.cache
def get(name: str) -> Protocol:
    """The protocol of that name: one of `NAMES`, or of their families with another number (``denoise-gray-s15``).

    Raises:
        BenchError: an unknown name, with the nearest valid one.
    """
    for prefix, make in _FAMILIES.items():
        number = str(name).removeprefix(prefix)
        if str(name).startswith(prefix) and _NUMBER.fullmatch(number):
            return make(name, float(number))
    families = ", ".join(f"{prefix}NUMBER" for prefix in _FAMILIES)
    raise BenchError(f"unknown protocol {name!r}{nearest(str(name), NAMES)} (allowed: {families})")
