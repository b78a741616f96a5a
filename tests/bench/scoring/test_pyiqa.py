"""pyiqa as the second witness, and as the source of further metrics. The import takes seconds: this file only."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from fabricated_sets import photograph

from bench.config import metric_names
from bench.data.images import Pixels
from bench.foundation.errors import BenchError
from bench.scoring import extra_metrics, metrics, pyiqa_shim

TARGET = photograph(192, 200)
NOISE = np.random.default_rng(0).normal(0, 1, TARGET.shape)


def degraded(sigma: float, target: Pixels = TARGET) -> Pixels:
    return np.clip(np.round(target + sigma * NOISE[..., : target.shape[-1]]), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def pyiqa() -> Any:
    return pyiqa_shim.load()


def score(pyiqa: Any, name: str, a: Pixels, b: Pixels, **options: Any) -> float:
    import torch

    metric = pyiqa.create_metric(name, device="cpu", **options)
    x, y = (torch.from_numpy(i.transpose(2, 0, 1).copy())[None].double() / 255 for i in (a, b))
    return float(metric(x, y))


def test_rgb_psnr(pyiqa: Any) -> None:
    theirs = score(pyiqa, "psnr", degraded(12), TARGET, test_y_channel=False)
    assert metrics.psnr(degraded(12), TARGET) == pytest.approx(theirs, abs=1e-4)


def test_y_psnr_differs_by_the_rounding_of_y_only(pyiqa: Any) -> None:
    theirs = score(pyiqa, "psnr", degraded(12), TARGET, test_y_channel=True, color_space="ycbcr")
    ours = metrics.psnr(metrics.luma(degraded(12)), metrics.luma(TARGET))
    assert 0 < abs(ours - theirs) < 0.02  # protocols.md: 0.003 to 0.016 dB


def test_gray_psnr_and_ssim(pyiqa: Any) -> None:
    target = TARGET[..., :1]
    ours = degraded(12, target)
    assert metrics.psnr(ours, target) == pytest.approx(score(pyiqa, "psnr", ours, target), abs=1e-4)
    theirs = score(pyiqa, "ssim", ours, target, test_y_channel=False)
    assert metrics.ssim(ours, target) == pytest.approx(theirs, abs=1e-5)


def test_rgb_ssim(pyiqa: Any) -> None:
    theirs = score(pyiqa, "ssim", degraded(12), TARGET, test_y_channel=False)
    assert metrics.ssim(degraded(12), TARGET) == pytest.approx(theirs, abs=1e-5)


OFFLINE = [name for name in metric_names.EXTRA if not metric_names.EXTRA[name].downloads]


@pytest.mark.parametrize("name", OFFLINE)
@pytest.mark.parametrize("channels", [1, 3])
def test_further_metrics_know_better_from_worse(pyiqa: Any, name: str, channels: int) -> None:
    target = TARGET[..., :channels]
    metric = extra_metrics.extra([name])[name]
    equal, good, bad = (metric(degraded(s, target), target) for s in (0, 6, 30))
    higher = metric_names.EXTRA[name].higher_is_better
    assert (equal > good > bad) if higher else (equal < good < bad)


def test_every_name_is_one_of_pyiqas(pyiqa: Any) -> None:
    assert set(metric_names.EXTRA) <= set(pyiqa.list_models())
    assert all(pyiqa.create_metric(n, device="cpu").lower_better != metric_names.EXTRA[n][0] for n in OFFLINE)


SMALLEST = [(n, m.side) for n, m in metric_names.EXTRA.items() if not m.downloads]


@pytest.mark.parametrize(("name", "side"), SMALLEST)
def test_the_smallest_image_is_the_declared_one(pyiqa: Any, name: str, side: int) -> None:
    """One pixel less and pyiqa has no answer, or vsi one that no image changes; so it is refused by its size."""
    images = np.random.default_rng(1).integers(0, 256, (4, side, side, 1), np.uint8)
    metric = extra_metrics.extra([name])[name]
    answers = [metric(image, images[0]) for image in images[1:]]
    assert all(isinstance(answer, float) for answer in answers)
    assert len(set(answers)) == len(answers), "it tells images apart"
    if side > 1:
        raw = pyiqa_shim.metric(name)
        less = images[:, 1:, 1:]
        assert metric(less[1], less[0]) == f"{side - 1}x{side - 1} pixels, it needs {side} on each side"
        for image in less[1:]:
            with contextlib.suppress(RuntimeError):
                answer = raw(image, less[0])
                assert answer == 1 if name == "vsi" else not np.isfinite(answer)


FLAT = [np.full((170, 170, 1), level, np.uint8) for level in (0, 128, 255)]


@pytest.mark.parametrize("name", OFFLINE)
def test_flat_images_get_a_score_within_the_range_or_a_reason(pyiqa: Any, name: str) -> None:
    low, high = metric_names.EXTRA[name].lowest, metric_names.EXTRA[name].highest
    metric = extra_metrics.extra([name])[name]
    answers = [metric(a, b) for a in FLAT for b in (*FLAT, TARGET[:170, :170, :1])]
    for answer in answers:
        assert isinstance(answer, str) or low - 1e-3 <= answer <= high + 1e-3
    if name == "cw_ssim":  # pyiqa says 1e6 where both are flat
        assert "outside 0 to 1" in str(answers[0])


def test_what_pyiqa_raises_is_a_reason(pyiqa: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(*_: Any) -> float:
        raise IndexError("too\nmany indices")

    monkeypatch.setattr(pyiqa_shim, "metric", lambda name, downloads: raising)
    answer = extra_metrics.extra(["nlpd"])["nlpd"](TARGET, TARGET)
    assert answer == "pyiqa raises IndexError: too many indices"


def test_a_failed_download_says_that_one_is_needed(pyiqa: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*args: Any, **kwargs: Any) -> None:
        raise OSError("Name or service\nnot known")

    monkeypatch.setattr(pyiqa, "create_metric", no_network)
    with pytest.raises(BenchError, match=r"'lpips' cannot be made .*downloaded at first use") as caught:
        extra_metrics.extra(["lpips"])
    assert "\n" not in str(caught.value)


def test_the_shim_leaves_other_failures_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> Any:
        raise RuntimeError("something else")

    monkeypatch.setattr(pyiqa_shim.importlib, "import_module", broken)
    with pytest.raises(BenchError, match=r"cannot be imported \(something else\)"):
        pyiqa_shim.load()
