"""Progress in a log: lines with the time left, nothing that overwrites itself."""

from __future__ import annotations

import re

import pytest

from bench.foundation.progress import Progress


def test_lines_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("run", 4, done=1, every_s=0.0) as bar:
        for _ in range(3):
            bar.step("loss 0.1")
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r"\d+:\d\d", "T", line) for line in lines] == [
        f"run: step {n}/4, T left, loss 0.1" for n in (2, 3, 4)
    ]


def test_a_line_now_and_then_only(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("run", 1000, every_s=60.0) as bar:
        for _ in range(1000):
            bar.step()
    assert capsys.readouterr().err == ""


def test_quiet_but_for_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("run", 2, show=False, every_s=0.0) as bar:
        bar.step()
        bar.say("diverged")
    assert capsys.readouterr().err == "run: diverged\n"
