"""One rule for every image that a user brings: what is 8-bit gray or RGB without loss is read, the rest refused.

Pillow reduces 16 bits of colour to 8 in silence, shows the first of several frames, drops alpha and further
channels, and clips where it converts floats or integers. Nothing here guesses a value range or drops content:
what would lose something is refused by name, alike in training, evaluation and ``restore``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from bench.foundation.errors import BenchError

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
"""Formats whose depth and frames `decode` knows how to find out."""
ALLOWED = "8-bit gray or RGB, one frame"
_LOSSLESS = {"1": "L", "L": "L", "LA": "L", "P": "RGB", "PA": "RGB", "RGB": "RGB", "RGBA": "RGB"}
"""Pillow's mode to the one that holds the same values, if all alpha is opaque."""
_CHANNELS = {"1": 1, "L": 1, "LA": 2, "P": 1, "PA": 2, "RGB": 3, "RGBA": 4}
ORIENTATION = 0x0112
"""The camera's orientation in EXIF and TIFF; 5 to 8: rows are columns."""
_SCALAR = ("I", "F")
"""Modes of one wide number per pixel; ``I;16`` and its kin begin alike."""


class Picture(NamedTuple):
    """Pixels (H, W, 1 or 3) uint8 with the camera's orientation applied, and the ICC profile they are meant in."""

    pixels: NDArray[np.uint8]
    profile: bytes | None


def decode(path: Path) -> Picture:
    """One image, exactly as its file holds it.

    Read: 8-bit gray and RGB; bilevel, 2- and 4-bit gray and palettes, whose values 8 bits hold; alpha that is opaque
    everywhere. Refused: 16 bits and floats (no range is guessed), partial transparency, several frames, CMYK,
    YCbCr and Lab (a conversion needs profiles), further channels, TIFFs that lie on their side.

    Raises:
        BenchError: missing, damaged, too large, or refused; names the file, what it holds and what is allowed.
    """
    with opened(path) as image:
        if reason := _refusal(image):
            raise BenchError(f"{path}: {reason}")
        profile = image.info.get("icc_profile")
        upright = ImageOps.exif_transpose(image)
        array = np.array(upright.convert(_LOSSLESS[image.mode]))
    return Picture(array if array.ndim == 3 else array[..., None], profile)


def size(path: Path) -> tuple[int, int]:
    """Height and width from the header of a file that `decode` takes, upright.

    Raises:
        BenchError: as `decode`, but for what is damaged behind the header.
    """
    with opened(path) as image:
        if reason := _refusal(image):
            raise BenchError(f"{path}: {reason}")
        turned = image.getexif().get(ORIENTATION, 1) >= 5
        return (image.width, image.height) if turned else (image.height, image.width)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image file; what goes wrong inside is a `BenchError` that names it."""
    try:
        if path.is_dir():
            raise BenchError(f"{path}: a folder, not an image")
        if path.exists() and not path.is_file():
            raise BenchError(f"{path}: not a regular file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large sizes and odd metadata; what matters is an error
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except FileNotFoundError as error:
        what = "a link to a file that is not there" if path.is_symlink() else "no such image"
        raise BenchError(f"{path}: {what}") from error
    except PermissionError as error:
        raise BenchError(f"{path}: cannot be read ({error.strerror})") from error
    except UnidentifiedImageError as error:
        raise BenchError(f"{path}: not an image that can be read (allowed: {', '.join(FORMATS)})") from error
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise BenchError(f"{path}: too large, cut it into parts (allowed: up to {limit:,} pixels)") from error
    except MemoryError as error:
        raise BenchError(f"{path}: out of memory while it was read") from error
    except BenchError:
        raise
    except Exception as error:  # a decoder fed with damaged bytes raises nearly anything
        raise BenchError(f"{path}: truncated or damaged image ({' '.join(str(error).split())})") from error


def _refusal(image: Image.Image) -> str:
    """Why an opened image is not taken; empty if it is."""
    if (frames := _frames(image)) > 1:
        return f"{frames} frames or pages (allowed: {ALLOWED}); save the one that is meant"
    if image.mode.startswith(_SCALAR):
        return f"{_scalar(image)} (allowed: {ALLOWED}); {_CONVERT}"
    if (bits := _bits(image)) > 8:
        return f"{bits} bits per channel, values 0 to {2**bits - 1} (allowed: {ALLOWED}); {_CONVERT}"
    if image.mode not in _LOSSLESS:
        return f"image mode {image.mode} (allowed: {ALLOWED}); convert it with its colour profile first"
    if reason := _tiff_refusal(image):
        return f"{reason} (allowed: {ALLOWED})"
    if image.has_transparency_data:
        lowest = image.convert("RGBA").getchannel("A").getextrema()[0]
        if lowest != 255:
            text = f"image mode {image.mode} with transparency, alpha from {lowest} of 255 (allowed: {ALLOWED})"
            return f"{text}; flatten it onto a background first"
    return ""


_CONVERT = "scale (x - black) / (white - black) to 0 … 255 and save 8 bits (skimage.util.img_as_ubyte)"


def _scalar(image: Image.Image) -> str:
    array = np.asarray(image)
    kind = "32-bit float" if image.mode == "F" else "16-bit gray" if ";16" in image.mode else "32-bit integer"
    finite = array[np.isfinite(array)]
    values = f"values {finite.min():g} to {finite.max():g}" if finite.size else "no finite value"
    lost = f", {array.size - finite.size} not finite" if finite.size < array.size else ""
    return f"image mode {image.mode} ({kind}), {values}{lost}: what is black and what is white is not known"


def _frames(image: Image.Image) -> int:
    """Number of images in the file. A photograph with previews or a gain map beside it is one image."""
    if image.format == "MPO":
        entries = image.mpinfo.get(0xB002, [])  # type: ignore[attr-defined]
        return sum(i == 0 or str(e["Attribute"]["MPType"]).startswith("Multi") for i, e in enumerate(entries))
    return int(getattr(image, "n_frames", 1))


def _bits(image: Image.Image) -> int:
    """Bits per channel in the file, which may be more than Pillow hands out."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return max(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,)))
    deepest = 8
    for tile in getattr(image, "tile", ()):  # of what Pillow reads; a damaged file may have none
        parameters = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        for value in parameters:
            if isinstance(value, str) and ";16" in value:
                deepest = 16
            elif image.format == "PPM" and isinstance(value, int) and value > 255:
                deepest = max(deepest, value.bit_length())
    return deepest


def _tiff_refusal(image: Image.Image) -> str:
    """Signed or float samples, channels beyond those of the mode, which Pillow skips, and what lies on its side, of
    which Pillow 13 reads uncompressed rows in the length of columns."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return ""
    if (turned := image.tag_v2.get(ORIENTATION, 1)) >= 5:
        return f"a TIFF that lies on its side (orientation {turned}); save it upright"
    if set(image.tag_v2.get(TiffImagePlugin.SAMPLEFORMAT, (1,))) != {1}:
        return f"image mode {image.mode} of signed or floating-point samples"
    samples = image.tag_v2.get(TiffImagePlugin.SAMPLESPERPIXEL, 1)
    return f"{samples} channels" if samples != _CHANNELS[image.mode] else ""
