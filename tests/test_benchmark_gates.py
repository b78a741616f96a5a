"""No time is printed of what is wrong, and answers of other code or another machine are not this one's."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.results.done import Done
from benchmarks.on_gpu import __main__ as on_gpu
from benchmarks.on_gpu import journal as journals
from benchmarks.on_gpu.journal import Journal

ROOT = Path(__file__).parents[1]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports one of the scripts."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


@pytest.mark.parametrize("value", [float("nan"), 1.001])
@pytest.mark.parametrize("side", [0, 2])
def test_the_block_is_not_timed_where_a_side_is_wrong(value: float, side: int, scripts: Any) -> None:
    script, calls = scripts("block_speed"), []

    def output(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        calls.append(model)  # the first is in float64
        return torch.full((3,), value if len(calls) == 2 + side else 1.0, dtype=torch.float64)

    with pytest.raises(SystemExit, match="nothing is timed"):
        script.errors({"any": torch.nn.Identity()}, (1, 1, 4, 4), output)


def test_the_operator_is_not_timed_where_a_gradient_is_wrong(scripts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    script = scripts("operator_speed")
    case, real = script.Case((2, 12, 12, 10), 3, 2), script.converse2d
    assert script.error(case) < script.BOUND
    for place in range(3):

        def wrong(*leaves: torch.Tensor, place: int = place, **options: int) -> torch.Tensor:
            changed = list(leaves)
            changed[place] = 1.01 * leaves[place] - 0.01 * leaves[place].detach()  # the same value, another gradient
            return real(*changed, **options)

        monkeypatch.setattr(script, "converse2d", wrong)
        assert not script.error(case) < script.BOUND, place


def test_a_journal_counts_what_is_right_here_and_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def case(name: str, ok: bool) -> Any:
        return name, lambda: asked.append(name) or {"ok": ok}

    journal = Journal(tmp_path, "part", "machine", 60)
    journal.carry_out([case("a", True), case("b", False)])
    assert not journal.is_right([case("a", True), case("b", True)])
    with journal.path.open("a") as file:
        file.write('{"case": "c", "ok": tr')  # cut short
    journal.carry_out([case("a", True), case("b", True), case("c", True)])
    assert asked == ["a", "b", "b", "c"] and journal.is_right([case(name, True) for name in "abc"])
    assert json.loads(journal.path.read_text().splitlines()[-1])["case"] == "c"
    monkeypatch.setattr(journals, "code", lambda: "other")
    assert not journal.answers()


def test_nothing_is_timed_before_everything_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["on_gpu", "--out", str(tmp_path), "--device", "cpu", "--tiny", "--parts", "fast"])
    assert on_gpu.main() == 1
    assert "wrong: fast: not run, part correct is not complete" in capsys.readouterr().out and not any(
        tmp_path.iterdir()
    )


def test_a_preset_that_there_is_not_is_one_line() -> None:
    with pytest.raises(SystemExit, match=r"error: .*nope"):
        on_gpu._train("nope", "table4_denoising", "cpu", 1, 1.0)


def test_a_training_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, command: list[str]) -> None:
            super().__init__([sys.executable, "-c", "import time; time.sleep(60)"])

        def terminate(self) -> None:
            pass

        def wait(self, timeout: float | None = None) -> int:
            return super().wait(timeout and 0.01)

    monkeypatch.setattr(subprocess, "Popen", Deaf)
    monkeypatch.setattr(Done, "to_make", lambda self, run: True)  # whatever was trained in this checkout
    failed = on_gpu._train("quick", "table4_denoising", "cpu", 1, 0.1)
    assert len(failed) == 1 and "was killed" in failed[0]
