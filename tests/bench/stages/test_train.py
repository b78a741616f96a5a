"""Stage train: what it writes, that it resumes bit for bit, and how it fails."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_training import RUNS, run_id, tiny_plan

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation import lifeline
from bench.foundation.errors import BenchError
from bench.foundation.lifeline import Interrupted, Stop, only_worker
from bench.models import checkpoint
from bench.stages import train as stage
from bench.stages.train import train
from bench.training.loop import COLUMNS, Training

HERE = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def trained(plan: Plan, row: str) -> dict[str, object]:
    """Trains a row quietly and returns its ``run.json``."""
    train(plan, run_id(plan, row), progress=False)
    record: dict[str, object] = json.loads(layout.run_json(run_id(plan, row)).read_text())
    return record


def curve(run: str) -> list[dict[str, str]]:
    """The rows of a curve without their times."""
    with layout.curve_csv(run).open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@pytest.mark.parametrize("row", RUNS)
def test_every_task_trains_and_repeats_bit_for_bit(tmp_path: Path, row: str) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, row)
    torch.manual_seed(1)
    record = trained(plan, row)
    assert record["status"] == "trained" and record["steps"] == 8 and record["resumed_from"] == []
    assert record["parameters"] and record["machine"] and record["versions"]
    first, first_curve = layout.weights(run).read_bytes(), curve(run)
    assert len(first_curve) == 8 and first_curve[-1]["val_psnr"]
    assert [float(r["lr"]) for r in first_curve] == [2e-3] * 4 + [1e-3] * 4
    for path in (layout.weights(run), layout.curve_csv(run), layout.run_json(run)):
        path.unlink()
    state = torch.random.get_rng_state()
    trained(plan, row)
    assert layout.weights(run).read_bytes() == first and curve(run) == first_curve
    assert torch.equal(torch.random.get_rng_state(), state), "training touched the global generator"


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    plan = tiny_plan(tmp_path, steps=80, batch=4, halve_every=60, lr=5e-3)
    trained(plan, "dncnn")
    losses = [float(r["loss"]) for r in curve(run_id(plan, "dncnn"))]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


def start(root: Path, row: str, steps: int, pause: float) -> subprocess.Popen[str]:
    """The training of a row in a process of its own."""
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    command = [
        sys.executable,
        str(HERE / "tiny_training.py"),
        str(root),
        row,
        str(steps),
        str(pause),
    ]
    return subprocess.Popen(
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(condition: object) -> None:
    """Returns once ``condition()`` holds; ten minutes mean that it never will."""
    assert callable(condition)
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_killed_with_kill_9_it_ends_bit_identical(tmp_path: Path) -> None:
    plan = tiny_plan(tmp_path, steps=40)
    run = run_id(plan, "converse")
    process = start(tmp_path, "converse", 40, 0.05)
    state = layout.state_file(run)
    wait_for(lambda: state.exists() and checkpoint.load(state)[1]["step"] >= 10)
    process.kill()
    process.wait()
    assert not layout.run_json(run).exists()
    second = start(tmp_path, "converse", 40, 0.0)
    said = second.communicate(timeout=120)[0]
    assert second.returncode == 0, said
    record = json.loads(layout.run_json(run).read_text())
    (resumed,) = record["resumed_from"]
    assert 10 <= resumed < 40 and f"resumed from step {resumed} of 40" in said
    assert not state.exists() and not checkpoint.previous(state).exists()
    weights, rows = layout.weights(run).read_bytes(), curve(run)
    layout.run_json(run).unlink()
    assert trained(plan, "converse")["resumed_from"] == []
    assert layout.weights(run).read_bytes() == weights and curve(run) == rows


def interrupted_at(plan: Plan, row: str, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains until a stop is asked for after ``step``."""
    advance = Training.advance

    def stopped(self: Training) -> None:
        advance(self)
        if self.step == step:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "advance", stopped)
        with pytest.raises(Interrupted, match=rf"SIGTERM after step {step} of 8; saved"):
            train(plan, run_id(plan, row), progress=False)


@pytest.mark.parametrize("step", [1, 5, 7])
def test_sigterm_saves_and_the_same_command_goes_on(tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "dncnn")
    trained(plan, "dncnn")
    whole, rows = layout.weights(run).read_bytes(), curve(run)
    before = signal.getsignal(signal.SIGTERM)
    layout.run_json(run).unlink()
    interrupted_at(plan, "dncnn", step, monkeypatch)
    assert signal.getsignal(signal.SIGTERM) == before
    assert trained(plan, "dncnn")["resumed_from"] == [step]
    assert layout.weights(run).read_bytes() == whole and curve(run) == rows


