"""What happens to a photograph before it is restored: noise and blur (`bench.data.protocols`).

Evaluation noise comes from the legacy generator, reseeded for every image, since that is what the
published averages were made with; training noise comes from an explicit `numpy.random.Generator`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bench.data.images import Pixels
from bench.data.kernels import Kernel

SEED = 0
"""Of the legacy generator: the published protocol reseeds with it for every image."""


def to_float(image: Pixels) -> NDArray[np.float64]:
    """uint8 to float64 in [0, 1]."""
    return image.astype(np.float64) / 255.0


def awgn(clean: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Add white Gaussian noise of the evaluation protocols; neither clipped nor rounded.

    Args:
        clean: (H, W, C) in [0, 1].
        sigma: standard deviation in units of 1/255.
    """
    noise = np.random.RandomState(SEED).normal(0.0, sigma / 255.0, size=clean.shape)
    return clean + noise


def noise_ramp(clean: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Fig. 4: noise whose level grows linearly from 0 at the left edge to ``sigma`` at the right edge."""
    level = np.linspace(0.0, sigma / 255.0, clean.shape[1])[None, :, None]
    return clean + np.random.RandomState(SEED).normal(0.0, 1.0, size=clean.shape) * level


def blur_circular(image: Pixels, kernel: Kernel) -> Pixels:
    """Circular convolution of a uint8 image; the result is uint8 and truncated, not rounded.

    Args:
        image: (H, W, C).
        kernel: (kh, kw) with odd sides; its centre tap is the origin. Convolution, so the kernel is
            flipped.
    """
    return np.asarray(ndimage.convolve(image, kernel[..., None], mode="wrap"))


def blur_natural(image: Pixels, kernel: Kernel) -> tuple[Pixels, Pixels]:
    """Blur as a camera does: no pixel of the result has seen a boundary.

    Returns:
        The blurred centre and the sharp image on the same window, both smaller by the kernel's
        radius on each side.
    """
    dy, dx = kernel.shape[0] // 2, kernel.shape[1] // 2
    window = (slice(dy, image.shape[0] - dy), slice(dx, image.shape[1] - dx))
    return blur_circular(image, kernel)[window], image[window]
