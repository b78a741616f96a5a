"""Cures for a circular operator on an image that does not wrap around: padding and edge taper.

The operator sees the right edge beside the left one and the bottom beside the top. A photograph has
unrelated content there, so its inverse filters ring inwards from the seam. Either the seam is moved away
from the image and cropped later (`pad`), or it is blurred as the operator expects it to be (`taper`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.config.variants import PadMode
from bench.data.kernels import Kernel
from bench.foundation.errors import BenchError

Float = NDArray[np.floating]


def pad(image: Float, pixels: int, mode: PadMode = "reflect") -> Float:
    """An image with ``pixels`` more on each side.

    ``reflect`` mirrors about the edge pixel and ``replicate`` repeats it; both leave a seam where the far
    sides meet. ``wrap`` goes over from the mirrored right side to the mirrored left one with a raised
    cosine (bottom and top alike), so that there is no seam at all (the idea of Liu and Jia, "Reducing
    boundary artifacts in image deconvolution", ICIP 2008, with a fixed blend for their smooth fill).

    Args:
        image: (H, W, C).
        pixels: N >= 1.
        mode: reflect, replicate or wrap.

    Returns:
        (H + 2 N, W + 2 N, C), dtype of the image.

    Raises:
        BenchError: the image is too small to be mirrored that far.
    """
    need = {"reflect": pixels + 1, "replicate": 1, "wrap": 2 * pixels + 1}[mode]
    if min(image.shape[:2]) < need:
        height, width = image.shape[:2]
        raise BenchError(f"an image of {height}x{width} is too small for {mode} padding by {pixels} (at least {need})")
    if mode == "wrap":
        return _bridge(_bridge(image, pixels, 0), pixels, 1)
    widths = [(pixels, pixels), (pixels, pixels), (0, 0)]
    return np.pad(image, widths, mode="reflect") if mode == "reflect" else np.pad(image, widths, mode="edge")


def crop(image: Float, pixels: int) -> Float:
    """An image without ``pixels`` on each side: undoes `pad` (times the scale, after super-resolution)."""
    return image[pixels : image.shape[0] - pixels, pixels : image.shape[1] - pixels]


def taper(image: Float, psf: Kernel) -> Float:
    """An image whose border is blended into its circularly blurred self, as MATLAB's ``edgetaper`` does.

    J = a I + (1 - a) (I circularly blurred by the PSF), with a = (1 - r_rows) (1 - r_columns) and r the
    circular autocorrelation of the PSF's projection on that axis, normalised to 1 at lag 0: a falls to 0 at
    the edge and is 1 as far inside as the PSF is wide. Source: MATLAB Image Processing Toolbox, ``edgetaper``.

    Args:
        image: (H, W, C).
        psf: (kh, kw), odd sides, sum 1.

    Returns:
        (H, W, C), dtype of the image.

    Raises:
        BenchError: the image is smaller than twice the PSF.
    """
    if min(image.shape[0] // psf.shape[0], image.shape[1] // psf.shape[1]) < 2:
        raise BenchError(
            f"an image of {image.shape[0]}x{image.shape[1]} is too small for an edge taper "
            f"of {psf.shape[0]}x{psf.shape[1]}"
        )
    from scipy import ndimage

    blurred = ndimage.convolve(image.astype(np.float64), psf[..., None], mode="wrap")
    rows, columns = (_inside(psf.sum(axis=1 - axis), image.shape[axis]) for axis in (0, 1))
    alpha = (rows[:, None] * columns[None, :])[..., None]
    return (alpha * image + (1 - alpha) * blurred).astype(image.dtype)


def _inside(projection: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """1 - r along one axis: 0 at both ends, which are circular neighbours, 1 in the middle."""
    spectrum = np.fft.rfft(projection, length - 1)
    lags = np.fft.irfft(np.abs(spectrum) ** 2, length - 1)
    return 1 - np.append(lags, lags[0]) / lags[0]


def _bridge(image: Float, pixels: int, axis: int) -> Float:
    """``2 pixels`` between the last and the first line of an axis, half of them on either side."""
    lines = np.moveaxis(image, axis, 0)
    gap = np.arange(1, 2 * pixels + 1)
    weight = (0.5 - 0.5 * np.cos(np.pi * gap / (2 * pixels + 1))).astype(image.dtype)[:, None, None]
    after, before = lines[len(lines) - 1 - gap], lines[gap[::-1]]
    bridge = (1 - weight) * after + weight * before
    return np.moveaxis(np.concatenate([bridge[pixels:], lines, bridge[:pixels]]), 0, axis)
