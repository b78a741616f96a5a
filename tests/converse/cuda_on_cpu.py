"""CUDA C++ compiled by the C++ compiler at hand, so that CI can ask what the kernels compute."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HEADER = Path(__file__).with_name("cuda_on_cpu.h")


@functools.cache
def _compiler() -> str | None:
    """One that compiles and links the header by itself."""
    for name in filter(None, map(shutil.which, ("g++", "clang++"))):
        command = [name, "-std=c++20", "-shared", "-fPIC", "-pthread", "-x", "c++", "-o", os.devnull, "-"]
        text = f'#define RUN_THREADS 1\n#include "{HEADER}"\n'
        if subprocess.run(command, input=text, text=True, capture_output=True).returncode == 0:
            return name
    return None


def compiled(folder: Path, name: str, source: str, threads: int) -> ctypes.CDLL:
    """The library of ``source``, whose ``KERNEL`` lines say what can be called; skips where nothing compiles it."""
    compiler = _compiler()
    if compiler is None:
        pytest.skip("no C++ compiler here that knows std::barrier (C++20)")
    text, library = folder / f"{name}.cpp", folder / f"{name}.so"
    if not library.exists():
        text.write_text(f'#define RUN_THREADS {threads}\n#include "{HEADER}"\n{source}')
        command = [compiler, "-std=c++20", "-O1", "-shared", "-fPIC", "-pthread", "-o", library, text]
        subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def pointers(*tensors):
    """Their addresses; None: null."""
    return [None if t is None else ctypes.c_void_p(t.data_ptr()) for t in tensors]
