"""Table 4 of ``quick`` through a real Slurm, with jobs that end as they do on a cluster: ``make test-slurm``.

Kept out of ``make test``: it needs root and Debian's slurm-wlm and munge (`one_host.lacking` says what is missing).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from compare_reports import differences
from one_host import node_states, slurm

ROOT = Path(__file__).parents[2]
CONFIG = ["preset=quick", "tables=table4_denoising"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with slurm(tmp_path_factory.mktemp("slurm")):
        yield


def checkout(folder: Path) -> Path:
    """The files of this repository that git does not ignore, without results."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.split("\0")[:-1]:
        if not name.startswith(("results/", "reports/", "tests/")) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def snakemake(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Table 4 of ``quick`` in ``folder``, started."""
    command = [sys.executable, "-m", "snakemake", "table4", "--cores", "2", *arguments, "--config", *CONFIG]
    with (folder / "snakemake.log").open("ab") as out:
        return subprocess.Popen(
            command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(folder)}
        )


def finished(run: subprocess.Popen[bytes], folder: Path) -> int:
    """Exit status of a pipeline, which must end within a quarter of an hour."""
    try:
        return run.wait(timeout=900)
    finally:
        run.kill()
        print((folder / "snakemake.log").read_text(errors="replace")[-4000:])


def report(folder: Path) -> Path:
    """Writes the tidy data of what was measured in ``folder``."""
    preset, tables = (entry.partition("=")[2] for entry in CONFIG)
    command = [sys.executable, "-m", "bench", "report", "--preset", preset, "--tables", tables, "--allow-missing"]
    subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, timeout=900, check=True)
    return folder / "reports" / preset


def wait_for(what: str, found: Callable[[], object], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, f"after {seconds:.0f} seconds there is no {what}"
        time.sleep(0.2)


def held_training(folder: Path, but: set[str]) -> tuple[str, str, str]:
    """Run, Slurm job and node of a training that has a state on disk, stopped where it is (SIGSTOP).

    Slurm sends SIGCONT ahead of SIGTERM, so it still ends in order; held, it cannot end by itself before.
    """
    found: list[tuple[str, str, str]] = []

    def look() -> bool:
        for state in folder.glob("results/runs/*/state/state.safetensors"):
            run = state.parents[1].name
            for trainer in _processes(folder, run) if run not in but else ():
                os.kill(trainer, signal.SIGSTOP)
                given = dict(e.split("=", 1) for e in _proc(trainer, "environ") if "=" in e)
                found.append((run, given["SLURM_JOB_ID"], given["SLURMD_NODENAME"]))
                return True
        return False

    wait_for("training with a saved state", look)
    return found[0]


def _processes(folder: Path, run: str) -> list[int]:
    """The trainer of a run: ``python -m bench train RUN`` in ``folder``."""
    pids = [int(p.name) for p in Path("/proc").glob("[0-9]*")]
    return [p for p in pids if _proc(p, "cmdline")[1:5] == ["-m", "bench", "train", run]]


def _proc(pid: int, name: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace").split("\0")
    except OSError:
        return []


def slurm_jobs(what: str, *options: str) -> list[str]:
    asked = subprocess.run(["squeue", "-h", "-o", what, *options], capture_output=True, text=True, timeout=30)
    return asked.stdout.split()


def test_cancelled_timed_out_and_drained_jobs_come_back(cluster: None, tmp_path: Path) -> None:
    """One story: what one submission leaves undone, the same command does, and the tables are the local ones."""
    folders = [tmp_path / "local", tmp_path / "slurm"]
    local, remote = (checkout(f) for f in folders)
    assert finished(snakemake(local), local) == 0

    profile = ["--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "3"]
    profile += ["--group-components", "brief=2"]  # four submissions for eight trainings and their tests
    run = snakemake(remote, *profile)
    late, late_job, node = held_training(remote, but=set())
    subprocess.run(["scontrol", "update", f"jobid={late_job}", "timelimit=1"], check=True)
    # A drained node keeps what it is doing and gets nothing new.
    subprocess.run(["scontrol", "update", f"nodename={node}", "state=drain", "reason=test"], check=True)
    before = set(slurm_jobs("%i", "-w", node, "--states=running"))
    cancelled, cancelled_job, _ = held_training(remote, but={late})
    subprocess.run(["scancel", cancelled_job], check=True)
    wait_for(
        "end of the job at its time limit", lambda: late_job not in slurm_jobs("%i", "--states=running,completing")
    )
    assert slurm_jobs("%T", "--states=all", "-j", late_job) == ["TIMEOUT"]
    assert set(slurm_jobs("%i", "-w", node, "--states=running")) <= before
    assert finished(run, remote) != 0, "two of its jobs were ended, and nobody was told"
    assert node_states()[node] == "drained"
    runs = remote / "results" / "runs"
    assert not any((runs / r / "run.json").exists() for r in (late, cancelled))

    subprocess.run(["scontrol", "update", f"nodename={node}", "state=resume"], check=True)
    assert finished(snakemake(remote, *profile), remote) == 0
    assert "Nothing to be done" in again(remote, *profile)
    for name in (late, cancelled):
        assert json.loads((runs / name / "run.json").read_text())["resumed_from"], f"{name} started over"
    assert differences(report(local), report(remote)) == []


def again(folder: Path, *arguments: str) -> str:
    """What the same command says once more."""
    (folder / "snakemake.log").unlink()
    finished(snakemake(folder, *arguments), folder)
    return (folder / "snakemake.log").read_text()
