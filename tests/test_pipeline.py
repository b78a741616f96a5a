"""The Snakefile on a tiny preset: runs, does nothing twice, rebuilds what hangs on a file, survives a kill."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_checkout import tiny_checkout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline") / "My Projects {x} 'q'"  # as users' folders are called
    folder.mkdir()
    return tiny_checkout(folder)


def snakemake(folder: Path, *arguments: str, config: tuple[str, ...] = ()) -> str:
    """What Snakemake says; ``config`` is settings beside the preset, since of two ``--config`` it takes the last."""
    command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--config", "preset=tiny", *config]
    assert command.count("--config") == 1
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run.stdout + run.stderr


def jobs(output: str) -> dict[str, int]:
    """Rule to number of jobs, from Snakemake's own summary."""
    table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\n\n", output, flags=re.S)
    if table is None:
        return {}
    pairs = (line.split() for line in table[1].splitlines())
    return {name: int(count) for name, count in pairs if name != "total"}


def runs(folder: Path) -> dict[str, Path]:
    return {p.parent.name.split("-")[1]: p.parent for p in folder.glob("results/runs/*/run.json")}


@pytest.mark.slow
def test_pipeline(checkout: Path) -> None:
    """One story, since every step needs the one before."""
    # Killed in the middle of a training: nothing goes on beside the next run, which resumes.
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--config", "preset=tiny"]
    first = subprocess.Popen(
        command, cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 240
    while not list(checkout.glob("results/runs/dncnn-converse2d-*/state/state.safetensors")):
        assert first.poll() is None, "the pipeline ended before a state was saved"
        assert time.monotonic() < deadline, "no state was saved"
        time.sleep(0.05)
    children = subprocess.run(
        ["pgrep", "-f", "-g", str(first.pid), "snakemake"], capture_output=True, text=True
    ).stdout.split()
    for pid in [str(first.pid), *children]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    output = snakemake(checkout)
    assert jobs(output)["train"] >= 1
    record = json.loads((runs(checkout)["converse2d"] / "run.json").read_text())
    assert record["status"] == "trained"
    assert record["resumed_from"], "it started over instead of going on"
    assert (checkout / "reports" / "tiny" / "index.html").is_file()

    # The same command again has nothing to do.
    assert "Nothing to be done" in snakemake(checkout)

    # What hangs on one deleted result is made again, and no more.
    victim = next(runs(checkout)["converse2d"].glob("metrics/*.csv"))
    victim.unlink()
    done = jobs(snakemake(checkout))
    assert done.get("evaluate") == 1 and "train" not in done and "throughput" not in done
    assert done.get("tables") == 1 and done.get("report") == 1

    # A cosmetic change of a table re-renders; nothing is trained or evaluated.
    tables = checkout / "config" / "tables.yaml"
    tables.write_text(tables.read_text().replace('title: "Tiny"', 'title: "Tiny table"'))
    done = jobs(snakemake(checkout))
    assert "tables" in done and not {"train", "evaluate", "throughput"} & set(done)

    # A new row trains that row only.
    tables.write_text(
        tables.read_text().replace(
            "DnCNN: {model: dncnn}", "DnCNN: {model: dncnn}\n      3x3: {options: {kernel_size: 3}}"
        )
    )
    done = jobs(snakemake(checkout))
    assert done.get("train") == 1 and done.get("evaluate") == 1

    # Weights that somebody deleted are missed when something is left to score, and come back bit for bit the same.
    weights = runs(checkout)["converse2d"] / "model.safetensors"
    before = weights.read_bytes()
    weights.unlink()
    assert "Nothing to be done" in snakemake(checkout)
    next(runs(checkout)["converse2d"].glob("metrics/*.csv")).unlink()
    done = jobs(snakemake(checkout))
    assert done.get("train") == 1 and done.get("evaluate") == 1
    assert weights.read_bytes() == before, "resumed and uninterrupted training differ"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--config", "prest=lite"], "unknown key 'prest'; did you mean 'preset'?"),
        (["--config", "preset=tiyn"], "unknown preset 'tiyn'; did you mean 'tiny'?"),
    ],
)
def test_bad_config_is_refused_before_the_dag(checkout: Path, arguments: list[str], expected: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "all", *arguments],
        cwd=checkout, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode != 0
    assert expected in run.stderr + run.stdout
    assert "Traceback" not in run.stderr
