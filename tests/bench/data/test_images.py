"""Images in and out: 8-bit gray or RGB, and errors that name the file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import photograph, public_mirror
from PIL import Image

from bench.data.images import as_color, read_image, thumbnail, to_gray, write_png
from bench.foundation.errors import BenchError


@pytest.mark.parametrize("channels", [1, 3])
def test_png_round_trip(tmp_path: Path, channels: int) -> None:
    image = photograph(channels=channels)
    write_png(tmp_path / "new" / "a.png", image)
    assert np.array_equal(read_image(tmp_path / "new" / "a.png"), image)
    assert read_image(tmp_path / "new" / "a.png", "rgb").shape == (48, 64, 3)


def test_gray_is_matlabs_rgb2gray_and_three_equal_channels() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [10, 20, 30]]], np.uint8)
    assert to_gray(colours)[0, :, 0].tolist() == [76, 150, 29, 255, 18]
    gray = photograph(channels=1)
    assert np.array_equal(as_color(gray, "rgb")[..., 2:], gray)
    assert as_color(gray, "gray") is gray and as_color(gray, None) is gray


def test_a_cameras_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photograph()).save(tmp_path / "a.png", exif=exif)
    assert read_image(tmp_path / "a.png").shape == (64, 48, 3)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _photo() -> Image.Image:
    return Image.fromarray(photograph())


def test_thumbnails_take_any_mode_but_no_damage(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_png(_photo().convert("RGBA")))
    assert thumbnail(tmp_path / "a.png", 16).shape == (16, 16)
    (tmp_path / "a.png").write_bytes(_png(_photo())[:-2000])
    with pytest.raises(BenchError, match=r"a\.png: truncated"):
        thumbnail(tmp_path / "a.png", 16)


@pytest.mark.parametrize("image", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros(4, np.uint8)])
def test_what_is_no_png_is_not_written(tmp_path: Path, image: np.ndarray) -> None:
    with pytest.raises(BenchError, match="a PNG is made of uint8"):
        write_png(tmp_path / "a.png", image)
    assert not list(tmp_path.iterdir())


@pytest.mark.mirror
def test_bsd68_is_the_gray_of_bsd100() -> None:
    """Needs BENCH_MIRROR. Offline sibling: `test_gray_is_matlabs_rgb2gray_and_three_equal_channels`."""
    host = public_mirror() / "raw.githubusercontent.com"
    gray = sorted(host.glob("cszn/DnCNN/*/testsets/BSD68/*.png"))
    color = sorted(host.glob("jbhuang0604/SelfExSR/*/data/BSD100/image_SRF_4/*.png"))
    wanted = {to_gray(read_image(p)).tobytes() for p in color}
    images = [read_image(path) for path in gray]
    assert len(images) == 68
    assert all(image[: image.shape[0] - 1, : image.shape[1] - 1].tobytes() in wanted for image in images)
