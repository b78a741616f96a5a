"""A number that is not finite is a typo, refused where it stands, and no experiment."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bench.config.budget import Budget, Degradation
from bench.config.loading import load_plan
from bench.config.spec import Row
from bench.config.variants import Taper
from bench.foundation.errors import BenchError

ROOT = Path(__file__).parents[3]
LINES = [
    ("sigma: 25", "sigma: .nan", "sigma in tasks.denoising.degradation: Input should be a finite number (got nan)"),
    ("lr: 8e-3", "lr: .inf", "lr in tasks.denoising.budget: Input should be a finite number (got inf)"),
    ("clip: 1.0", "clip: .inf", "clip in tasks.denoising.budget: Input should be a finite number (got inf)"),
    (
        "train: [embedded_train]",
        "train: [embedded_test]",
        "'embedded_test' has split 'test' in datasets.yaml (allowed: train)",
    ),
    (
        "data: embedded_test",
        "data: embedded_kernels",
        "'embedded_kernels' has split 'kernels' in datasets.yaml (allowed: test, train)",
    ),
    (
        "kernels: embedded_kernels",
        "kernels: embedded_train",
        "'embedded_train' has split 'train' in datasets.yaml (allowed: kernels)",
    ),
    (
        "kernel: 5, padding: 4}",
        "kernel: 0, padding: 4}",
        "kernel in throughput.operators.0: Input should be greater than or equal to 1 (got 0)",
    ),
    (
        "kernel: 5, padding: 4}",
        "kernel: 5, padding: -1}",
        "padding in throughput.operators.0: Input should be greater than or equal to 0 (got -1)",
    ),
    ("threads: 1", "threads: 100000", "threads: Input should be less than or equal to 1024 (got 100000)"),
]


@pytest.mark.parametrize(("old", "new", "message"), LINES, ids=[line[1] for line in LINES])
def test_a_preset_says_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    path = tmp_path / "config" / "presets" / "quick.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(BenchError, match=rf"quick\.yaml:{line}: {re.escape(message)}$"):
        load_plan("quick", config=tmp_path / "config")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_every_float_is_finite(value: float) -> None:
    budget = {"steps": 1, "batch": 1, "patch": 8}
    for name in ("lr", "clip", "average"):
        with pytest.raises(ValueError, match=rf"(?s){name}.*(finite|less than|greater than)"):
            Budget.model_validate({**budget, name: value})
    with pytest.raises(ValueError, match="finite"):
        Degradation(kind="awgn", sigma=value)
    with pytest.raises(ValueError, match=r"finite|greater"):
        Taper(psf="gaussian", sigma=value)
    with pytest.raises(ValueError, match="must be a finite number"):
        Row.model_validate({"options": {"eps": value}})
