"""PSNR and SSIM against the definitions of the protocols, written out."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from fabricated_sets import photograph
from scipy import ndimage

from bench.config import metric_names
from bench.data.images import Pixels
from bench.foundation.errors import BenchError
from bench.scoring import extra_metrics, metrics


def noisy(image: Pixels, sigma: float = 12.0) -> Pixels:
    noise = np.random.default_rng(3).normal(0, sigma, image.shape)
    return np.clip(np.round(image + noise), 0, 255).astype(np.uint8)


def psnr_written_out(a: Pixels, b: Pixels) -> float:
    return float(20 * np.log10(255 / np.sqrt(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))))


def ssim_written_out(a: Pixels, b: Pixels) -> float:
    """Wang et al. (2004), Eq. 13, 11x11 Gaussian window of width 1.5, valid region; mean over the channels."""
    line = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = np.outer(line, line) / line.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for x, y in zip(np.moveaxis(a, -1, 0).astype(float), np.moveaxis(b, -1, 0).astype(float), strict=True):

        def mean(z: np.ndarray) -> np.ndarray:
            return ndimage.correlate(z, window)[5:-5, 5:-5]

        mx, my = mean(x), mean(y)
        vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
        values.append((((2 * mx * my + c1) * (2 * cov + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())
    return float(np.mean(values))


CHANNELS = {
    "gray": lambda: photograph(channels=1),
    "rgb": lambda: photograph(channels=3),
    "Y": lambda: metrics.luma(photograph(channels=3)),
}


@pytest.mark.parametrize("make", CHANNELS.values(), ids=CHANNELS.keys())
def test_psnr_and_ssim_are_the_definitions(make) -> None:  # type: ignore[no-untyped-def]
    target = make()
    restored = noisy(target)
    assert abs(metrics.psnr(restored, target) - psnr_written_out(restored, target)) < 1e-6
    assert abs(metrics.ssim(restored, target) - ssim_written_out(restored, target)) < 1e-6


@pytest.mark.parametrize("make", CHANNELS.values(), ids=CHANNELS.keys())
def test_psnr_is_that_of_scikit_image_to_the_last_bit(make) -> None:  # type: ignore[no-untyped-def]
    from skimage.metrics import peak_signal_noise_ratio

    target = make()
    restored = noisy(target)
    assert metrics.psnr(restored, target) == float(peak_signal_noise_ratio(target, restored, data_range=255))


def test_equal_images() -> None:
    image = photograph()
    assert metrics.psnr(image, image) == float("inf")
    assert metrics.ssim(image, image) == pytest.approx(1.0)


def test_uint8_is_not_subtracted_as_uint8() -> None:
    zero, full = np.zeros((16, 16, 1), np.uint8), np.full((16, 16, 1), 255, np.uint8)
    assert metrics.psnr(zero, full) == metrics.psnr(full, zero) == 0.0


def test_luma_is_studio_range_and_rounded() -> None:
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert metrics.luma(colours)[0, :, 0].tolist() == [16, 235, 81, 145, 41]


def test_to_uint8_clips_and_rounds() -> None:
    values = np.array([[[-0.2], [0.4999 / 255], [0.5001 / 255], [1.7]]])
    assert metrics.to_uint8(values).ravel().tolist() == [0, 0, 1, 255]
    with pytest.raises(BenchError, match="not finite"):
        metrics.to_uint8(np.array([[[np.nan]]]))


@pytest.mark.parametrize(
    ("restored", "target"),
    [
        (np.zeros((16, 16, 1)), np.zeros((16, 16, 1), np.uint8)),
        (np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16, 1), np.uint8)),
        (np.zeros((16, 16), np.uint8), np.zeros((16, 16), np.uint8)),
    ],
    ids=["float", "channels", "2-D"],
)
def test_scores_refuse_what_they_cannot_compare(restored: np.ndarray, target: np.ndarray) -> None:
    for metric in (metrics.psnr, metrics.ssim):
        with pytest.raises(BenchError, match="two uint8 images"):
            metric(restored, target)


def test_too_small_for_a_window_or_a_border() -> None:
    small = np.zeros((10, 40, 1), np.uint8)
    with pytest.raises(BenchError, match="11 pixels on each side, got 10x40"):
        metrics.ssim(small, small)
    with pytest.raises(BenchError, match="10x40 is too small to crop a border of 5"):
        metrics.crop_border(small, 5)


def test_extra_metrics_are_checked_without_pyiqa() -> None:
    with pytest.raises(BenchError, match=r"unknown metric 'fsmi'; did you mean 'fsim'\?"):
        metric_names.check_extra(["gmsd", "fsmi"])
    assert extra_metrics.extra([]) == {}
    assert metric_names.EXTRA["lpips"].downloads and not metric_names.EXTRA["fsim"].downloads


def test_without_pyiqa_one_is_told_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(BenchError, match="pip install pyiqa"):
        extra_metrics.extra(["fsim"])
