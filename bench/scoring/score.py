"""How a restored image is scored, as a protocol says (`bench.data.protocols`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.images import Pixels
from bench.data.protocols import Protocol
from bench.foundation.errors import BenchError
from bench.scoring.metrics import WINDOW, crop_border, luma, psnr, ssim, to_uint8


def scored(protocol: Protocol, image: Pixels) -> Pixels:
    """The part and the channels of a uint8 image that are scored: Y for colour ×n, without the border."""
    return crop_border(luma(image) if protocol.task == "sr" else image, protocol.border)


def score(protocol: Protocol, restored: NDArray[np.floating], target: Pixels) -> dict[str, float | str]:
    """PSNR (dB) and SSIM of a restored image; a text in place of SSIM says why an image has none.

    Args:
        protocol: how.
        restored: (H, W, C) in [0, 1], shape of the target.
        target: (H, W, C) uint8 from `bench.scoring.prepare.prepare`.

    Raises:
        BenchError: shapes differ or a value is not finite.
    """
    if restored.shape != target.shape:
        raise BenchError(f"the restored image is {restored.shape}, the target {target.shape}")
    a, b = scored(protocol, to_uint8(restored)), scored(protocol, target)
    too_small = min(b.shape[:2]) < WINDOW
    reason = f"{b.shape[0]}x{b.shape[1]} pixels, it needs {WINDOW} on each side"
    return {"psnr": psnr(a, b), "ssim": reason if too_small else ssim(a, b)}
