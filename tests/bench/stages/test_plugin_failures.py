"""Whatever a plugin raises, wherever: a dash with the reason in its own rows, and nobody else is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_training import run_id, tiny_plan

from bench.config import layout
from bench.stages.check import check
from bench.stages.evaluate import evaluate
from bench.stages.status import doctor, show_plan
from bench.stages.train import train

OPERATOR = (
    'OPERATOR = {"label": "Bad", "class": "Bad", "roles": ["spatial"], "scales": [1], '
    '"trains": True, "options": [], "summary": "fails"}\n'
)
SKIP_BY_KEYWORD = """
from torch import nn
class Bad(nn.Conv2d):
    @classmethod
    def skip(cls, *, channels, kernel_size, **rest):
        return None
    def __init__(self, channels, kernel_size, *, scale=1, padding_mode="circular"):
        super().__init__(channels, channels, kernel_size, padding="same")
"""
BACKWARD = """
import torch
from torch import nn
class Boom(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()
    @staticmethod
    def backward(ctx, g):
        raise LookupError("no\\nderivative")
class Bad(nn.Conv2d):
    def __init__(self, channels, kernel_size, *, scale=1, padding_mode="circular"):
        super().__init__(channels, channels, kernel_size, padding="same")
    def forward(self, x):
        return Boom.apply(super().forward(x)) if torch.is_grad_enabled() else super().forward(x)
"""


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("code", "when", "reason"),
    [
        (SKIP_BY_KEYWORD, "check", r"skip(channels, kernel_size, scale=…, padding_mode=…) raises TypeError"),
        (BACKWARD, "train", "operator 'bad' raises in training: LookupError: no derivative"),
    ],
    ids=["skip", "backward"],
)
def test_it_is_a_dash_in_its_own_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str, when: str, reason: str
) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(OPERATOR + code)
    plan = tiny_plan(tmp_path, steps=2, plugins=(str(bad),))
    check(plan)
    record = json.loads(layout.check_json(plan.name).read_text())
    mine = [run.id for run in plan.runs.values() if "bad" in run.id]
    others = [run_id(plan, "dncnn")]
    assert mine and set(others) <= set(record["parameters"])
    assert set(record["skipped"]) == (set(mine) if when == "check" else set())
    for run in [*mine, *others]:
        train(plan, run, progress=False)
        evaluate(plan, run, progress=False)
    results = {run: json.loads(layout.run_json(run).read_text()) for run in [*mine, *others]}
    assert all(results[run]["status"] == "skipped" and reason in results[run]["reason"] for run in mine)
    assert all(results[run]["status"] == "trained" for run in others)
    show_plan(plan)
    doctor(plan)
    said = capsys.readouterr().out
    assert (reason in said) == (when == "check"), "one small instance on the meta device has no backward pass"