def test_a_resume_between_two_rows_of_the_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.config.budget.CURVE_ROWS", 2)
    monkeypatch.setattr("bench.config.budget.VALIDATIONS", 2)
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "dncnn")
    trained(plan, "dncnn")
    whole, rows = layout.weights(run).read_bytes(), curve(run)
    assert [r["step"] for r in rows] == ["4", "8"]
    layout.run_json(run).unlink()
    interrupted_at(plan, "dncnn", 6, monkeypatch)
    trained(plan, "dncnn")
    assert layout.weights(run).read_bytes() == whole and curve(run) == rows


def test_divergence_after_a_resume_keeps_the_last_good_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.config.budget.CURVE_ROWS", 2)
    monkeypatch.setattr("bench.config.budget.VALIDATIONS", 2)
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "dncnn")
    loss = Training._loss

    def lost(self: Training, restored: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        return loss(self, restored, clean) * (float("nan") if self.step == 6 else 1.0)

    monkeypatch.setattr(Training, "_loss", lost)
    assert "not finite at step 7" in str(trained(plan, "dncnn")["reason"])
    whole = layout.weights(run).read_bytes()
    layout.run_json(run).unlink()
    interrupted_at(plan, "dncnn", 6, monkeypatch)
    assert trained(plan, "dncnn")["status"] == "diverged"
    assert layout.weights(run).read_bytes() == whole


@pytest.mark.parametrize("keep", [0, 100, 0.5, -1])
def test_a_state_cut_short_yields_to_its_predecessor(
    tmp_path: Path, keep: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "dncnn")
    trained(plan, "dncnn")
    whole = layout.weights(run).read_bytes()
    layout.run_json(run).unlink()
    interrupted_at(plan, "dncnn", 5, monkeypatch)
    state = layout.state_file(run)
    data = state.read_bytes()
    state.write_bytes(data[: int(keep * len(data)) if 0 < keep < 1 else int(keep)])
    assert trained(plan, "dncnn")["resumed_from"] == [4]
    assert "ignoring a damaged resume state" in capsys.readouterr().out
    assert layout.weights(run).read_bytes() == whole


def test_the_state_of_another_run_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tiny_plan(tmp_path)
    interrupted_at(plan, "dncnn", 5, monkeypatch)
    state = layout.state_file(run_id(plan, "dncnn"))
    other = layout.state_file(run_id(plan, "converse"))
    other.parent.mkdir(parents=True)
    other.write_bytes(state.read_bytes())
    assert trained(plan, "converse")["resumed_from"] == []
    assert "ignoring the state of another run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "why"),
    [({"lr": 1e30}, "not finite"), ({"lr": 1e4, "loss": "l2"}, "exploded|not finite")],
)
def test_divergence_is_a_result(tmp_path: Path, change: dict[str, object], why: str) -> None:
    plan = tiny_plan(tmp_path, **change)
    record = trained(plan, "converse")
    assert record["status"] == "diverged"
    assert any(word in str(record["reason"]) for word in why.split("|")) and "at step" in str(record["reason"])
    tensors, _ = checkpoint.load(layout.weights(run_id(plan, "converse")))
    assert all(bool(torch.isfinite(t).all()) for t in tensors.values())
    assert not layout.state_file(run_id(plan, "converse")).exists()


def test_a_declined_configuration_is_skipped(tmp_path: Path) -> None:
    plugin = tmp_path / "never.py"
    plugin.write_text(
        'OPERATOR = {"label": "Never", "class": "Never", "roles": ["spatial"], "scales": [1],\n'
        '            "trains": True, "options": [], "summary": "declines"}\n'
        "from torch import nn\n\n\n"
        "class Never(nn.Module):\n"
        '    def __init__(self, channels, kernel_size, *, scale=1, padding_mode="circular"):\n'
        "        super().__init__()\n\n"
        "    @classmethod\n"
        '    def skip(cls, channels, kernel_size, *, scale=1, padding_mode="circular"):\n'
        '        return "it never serves"\n'
    )
    plan = tiny_plan(tmp_path, plugins=(str(plugin),))
    record = trained(plan, "never")
    assert record["status"] == "skipped" and "it never serves" in str(record["reason"])


def test_a_second_trainer_waits_and_then_says_who_is_at_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "dncnn")
    process = start(tmp_path, "dncnn", 8, 5.0)
    lock = layout.state_file(run).with_name("lock")
    wait_for(lambda: lock.exists() and lock.read_text().strip() == str(process.pid))
    monkeypatch.setattr(lifeline, "WAIT_S", 0.3)
    with pytest.raises(BenchError, match=f"process {process.pid} is at it already"):
        train(plan, run, progress=False)
    process.kill()
    process.wait()
    assert trained(plan, "dncnn")["status"] == "trained"  # the kernel freed the lock


