"""PSNR and SSIM as the protocols define them (uint8 data, float64).

scikit-image is imported where it is used: that takes half a second, which the Snakefile's parsing must not pay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.images import Pixels
from bench.foundation.errors import BenchError

STUDIO_Y = np.array([65.481, 128.553, 24.966]) / 255.0
"""BT.601 studio-range luma of RGB in 0 … 255; the offset is 16."""
WINDOW = 11
"""Side of SSIM's Gaussian window."""


def _check(restored: Pixels, target: Pixels) -> None:
    if restored.dtype != np.uint8 or target.dtype != np.uint8 or restored.shape != target.shape or target.ndim != 3:
        raise BenchError(
            f"a score needs two uint8 images (H, W, C) of one shape, "
            f"got {restored.dtype} {restored.shape} and {target.dtype} {target.shape}"
        )


def psnr(restored: Pixels, target: Pixels) -> float:
    """20 log10(255 / RMSE) in dB over all pixels and channels; infinite for equal images.

    Not scikit-image's: its module imports scipy.stats, a second in every job. Sums of squared bytes are exact in
    float64, so the two agree to the last bit (tested).
    """
    _check(restored, target)
    mse = float(np.mean((target.astype(np.float64) - restored) ** 2))
    return float("inf") if mse == 0 else 10.0 * float(np.log10(255.0**2 / mse))


def ssim(restored: Pixels, target: Pixels) -> float:
    """Mean SSIM of Wang et al. (2004): 11x11 Gaussian of width 1.5, valid region; colour: mean over the channels."""
    from skimage.metrics import structural_similarity

    _check(restored, target)
    if min(target.shape[:2]) < WINDOW:
        raise BenchError(f"SSIM needs {WINDOW} pixels on each side, got {target.shape[0]}x{target.shape[1]}")
    return float(
        structural_similarity(
            target,
            restored,
            data_range=255,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def luma(rgb: Pixels) -> Pixels:
    """Studio-range BT.601 Y of (H, W, 3) uint8, rounded to uint8 (16 … 235), (H, W, 1)."""
    return np.round(rgb.astype(np.float64) @ STUDIO_Y + 16.0).astype(np.uint8)[..., None]


def crop_border(image: Pixels, border: int) -> Pixels:
    """Without ``border`` pixels on each side."""
    height, width = image.shape[:2]
    if min(height, width) <= 2 * border:
        raise BenchError(f"an image of {height}x{width} is too small to crop a border of {border}")
    return image[border : height - border, border : width - border]


def to_uint8(restored: NDArray[np.floating]) -> Pixels:
    """Clip to [0, 1], times 255, round to uint8."""
    if not np.isfinite(restored).all():
        raise BenchError("the restored image has values that are not finite")
    return np.round(np.clip(restored.astype(np.float64), 0.0, 1.0) * 255.0).astype(np.uint8)
