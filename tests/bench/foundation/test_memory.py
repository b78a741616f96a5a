"""Freed memory is kept by the processes that run networks, and by no other."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import __main__ as command
from bench.foundation.memory import keep_freed_memory

ROOT = Path(__file__).resolve().parents[3]
COUNT = """
import resource, sys
import torch
from bench.foundation.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
for i in range(40):  # the heap settles after some: aligned blocks leave gaps first
    if i == 30:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 10 * (64 << 20) // resource.getpagesize()
"""Pages of the last ten maps."""


def faults(word: str) -> int:
    done = subprocess.run([sys.executable, "-c", COUNT, word], cwd=ROOT, check=True, capture_output=True, text=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_a_map_of_the_same_size_does_not_fault_again() -> None:
    assert faults("kept") < PAGES / 100


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False


@pytest.mark.parametrize(
    ("words", "kept"),
    [(["evaluate", "x"], True), (["train", "x"], True), (["analyze", "x"], True), (["throughput"], False)],
)
def test_the_verbs_that_run_networks(words: list[str], kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(command, "keep_freed_memory", lambda: called.append("kept"))
    monkeypatch.setattr("bench.stages.throughput.throughput", lambda *_, **__: None)
    CliRunner().invoke(command.cli, words)
    assert bool(called) == kept
