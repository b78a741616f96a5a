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
from bench.foundation.errors import BenchError
from bench.foundation.memory import OutOfMemory, keep_freed_memory, within_memory

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


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("MKL FFT error: Intel oneMKL DFTI ERROR: Memory allocation error"),
    ],
    ids=str,
)
def test_memory_that_runs_out_is_one_line_wherever_it_happens(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OutOfMemory, match="the work: out of memory"), within_memory("the work"):
        raise error

    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr(command, "cli", fails)
    with pytest.raises(SystemExit) as ended:
        command.main()
    text = capsys.readouterr().err
    assert ended.value.code == 2 and text.endswith("out of memory\n") and text.count("\n") == 1


def test_other_errors_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="shapes differ"), within_memory("the work"):
        raise RuntimeError("shapes differ")


def test_an_error_is_one_line_whatever_a_file_is_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise BenchError("a\nb\x1b[2J\u2028c é.png: no such image")

    monkeypatch.setattr(command, "cli", fails)
    with pytest.raises(SystemExit):
        command.main()
    assert capsys.readouterr().err == "error: a\\nb\\x1b[2J\\u2028c é.png: no such image\n"
