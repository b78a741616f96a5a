"""CUDA C++ compiled by the C++ compiler at hand, so that CI can ask what the kernels compute."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

HEADER = Path(__file__).with_name("cuda_on_cpu.h")


def compiled(folder: Path, name: str, source: str, threads: int) -> ctypes.CDLL:
    """The library of ``source``, whose ``KERNEL`` lines say what can be called; skips where there is no compiler."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler here")
    text, library = folder / f"{name}.cpp", folder / f"{name}.so"
    if not library.exists():
        text.write_text(f'#define RUN_THREADS {threads}\n#include "{HEADER}"\n{source}')
        command = [compiler, "-std=c++20", "-O1", "-shared", "-fPIC", "-pthread", "-o", library, text]
        subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def pointers(*tensors):
    """Their addresses; None: null."""
    return [None if t is None else ctypes.c_void_p(t.data_ptr()) for t in tensors]