def test_the_lock_is_handed_over_to_who_waits(tmp_path: Path) -> None:
    said: list[str] = []
    code = (
        "import sys; from pathlib import Path; from bench.foundation.lifeline import only_worker\n"
        "with only_worker(Path(sys.argv[1]), 'first'):\n    print('held', flush=True); sys.stdin.readline()\n"
    )
    lock = tmp_path / "deep" / "lock"
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(lock)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None and holder.stdout is not None and holder.stdout.readline() == "held\n"

    def say(text: str) -> None:
        said.append(text)
        holder.stdin.close()  # it holds the lock until somebody waits for it

    with only_worker(lock, "second", wait_s=600, say=say):
        assert holder.wait(600) == 0
    assert said == [f"second: waiting for process {holder.pid}, which is at it"]


def test_nothing_outlives_snakemake(tmp_path: Path) -> None:
    """``snakemake`` → shell → trainer, as Snakemake starts its jobs; the top one is killed with kill -9."""
    plan = tiny_plan(tmp_path, steps=400_000)  # more than it could finish while this waits
    run = run_id(plan, "dncnn")
    trainer = [
        sys.executable,
        str(HERE / "tiny_training.py"),
        str(tmp_path),
        "dncnn",
        "400000",
        "0.02",
    ]
    program = tmp_path / "snakemake"
    program.write_text(
        f"import subprocess\nsubprocess.run(['sh', '-c', 'echo $$ > shell; \"$@\"; :', 'x', *{trainer!r}])\n"
    )
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    top = subprocess.Popen(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    lock = layout.state_file(run).with_name("lock")
    wait_for(lambda: lock.exists() and lock.read_text().strip())
    pid = int(lock.read_text())
    wait_for(lambda: Path(f"/proc/{pid}/task").exists() and len(os.listdir(f"/proc/{pid}/task")) > 1)
    top.kill()
    top.wait()
    try:
        wait_for(lambda: not _alive(pid))
    finally:
        if _alive(pid):
            os.kill(pid, signal.SIGKILL)
    assert checkpoint.load(layout.state_file(run))[1]["step"] > 0


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_stop_tells_whether_and_why() -> None:
    stop = Stop()
    assert not stop
    stop.reason = "SIGTERM"
    assert stop


@pytest.mark.parametrize(
    ("row", "budget", "message"),
    [
        ("noisy", {}, "'noisy' is a classical method"),
        ("dncnn", {"patch": 64}, "64x64 pixels is too small for crops of 64"),
        ("sr", {"patch": 18}, "patch 18 is no multiple of the scale 4"),
    ],
)
def test_what_cannot_be_trained_says_why(tmp_path: Path, row: str, budget: dict[str, int], message: str) -> None:
    plan = tiny_plan(tmp_path, **budget)
    with pytest.raises(BenchError, match=message):
        train(plan, run_id(plan, row), progress=False)


def test_a_damaged_training_image_is_named(tmp_path: Path) -> None:
    plan = tiny_plan(tmp_path)
    path = tmp_path / "train" / "b.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BenchError, match=r"b\.png: truncated or damaged"):
        train(plan, run_id(plan, "dncnn"), progress=False)
    assert not layout.weights(run_id(plan, "dncnn")).exists()


DROPOUT = """
import torch
from torch import nn

OPERATOR = {
    "label": "Drop", "class": "Drop", "roles": ["spatial"], "scales": [1],
    "trains": True, "options": [], "summary": "draws random numbers",
}


class Drop(nn.Module):
    def __init__(self, channels, kernel_size, *, scale=1, padding_mode="circular"):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, y):
        return nn.functional.dropout(y * self.weight, 0.3, self.training)
"""


def test_an_operator_that_draws_gives_one_result_for_one_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted or not, and whatever was drawn before."""
    (tmp_path / "drop.py").write_text(DROPOUT)
    plan = tiny_plan(tmp_path, plugins=(str(tmp_path / "drop.py"),))
    run = run_id(plan, "drop")
    torch.manual_seed(1)
    train(plan, run, progress=False)
    first = layout.weights(run).read_bytes()
    layout.run_json(run).unlink()
    torch.manual_seed(2)
    interrupted_at(plan, "drop", 5, monkeypatch)
    torch.manual_seed(3)
    train(plan, run, progress=False)
    assert json.loads(layout.run_json(run).read_text())["resumed_from"] == [5]
    assert layout.weights(run).read_bytes() == first


def test_a_resume_on_another_machine_says_so_and_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "dncnn")
    computation = stage.provenance.computation
    interrupted_at(plan, "dncnn", 5, monkeypatch)

    def elsewhere(*given: object) -> dict[str, object]:
        return {**computation(*given), "instructions": "AVX9"}  # type: ignore[arg-type]

    monkeypatch.setattr(stage.provenance, "computation", elsewhere)
    train(plan, run, progress=False)
    here = computation("cpu", 1, "float32")
    assert f"instructions {here['instructions']}, now AVX9" in capsys.readouterr().out
    record = json.loads(layout.run_json(run).read_text())
    assert record["computed"] == [here, {**here, "instructions": "AVX9"}]
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    train(plan, run, progress=False)
    assert "made again by another computation (instructions AVX9, now" in capsys.readouterr().out
