"""What users bring as images: the same values come out, or one line says what is in the file and what is allowed."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import photograph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

from bench.data.decoding import decode, size
from bench.data.images import read_image, write_png
from bench.foundation.errors import BenchError

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PHOTO = photograph(8, 10)
GRAY = photograph(8, 10, 1)[..., 0]


def png(pixels: np.ndarray, depth: int, kind: int) -> bytes:
    """A PNG of any depth, (H, W, C) unsigned, colour type as in the standard; Pillow writes no 16-bit colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = pixels.shape[:2]
    rows = pixels.astype(">u2" if depth == 16 else "u1").reshape(height, -1)
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def saved(image: Image.Image | np.ndarray, format: str = "PNG", **how: object) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, format=format, **how)
    return buffer.getvalue()


def wide(*shape: int) -> np.ndarray:
    return np.linspace(0, 65535, int(np.prod(shape))).round().reshape(shape)


def translucent(mode: str) -> Image.Image:
    image = Image.fromarray(PHOTO).convert(mode)
    image.putalpha(128)
    return image


READ: dict[str, tuple[Callable[[], bytes], np.ndarray]] = {
    "gray": (lambda: saved(GRAY), GRAY[..., None]),
    "colour": (lambda: saved(PHOTO), PHOTO),
    "bilevel": (lambda: saved(Image.fromarray(GRAY > 99)), np.where(GRAY > 99, 255, 0)[..., None]),
    "opaque colour": (lambda: saved(Image.fromarray(PHOTO).convert("RGBA")), PHOTO),
    "opaque gray": (lambda: saved(Image.fromarray(GRAY).convert("LA")), GRAY[..., None]),
    "palette": (
        lambda: saved(Image.fromarray(PHOTO).convert("P", palette=Image.Palette.ADAPTIVE, colors=256)),
        PHOTO,
    ),
    "one page of a TIFF": (lambda: saved(PHOTO, "TIFF"), PHOTO),
    "white is zero": (lambda: saved(Image.fromarray(GRAY), "TIFF", tiffinfo={262: 0}), GRAY[..., None]),
    "one frame of a GIF": (lambda: saved(GRAY, "GIF"), np.repeat(GRAY[..., None], 3, axis=2)),
    "portable map": (lambda: saved(PHOTO, "PPM"), PHOTO),
    "bitmap": (lambda: saved(PHOTO, "BMP"), PHOTO),
    "lossless WebP": (lambda: saved(PHOTO, "WEBP", lossless=True), PHOTO),
}


