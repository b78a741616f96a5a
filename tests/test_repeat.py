"""Two runs on one machine give identical numbers and tables, timings aside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from compare_reports import differences
from tiny_checkout import PRESET, TABLES, tiny_checkout

from bench.config.loading import load_plan

SHORT = PRESET.replace("steps: 400", "steps: 20")
TINY = TABLES.replace("    figures: [curves]\n", "")


def report(folder: Path) -> Path:
    """Trains, scores and renders a tiny table by the verbs themselves, each in a process of its own."""
    tiny_checkout(folder, SHORT, TINY)
    plan = load_plan("tiny", config=folder / "config")
    evaluation = [["evaluate", run.id, "--quiet"] for run in plan.runs.values()]
    training = [["train", run.id, "--quiet"] for run in plan.runs.values() if run.train]
    fetching = [["fetch", "embedded_train", "embedded_test", "--quiet"]]
    for verb in [*fetching, *training, *evaluation, ["tables", "tiny"], ["report", "--allow-missing"]]:
        options = [] if verb[0] == "fetch" else ["--preset", "tiny"]
        command = [sys.executable, "-m", "bench", *verb, *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "reports" / "tiny"


@pytest.mark.slow
def test_two_runs_agree(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = report(tmp_path / "a"), report(tmp_path / "b")
    assert differences(first, second) == []
    table = second / "tables" / "tiny.md"
    table.write_text(table.read_text().replace("2", "3", 1))
    metrics = second / "data" / "metrics.csv"
    metrics.write_text(metrics.read_text().replace(",psnr,2", ",psnr,3", 1))
    assert [line.split(":")[0] for line in differences(first, second)] == ["data/metrics.csv", "tables/tiny.md"]
