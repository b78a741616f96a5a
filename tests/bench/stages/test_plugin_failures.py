"""Whatever a plugin raises, wherever: a dash with the reason in its own rows, and nobody else is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_training import run_id, tiny_plan

from bench.config import layout
from bench.foundation.errors import BenchError
from bench.stages.check import check
from bench.stages.evaluate import evaluate
from bench.stages.status import doctor, show_plan
from bench.stages.train import train
from bench.training.loop import Training

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


def conv(forward: str = "super().forward(x)", build: str = "pass", more: str = "") -> str:
    """A plugin that is a convolution but for what is given."""
    return f"""
import sys, torch
from torch import nn
class Bad(nn.Conv2d):
    def __init__(self, channels, kernel_size, *, scale=1, padding_mode="circular"):
        super().__init__(channels, channels, kernel_size, padding="same")
        {build}
    def forward(self, x):
        return {forward}
{more}
"""


LAZY = """
from torch import nn
class Bad(nn.Sequential):
    def __init__(self, channels, kernel_size, *, scale=1, padding_mode="circular"):
        super().__init__(nn.LazyConv2d(channels, kernel_size, padding="same"))
"""
UNHASHABLE = """
from dataclasses import dataclass
from torch import nn
@dataclass
class Bad(nn.Module):
    channels: int
    kernel_size: int
    scale: int = 1
    padding_mode: str = "circular"
    def __post_init__(self):
        super().__init__()
        self.conv = nn.Conv2d(self.channels, self.channels, self.kernel_size, padding="same")
    def forward(self, x):
        return self.conv(x)
"""
TRAIN = "    def train(self, mode=True):\n        raise LookupError('no such mode')\n"
EXTRA = (
    "    def get_extra_state(self):\n        return {'calls': 1}\n    def set_extra_state(self, state):\n        pass\n"
)
BEFORE = {
    "skip": (SKIP_BY_KEYWORD, "skip(channels, kernel_size, scale=…, padding_mode=…) raises TypeError"),
    "broadcast": (conv("super().forward(x).mean((2, 3), keepdim=True)"), " 1, 1), expected (2, "),
    "lazy": (LAZY, "0.weight' has no shape before the first call: lazy layers are not supported"),
    "unhashable": (UNHASHABLE, "TypeError: unhashable type: 'Bad'"),
    "extra state": (conv(more=EXTRA), "_extra_state' is a dict (of get_extra_state): keep all state in"),
    "complex": (
        conv(build="self.z = nn.Parameter(torch.zeros(2, dtype=torch.complex64))"),
        "z' is complex64: parameters",
    ),
    "tied": (conv(build="self.w = self.weight"), "share memory: each parameter and buffer needs its own"),
    "exit when built": (conv(build="sys.exit(0)"), "its constructor raises SystemExit: 0"),
}
IN_TRAINING = {
    "backward": (BACKWARD, "LookupError: no derivative"),
    "exit": (conv("sys.exit(0) if self.training and not x.is_meta else super().forward(x)"), "SystemExit: 0"),
    "train": (conv(more=TRAIN), "LookupError: no such mode"),
}
ASTRAY = {
    "buffer": (
        conv(
            "super().forward(x) + 0 * self.seen.fill_(float('nan')).nan_to_num()",
            "self.register_buffer('seen', torch.ones(1))",
        ),
        "seen' is not finite at step 1",
    ),
    "validation": (
        conv("super().forward(x) * (1.0 if self.training else float('nan'))"),
        "the validation loss is not finite at step 1",
    ),
}
CASES = [
    *[pytest.param(code, "check", reason, id=name) for name, (code, reason) in BEFORE.items()],
    *[
        pytest.param(code, "train", f"operator 'bad' raises in training: {reason}", id=name)
        for name, (code, reason) in IN_TRAINING.items()
    ],
    *[pytest.param(code, "astray", reason, id=name) for name, (code, reason) in ASTRAY.items()],
]


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("code", "when", "reason"), CASES)
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
    status = "diverged" if when == "astray" else "skipped"
    assert all(results[run]["status"] == status and reason in results[run]["reason"] for run in mine)
    assert not any(layout.state_file(run).exists() for run in mine)
    assert all(results[run]["status"] == "trained" for run in others)
    show_plan(plan)
    doctor(plan)
    said = capsys.readouterr().out
    assert (reason in said) == (when == "check"), "one small instance on the meta device has no backward pass"


def test_what_the_meta_device_cannot_follow_is_trained(tmp_path: Path) -> None:
    """Its cost is not counted; whatever it raises there."""
    odd = tmp_path / "odd.py"
    odd.write_text((OPERATOR + conv("[][0] if x.is_meta else super().forward(x)")).replace("Bad", "Odd"))
    plan = tiny_plan(tmp_path, steps=2, plugins=(str(odd),))
    check(plan)
    train(plan, run_id(plan, "odd"), progress=False)
    record = json.loads(layout.run_json(run_id(plan, "odd")).read_text())
    assert record["status"] == "trained" and record["training_macs"] is None


def test_a_built_in_operator_that_raises_in_training_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: Training) -> None:
        raise SystemExit(0)

    plan = tiny_plan(tmp_path, steps=2)
    monkeypatch.setattr(Training, "advance", lost)
    with pytest.raises(SystemExit):
        train(plan, run_id(plan, "dncnn"), progress=False)
    assert not layout.run_json(run_id(plan, "dncnn")).exists()


@pytest.mark.parametrize("texts", [("lost",), ("lost", "lost"), ("lost", "lost again")])
def test_one_that_had_worked_is_tried_once_more_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: tuple[str, ...]
) -> None:
    """What a GPU throws at step 390,000, say: the saved state stays, and a second failure of the same kind decides."""
    (tmp_path / "good.py").write_text((OPERATOR + conv()).replace("Bad", "Good"))
    plan = tiny_plan(tmp_path, steps=4, plugins=(str(tmp_path / "good.py"),))
    run, left, advance = run_id(plan, "good"), list(texts), Training.advance

    def fragile(self: Training) -> None:
        if self.step == 2 and left:
            raise RuntimeError(left.pop(0))
        advance(self)

    monkeypatch.setattr(Training, "advance", fragile)
    if len(set(texts)) == 2:
        with pytest.raises(BenchError, match=r"lost again, and before: .*lost; the same command goes on"):
            train(plan, run, progress=False)
        assert layout.state_file(run).exists() and not layout.run_json(run).exists()
        train(plan, run, progress=False)
    else:
        train(plan, run, progress=False)
    record = json.loads(layout.run_json(run).read_text())
    if len(texts) == 2 and len(set(texts)) == 1:
        assert record["status"] == "skipped" and "RuntimeError: lost" in record["reason"]
        assert layout.state_file(run).exists()
    else:
        assert record["status"] == "trained" and record["resumed_from"] == [2] and not layout.state_file(run).exists()
