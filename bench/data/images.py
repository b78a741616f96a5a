"""Photographs in and out: 8-bit gray or RGB arrays (H, W, C), with errors that name the file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.data.decoding import decode, opened
from bench.foundation import atomic
from bench.foundation.errors import BenchError

Color = Literal["gray", "rgb"]
Pixels = NDArray[np.uint8]

RGB_TO_GRAY = np.array([0.298936021293775, 0.587043074451121, 0.114020904255103])
"""MATLAB's ``rgb2gray`` (BT.601 luma, full range): the formula that made BSD68.

Measured: all 68 lie in BSD100 (one row and one column smaller), and this formula, rounded, gives them
bit for bit; Pillow's fixed-point ``convert("L")`` differs by 1 in 0.004 % of the pixels.
"""


def read_image(path: Path, color: Color | None = None) -> Pixels:
    """An image of 8-bit gray or RGB values (`bench.data.decoding.decode` says which files hold them).

    Args:
        path: the file. The EXIF orientation of a camera is applied.
        color: ``"gray"`` or ``"rgb"`` to convert (`to_gray`; a gray image is three equal channels);
            None as stored.

    Returns:
        (H, W, C) uint8, C = 1 or 3.

    Raises:
        BenchError: missing, damaged, or holding what 8-bit gray or RGB cannot.
    """
    return as_color(decode(path).pixels, color)


def thumbnail(path: Path, side: int) -> Pixels:
    """The whole image as (side, side) gray uint8, box-filtered, whatever its shape and mode.

    Raises:
        BenchError: as `read_image`, for files that cannot be decoded.
    """
    with opened(path) as image:
        image.draft("L", (4 * side, 4 * side))  # lets the JPEG decoder skip what the reduction drops
        return np.asarray(image.convert("L").resize((side, side), Image.Resampling.BOX))


def as_color(image: Pixels, color: Color | None) -> Pixels:
    """(H, W, 1 or 3) uint8 to the channels that ``color`` names; None leaves it alone."""
    if color == "gray" and image.shape[-1] == 3:
        return to_gray(image)
    if color == "rgb" and image.shape[-1] == 1:
        return np.repeat(image, 3, axis=-1)
    return image


def to_gray(rgb: Pixels) -> Pixels:
    """(H, W, 3) uint8 to (H, W, 1) uint8: `RGB_TO_GRAY`, rounded half up as MATLAB does."""
    return np.floor(rgb.astype(np.float64) @ RGB_TO_GRAY + 0.5).astype(np.uint8)[..., None]


def write_png(path: Path, image: Pixels, profile: bytes | None = None) -> None:
    """Write (H, W), (H, W, 1) or (H, W, 3) uint8 as PNG; whole or not at all.

    Args:
        path: the file.
        image: the pixels.
        profile: the ICC profile that they are meant in.

    Raises:
        BenchError: another shape or dtype, or the file cannot be written.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise BenchError(f"{path}: a PNG is made of uint8 (H, W, 1 or 3), got {image.dtype} {image.shape}")
    buffer = io.BytesIO()
    picture = Image.fromarray(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    picture.save(buffer, format="PNG", icc_profile=profile)
    atomic.write_bytes(path, buffer.getvalue())
