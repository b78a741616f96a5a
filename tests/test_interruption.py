"""Ctrl-C and a trainer killed with kill -9: nothing goes on beside, and the same command ends the work.

(kill -9 of Snakemake itself is in ``test_pipeline.py``.)
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from tiny_checkout import PRESET, TABLES, tiny_checkout

from bench.config.loading import load_plan

MARK = "BENCH_TEST_MARK"
LONG = PRESET.replace("steps: 400", "steps: 1500")
ONE_ROW = TABLES.replace("      DnCNN: {model: dncnn}\n", "").replace("    figures: [curves]\n", "")


class Started:
    """``python -m bench run`` in a session of its own, as a shell's foreground job; its processes bear a mark."""

    def __init__(self, folder: Path, target: str) -> None:
        self.mark = uuid.uuid4().hex
        command = [sys.executable, "-m", "bench", "run", target, "--preset", "tiny", "--cores", "1"]
        with (folder / "said.txt").open("a") as said:
            self.process = subprocess.Popen(
                command, cwd=folder, env={**os.environ, MARK: self.mark}, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip

    def alive(self) -> dict[int, str]:
        """Command lines of all processes that it started, wherever they were handed to since."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return {pid: words for pid, words in found.items() if words}

    def trainer(self) -> int | None:
        """The training process, past its shell."""
        return next((p for p, words in self.alive().items() if "-m bench train " in words and "tee" not in words), None)

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def ended(self) -> int:
        """Exit code; nothing may be left a moment later."""
        code = self.process.wait(timeout=300)
        deadline = time.monotonic() + 300
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not self.alive(), "orphans"
        return code


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="orphans are looked for in /proc (Linux)")
def test_interrupted_and_killed_it_goes_on(tmp_path: Path) -> None:
    folder = tiny_checkout(tmp_path, LONG, ONE_ROW)
    plan = load_plan("tiny", config=folder / "config")
    run = next(run for run in plan.runs.values() if run.train)
    results = folder / "results" / "runs" / run.id
    state, record = results / "state" / "state.safetensors", results / "run.json"

    def saved_again(started: Started, since: float) -> None:
        deadline = time.monotonic() + 300
        while not (state.exists() and state.stat().st_mtime > since and started.trainer()):
            assert started.process.poll() is None, (folder / "said.txt").read_text()[-3000:]
            assert time.monotonic() < deadline, "no state was saved"
            time.sleep(0.05)

    since = 0.0
    for interrupt in ("Ctrl-C", "trainer"):
        with Started(folder, str(record.relative_to(folder))) as started:
            saved_again(started, since)
            if interrupt == "Ctrl-C":
                os.killpg(started.process.pid, signal.SIGINT)
            else:
                os.kill(started.trainer() or 0, signal.SIGKILL)
            assert started.ended() != 0, interrupt
        assert state.exists() and not record.exists()
        since = state.stat().st_mtime
    said = (folder / "said.txt").read_text()
    assert "stopped by SIGINT after step" in said, "Ctrl-C saves the state of that very step"
    assert "completed successfully" not in said, "a failure ahead of a pipe was lost"

    with Started(folder, str(record.relative_to(folder))) as started:
        assert started.ended() == 0
    resumed = json.loads(record.read_text())["resumed_from"]
    assert len(resumed) == 2 and 0 < resumed[0] < resumed[1] < 1500
