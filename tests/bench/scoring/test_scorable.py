"""What is foreseen of a test from the headers of its images is what happens when they are scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import photograph

from bench.data.images import read_image, write_png
from bench.data.kernel_files import load_kernel
from bench.data.kernels import gaussian_kernel
from bench.data.protocols import NAMES, get
from bench.foundation.errors import BenchError
from bench.scoring.prepare import prepare, target_size
from bench.scoring.scorable import foreseen
from bench.scoring.score import score


@pytest.fixture
def taps(tmp_path: Path) -> list[Path]:
    for name, side in (("narrow", 3), ("wide", 7)):
        np.save(tmp_path / f"{name}.npy", gaussian_kernel(1.0, side))
    return [tmp_path / "narrow.npy", tmp_path / "wide.npy"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 40), (12, 12), (16, 24), (20, 20), (32, 32), (40, 33)])
def test_what_is_foreseen_happens(tmp_path: Path, taps: list[Path], name: str, height: int, width: int) -> None:
    protocol = get(name)
    path = tmp_path / "a.png"
    write_png(path, photograph(height, width))
    kernels = taps if protocol.needs_kernel else []
    said = foreseen([path], protocol, (), kernels)
    try:
        sample = prepare(protocol, read_image(path), load_kernel(kernels[-1]) if kernels else None)
    except BenchError as error:
        assert said == [f"{path}: {error}: it cannot be scored, and without it the test has no result"]
        return
    ssim = score(protocol, sample.target / 255.0, sample.target)["ssim"]
    assert sample.target.shape[:2] == target_size(protocol, height, width, (7, 7) if kernels else (1, 1))
    if isinstance(ssim, str):
        assert said == [f"{path}: ssim will be a dash ({ssim.replace(' pixels', ' scored')})"]
    else:
        assert not said


def test_a_kernel_that_is_none_is_foreseen(tmp_path: Path) -> None:
    np.save(tmp_path / "k.npy", np.ones((2, 2)))
    (line,) = foreseen([], get("deblur-circular-s2.55"), (), [tmp_path / "k.npy"])
    assert "k.npy: sides of a blur kernel are odd" in line and "the test has no result" in line