@pytest.mark.parametrize(("make", "want"), READ.values(), ids=READ.keys())
def test_values_that_8_bits_hold_are_read_as_they_are(
    tmp_path: Path, make: Callable[[], bytes], want: np.ndarray
) -> None:
    (tmp_path / "x.png").write_bytes(make())
    got = decode(tmp_path / "x.png").pixels
    assert got.dtype == np.uint8 and np.array_equal(got, want)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "float TIFF": (
        lambda: saved(np.full((8, 8), 0.5, np.float32), "TIFF"),
        "mode F .*values 0.5 to 0.5.*allowed.*scale",
    ),
    "NaN in a TIFF": (
        lambda: saved(np.array([[np.nan, 1.0]], np.float32), "TIFF"),
        r"values 1 to 1, 1 not finite.*allowed",
    ),
    "all NaN": (lambda: saved(np.full((2, 2), np.nan, np.float32), "TIFF"), "no finite value"),
    "int TIFF": (lambda: saved(np.full((8, 8), 200, np.int32), "TIFF"), r"mode I .*values 200 to 200.*allowed.*scale"),
    "16-bit gray PNG": (lambda: saved(wide(8, 8).astype(np.uint16)), r"mode I;16 .*values 0 to 65535.*allowed"),
    "16-bit gray TIFF": (lambda: saved(wide(8, 8).astype(np.uint16), "TIFF"), "mode I;16 "),
    "16-bit colour PNG": (lambda: png(wide(8, 8, 3), 16, 2), "16 bits per channel, values 0 to 65535.*allowed.*scale"),
    "16-bit gray and alpha PNG": (lambda: png(wide(8, 8, 2), 16, 4), "16 bits per channel"),
    "16-bit colour and alpha PNG": (lambda: png(wide(8, 8, 4), 16, 6), "16 bits per channel"),
    "16-bit portable map": (lambda: b"P6 2 2 65535\n" + bytes(24), "16 bits per channel"),
    "10-bit portable map": (lambda: b"P6 2 2 1023\n" + bytes(24), "10 bits per channel"),
    "half transparent colour": (lambda: saved(translucent("RGBA")), "alpha from 128 of 255.*allowed.*flatten"),
    "half transparent gray": (lambda: saved(translucent("LA")), "alpha from 128"),
    "transparent colour of a palette": (
        lambda: saved(Image.fromarray(GRAY).convert("P"), transparency=int(GRAY[0, 0])),
        "transparency, alpha from 0",
    ),
    "transparent gray level": (lambda: saved(GRAY, transparency=int(GRAY[0, 0])), "transparency, alpha from 0"),
    "CMYK": (lambda: saved(Image.fromarray(PHOTO).convert("CMYK"), "TIFF"), "image mode CMYK .*profile"),
    "CMYK JPEG": (lambda: saved(Image.fromarray(PHOTO).convert("CMYK"), "JPEG"), "image mode CMYK"),
    "YCbCr": (lambda: saved(Image.fromarray(PHOTO).convert("YCbCr"), "TIFF"), "image mode YCbCr"),
    "Lab": (
        lambda: saved(
            ImageCms.applyTransform(
                Image.fromarray(PHOTO),
                ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"),
            ),
            "TIFF",
        ),
        "image mode LAB",
    ),
    "two pages": (
        lambda: saved(PHOTO, "TIFF", save_all=True, append_images=[Image.fromarray(PHOTO)]),
        "2 frames or pages.*allowed.*save the one",
    ),
    "animated GIF": (
        lambda: saved(GRAY, "GIF", save_all=True, append_images=[Image.fromarray(255 - GRAY)]),
        "2 frames or pages",
    ),
    "animated PNG": (
        lambda: saved(PHOTO, "PNG", save_all=True, append_images=[Image.fromarray(255 - PHOTO)]),
        "2 frames or pages",
    ),
    "zero bytes": (lambda: b"", "not an image that can be read.*allowed"),
    "text": (lambda: b"hello", "not an image that can be read"),
    "truncated PNG": (lambda: saved(photograph())[:-2000], "truncated or damaged"),
    "truncated JPEG": (lambda: saved(photograph(), "JPEG")[:-500], "truncated or damaged"),
    "truncated TIFF": (lambda: saved(photograph(), "TIFF")[:2000], "truncated or damaged|not an image"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_lose_something_is_refused_by_name(tmp_path: Path, make: Callable[[], bytes], message: str) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(make())
    with pytest.raises(BenchError, match=message) as caught:
        decode(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["float16", "float64", "uint16", "int16", "uint32", "int8"])
def test_wide_tiffs_of_scientists(tmp_path: Path, dtype: str) -> None:
    tifffile = pytest.importorskip("tifffile", reason="comes with scikit-image")
    for shape in ((8, 8), (8, 8, 3), (8, 8, 5)):
        tifffile.imwrite(tmp_path / "x.tif", np.ones(shape, dtype), photometric="minisblack")
        with pytest.raises(BenchError, match=r"x\.tif: ") as caught:
            decode(tmp_path / "x.tif")
        assert "allowed" in str(caught.value)
    tifffile.imwrite(tmp_path / "x.tif", np.ones((8, 8, 5), "uint8"), photometric="rgb")
    with pytest.raises(BenchError, match="5 channels"):
        decode(tmp_path / "x.tif")


def test_huge_folders_and_pipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "x.png", PHOTO)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    with pytest.raises(BenchError, match=r"x\.png: too large.*allowed: up to 60 pixels"):
        decode(tmp_path / "x.png")
    with pytest.raises(BenchError, match="a folder, not an image"):
        decode(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(BenchError, match="not a regular file"):
        decode(tmp_path / "pipe.png")


def test_memory_that_runs_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "x.png", PHOTO)

    def out(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("bench.data.decoding._refusal", out)
    with pytest.raises(BenchError, match=r"x\.png: out of memory"):
        decode(tmp_path / "x.png")


@QUICK
@given(
    pixels=arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))),
    orientation=st.integers(1, 8),
    extension=st.sampled_from(["png", "tif", "bmp"]),
)
def test_any_8_bit_values_come_back(tmp_path: Path, pixels: np.ndarray, orientation: int, extension: str) -> None:
    path = tmp_path / f"x.{extension}"
    plain = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    exif = Image.Exif()
    if extension != "bmp":
        exif[0x0112] = orientation
        plain.save(path, exif=exif)
    else:
        plain.save(path)
        orientation = 1
    if extension == "tif" and orientation >= 5:
        for read in (read_image, size):
            with pytest.raises(
                BenchError, match=rf"x\.tif: a TIFF that lies on its side \(orientation {orientation}\)"
            ):
                read(path)
        return
    turned = pixels if orientation < 5 else pixels.transpose(1, 0, 2)
    flips = {1: (), 2: (1,), 3: (0, 1), 4: (0,), 5: (), 6: (1,), 7: (0, 1), 8: (0,)}[orientation]
    assert np.array_equal(read_image(path), np.flip(turned, flips) if flips else turned)
    assert size(path) == turned.shape[:2]


@QUICK
@given(values=arrays(np.uint16, (4, 5, 3)), kind=st.sampled_from([0, 2]))
def test_no_16_bit_png_is_read_in_silence(tmp_path: Path, values: np.ndarray, kind: int) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png(values if kind == 2 else values[..., :1], 16, kind))
    with pytest.raises(BenchError, match=r"x\.png: .*16"):
        read_image(path)


@QUICK
@given(
    values=arrays(np.float32, (3, 4), elements=st.floats(width=32)),
    kind=st.sampled_from([np.float32, np.int32]),
)
def test_no_range_is_guessed(tmp_path: Path, values: np.ndarray, kind: type) -> None:
    path = tmp_path / "x.tif"
    with np.errstate(invalid="ignore"):
        Image.fromarray(values.astype(kind)).save(path)
    with pytest.raises(BenchError, match="what is black and what is white is not known"):
        read_image(path)


def test_a_profile_is_handed_on(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "x.jpg").write_bytes(saved(PHOTO, "JPEG", icc_profile=profile))
    picture = decode(tmp_path / "x.jpg")
    assert picture.profile == profile
    write_png(tmp_path / "y.png", picture.pixels, picture.profile)
    with Image.open(tmp_path / "y.png") as image:
        assert image.info["icc_profile"] == profile
