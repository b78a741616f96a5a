"""From a clean photograph to a test case, as a protocol says (`bench.data.protocols`); no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.images import Pixels, as_color
from bench.data.kernels import Kernel, check_kernel
from bench.data.protocols import Protocol
from bench.foundation.errors import BenchError
from bench.scoring import degrade
from bench.scoring.resize import imresize


@dataclass(frozen=True)
class Sample:
    """One test case."""

    input: NDArray[np.float32]
    """Degraded image, (h, w, C), in [0, 1] before noise; not clipped."""
    target: Pixels
    """Clean image that the restored one is scored against, (H, W, C) uint8; H = h * scale."""
    kernel: Kernel | None = None
    """Blur kernel for non-blind models, (kh, kw) float64."""


def target_size(protocol: Protocol, height: int, width: int, kernel: tuple[int, int] = (1, 1)) -> tuple[int, int]:
    """Height and width of the target that an image gives, border included.

    Args:
        protocol: what is done to it.
        height: of the clean image.
        width: of it.
        kernel: sides of the blur kernel; one pixel where there is none.

    Raises:
        BenchError: the image is too small.
    """
    lost = [side // 2 * 2 if protocol.degradation == "blur-natural" else 0 for side in kernel]
    high, wide = (max(side - gone, 0) for side, gone in zip((height, width), lost, strict=True))
    size = high - high % protocol.multiple, wide - wide % protocol.multiple
    if min(size) < max(protocol.multiple, 2 * protocol.border + 1):
        raise BenchError(f"protocol {protocol.name}: an image of {height}x{width} is too small")
    return size


def prepare(protocol: Protocol, image: Pixels, kernel: Kernel | None = None) -> Sample:
    """Degrade one clean image; deterministic.

    Args:
        protocol: what to do.
        image: (H, W, 1 or 3) uint8, converted to the protocol's colour (gray to three equal
            channels).
        kernel: (kh, kw), only where `needs_kernel`.

    Raises:
        BenchError: a kernel is missing, unwanted or not a blur kernel, or the image is too
            small.
    """
    if protocol.needs_kernel != (kernel is not None):
        raise BenchError(f"protocol {protocol.name} {'needs a' if protocol.needs_kernel else 'takes no'} blur kernel")
    target = as_color(image, protocol.color)
    if kernel is not None:
        kernel = check_kernel(kernel)
    sides = (1, 1) if kernel is None else (kernel.shape[0], kernel.shape[1])
    height, width = target_size(protocol, image.shape[0], image.shape[1], sides)
    blurred: Pixels | None = None
    if protocol.degradation == "blur-natural":
        assert kernel is not None
        blurred, target = degrade.blur_natural(target, kernel)
        blurred = blurred[:height, :width]
    target = target[:height, :width]
    if protocol.degradation == "blur-circular":
        assert kernel is not None
        blurred = degrade.blur_circular(target, kernel)
    clean = degrade.to_float(target if blurred is None else blurred)
    if protocol.degradation == "bicubic":
        degraded = imresize(clean, 1 / protocol.scale)
    elif protocol.degradation == "ramp":
        degraded = degrade.noise_ramp(clean, protocol.sigma)
    else:
        degraded = degrade.awgn(clean, protocol.sigma)
    return Sample(degraded.astype(np.float32), np.ascontiguousarray(target), kernel)
