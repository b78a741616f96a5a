"""Classical rows: what they give on a photograph, and that their one constant is not chosen on test images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage
from fabricated_sets import photograph

from bench.data import protocols
from bench.data.datasets import load_datasets
from bench.data.images import read_image
from bench.foundation.errors import BenchError
from bench.scoring import classical
from bench.scoring.prepare import prepare
from bench.scoring.resize import imresize
from bench.scoring.score import score

DENOISE = protocols.get("denoise-gray-s25")


def sample(name: str = "chelsea.png") -> protocols.Sample:
    path = Path(skimage.__file__).parent / "data" / name
    return prepare(DENOISE, read_image(path)[:128, 64:192])


def psnr(method: str, one: protocols.Sample) -> float:
    return score(DENOISE, classical.restore(method, one, DENOISE), one.target)["psnr"]


@pytest.mark.parametrize(("method", "least"), [("tv", 6.5), ("wavelet", 6.5)])
def test_denoisers_denoise(method: str, least: float) -> None:
    one = sample()
    assert psnr(method, one) > psnr("noisy", one) + least


def test_the_weight_is_the_best_on_the_training_photographs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = [sample(name) for name in load_datasets()["embedded_train"].hashes]
    found = {}
    for weight in (0.6, classical.TV_WEIGHT, 1.0):
        monkeypatch.setattr(classical, "TV_WEIGHT", weight)
        found[weight] = np.mean([psnr("tv", one) for one in samples])
    assert max(found, key=lambda w: found[w]) == 0.8


def test_bicubic_is_matlabs() -> None:
    protocol = protocols.get("sr-bicubic-x4")
    one = prepare(protocol, photograph(48, 64))
    restored = classical.restore("bicubic", one, protocol)
    assert restored.shape == one.target.shape
    np.testing.assert_array_equal(restored, imresize(one.input, 4))


def test_the_degraded_input_itself() -> None:
    one = sample()
    assert classical.restore("noisy", one, DENOISE) is one.input


@pytest.mark.parametrize("method", ["bicubic", "blurred", "median"])
def test_other_methods_are_refused(method: str) -> None:
    with pytest.raises(BenchError, match=r"does not serve denoising \(allowed: noisy, tv, wavelet\)"):
        classical.restore(method, sample(), DENOISE)
