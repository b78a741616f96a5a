"""Evaluation protocols: what a model is given and how its answer is scored. The name travels with
every number.

A PSNR is only comparable inside one protocol. The published ones were found by making the released
weights give the published averages (``protocols.md``). Imports neither torch nor, before something
is prepared, anything slow.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.foundation.errors import BenchError, nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.data.images import Color, Pixels
    from bench.data.kernels import Kernel

    Prepare = Callable[["Protocol", Pixels, "Kernel | None"], tuple[NDArray[np.float64], Pixels]]

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
class Sample:
    """One test case."""

    input: NDArray[np.float32]
    """Degraded image, (h, w, C), in [0, 1] before noise; not clipped."""
    target: Pixels
    """Clean image that the restored one is scored against, (H, W, C) uint8; H = h * scale."""
    kernel: Kernel | None = None
    """Blur kernel for non-blind models, (kh, kw) float64."""


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
        """Whether `prepare` wants a blur kernel."""
        return self.degradation.startswith("blur")

    def prepare(self, image: Pixels, kernel: Kernel | None = None) -> Sample:
        """Degrade one clean image; deterministic.

        Args:
            image: (H, W, 1 or 3) uint8, converted to the protocol's colour (gray to three equal
                channels).
            kernel: (kh, kw), only where `needs_kernel`.

        Raises:
            BenchError: a kernel is missing, unwanted or not a blur kernel, or the image is too
                small.
        """
        import numpy as np

        from bench.data.images import as_color
        from bench.data.kernels import check_kernel
        from bench.scoring import degrade
        from bench.scoring.resize import imresize

        if self.needs_kernel != (kernel is not None):
            raise BenchError(f"protocol {self.name} {'needs a' if self.needs_kernel else 'takes no'} blur kernel")
        target = as_color(image, self.color)
        if kernel is not None:
            kernel = check_kernel(kernel)
        blurred: Pixels | None = None
        if self.degradation == "blur-natural":
            assert kernel is not None
            blurred, target = degrade.blur_natural(target, kernel)
            blurred = degrade.crop_to_multiple(blurred, self.multiple)
        target = degrade.crop_to_multiple(target, self.multiple)
        if min(target.shape[:2]) < max(self.multiple, 2 * self.border + 1):
            raise BenchError(f"protocol {self.name}: an image of {image.shape[0]}x{image.shape[1]} is too small")
        if self.degradation == "blur-circular":
            assert kernel is not None
            blurred = degrade.blur_circular(target, kernel)
        clean = degrade.to_float(target if blurred is None else blurred)
        if self.degradation == "bicubic":
            degraded = imresize(clean, 1 / self.scale)
        elif self.degradation == "ramp":
            degraded = degrade.noise_ramp(clean, self.sigma)
        else:
            degraded = degrade.awgn(clean, self.sigma)
        return Sample(degraded.astype(np.float32), np.ascontiguousarray(target), kernel)

    def quantise(self, restored: NDArray[np.floating]) -> Pixels:
        """The restored image as it is scored and shown: clipped to [0, 1], rounded to uint8."""
        from bench.scoring.metrics import to_uint8

        return to_uint8(restored)

    def scored(self, image: Pixels) -> Pixels:
        """The part and the channels of a uint8 image that are scored: Y for colour ×n, without the border."""
        from bench.scoring.metrics import crop_border, luma

        return crop_border(luma(image) if self.task == "sr" else image, self.border)

    def score(self, restored: NDArray[np.floating], target: Pixels) -> dict[str, float]:
        """PSNR (dB) and SSIM of a restored image.

        Args:
            restored: (H, W, C) in [0, 1], shape of the target.
            target: (H, W, C) uint8 from `prepare`.

        Raises:
            BenchError: shapes differ or a value is not finite.
        """
        from bench.scoring.metrics import psnr, ssim

        if restored.shape != target.shape:
            raise BenchError(f"the restored image is {restored.shape}, the target {target.shape}")
        a, b = self.scored(self.quantise(restored)), self.scored(target)
        return {"psnr": psnr(a, b), "ssim": ssim(a, b)}


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
    return Protocol(
        name,
        "deblurring",
        "rgb",
        text,
        sigma=sigma,
        border=1,
        multiple=8,
        degradation="blur-circular",
    )


def _deblur_natural(name: str, sigma: float) -> Protocol:
    text = (
        f"blurred as a photograph is (no pixel has seen a wrapped border), noise σ = {sigma:g}; "
        "scored on RGB rounded to uint8, border of 8 pixels cropped"
    )
    return Protocol(
        name,
        "deblurring",
        "rgb",
        text,
        sigma=sigma,
        border=8,
        multiple=8,
        degradation="blur-natural",
    )


_FAMILIES: dict[str, Callable[[str, float], Protocol]] = {
    "denoise-gray-s": _denoise_gray,
    "denoise-gray-ramp": _denoise_gray_ramp,
    "sr-bicubic-x": _sr_bicubic,
    "deblur-circular-s": _deblur_circular,
    "deblur-natural-s": _deblur_natural,
}
_NUMBER = re.compile(r"(0|[1-9]\d*)(\.\d*[1-9])?")  # one spelling per number, since the name is an identity


@functools.cache
def get(name: str) -> Protocol:
    """The protocol of that name: one of `PROTOCOLS`, or the same with another number
    (``denoise-gray-s15``).

    Raises:
        BenchError: an unknown name, with the nearest valid one.
    """
    for prefix, make in _FAMILIES.items():
        number = str(name).removeprefix(prefix)
        if str(name).startswith(prefix) and _NUMBER.fullmatch(number):
            return make(name, float(number))
    families = ", ".join(f"{prefix}NUMBER" for prefix in _FAMILIES)
    raise BenchError(f"unknown protocol {name!r}{nearest(str(name), NAMES)} (allowed: {families})")


PROTOCOLS: dict[str, Protocol] = {name: get(name) for name in NAMES}
"""Name → protocol, for `NAMES`."""
