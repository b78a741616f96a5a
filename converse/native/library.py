"""A compiled operator on disk, opened: its functions as Python sees them."""

from __future__ import annotations

import ctypes
import json
from ctypes import c_char_p, c_float, c_int, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from pathlib import Path

import torch


class Problem(ctypes.Structure):
    """One call, field by field as in ``source/problem.h``."""

    _fields_ = (
        *((name, c_void_p) for name in ("y", "grad", "out", "kernel", "lam", "partial")),
        *((name, c_int64) for name in ("batch", "channels")),
        *((name, c_int32) for name in ("height", "width", "kernel_height", "kernel_width", "scale")),
        *((name, c_int32) for name in ("padding_rows", "padding_columns", "mode", "nearest", "type")),
    )


class Block(ctypes.Structure):
    """One call of a block's pointwise half, field by field as in ``source/problem.h``."""

    _fields_ = (
        *((name, c_void_p) for name in ("x", "y", "grad", "out", "slope", "weight", "bias", "gain", "shift")),
        *((name, c_void_p) for name in ("dweight", "dbias", "dgain", "dshift")),
        *((name, c_int64) for name in ("batch", "pixels")),
        *((name, c_int32) for name in ("channels", "hidden", "enters", "activates")),
        ("eps", c_float),
    )


@dataclass(frozen=True)
class Library:
    """What was loaded, and its functions."""

    path: Path
    level: str
    """The instruction set in use."""
    compiler: str
    flags: str
    functions: ctypes.CDLL
    parallel_for: int | None
    """Address of torch's own parallel_for; None: one thread."""

    @property
    def description(self) -> str:
        """Backend, instruction set and compiler in one line."""
        return f"native, {self.level}, {self.compiler}"

    def threads(self) -> int:
        """As many as torch may use."""
        return torch.get_num_threads() if self.parallel_for is not None else 1


def _parallel_for() -> int | None:
    """Of torch 2.10 and newer: a second pool of threads beside torch's would compete for the same cores."""
    for name in ("libtorch_cpu.so", "libtorch_cpu.dylib"):
        path = Path(torch.__file__).parent / "lib" / name
        if path.exists():
            function = getattr(ctypes.CDLL(str(path)), "torch_parallel_for", None)
            return ctypes.cast(function, c_void_p).value if function is not None else None
    return None


def _declare(functions: ctypes.CDLL) -> None:
    pointer, threads = c_void_p, (c_void_p, c_int64)
    functions.converse_level.restype, functions.converse_level.argtypes = c_char_p, (c_char_p,)
    functions.converse_about.restype, functions.converse_about.argtypes = c_char_p, ()
    functions.converse_divisions.restype, functions.converse_divisions.argtypes = c_int64, (pointer,)
    functions.converse_run.restype, functions.converse_run.argtypes = c_int, (pointer, *threads)
    functions.converse_block.restype, functions.converse_block.argtypes = c_int, (pointer, *threads)
    shape = (c_int64, c_int64, c_int32, c_int32, c_int32)
    functions.converse_upsample.restype, functions.converse_downsample.restype = None, None
    functions.converse_upsample.argtypes = (pointer, pointer, pointer, *shape, *threads)
    functions.converse_downsample.argtypes = (*(pointer,) * 5, *shape, *threads)


def open_library(path: Path, level: str) -> Library | str:
    """The library in ``path`` on the instruction set ``level`` ("": the widest there is), or why not, in one line."""
    try:
        functions = ctypes.CDLL(str(path))
        _declare(functions)
    except (OSError, AttributeError) as error:
        return f"{path.name} cannot be loaded: {error}"
    chosen = functions.converse_level(level.encode())
    if chosen is None:
        return f"this processor, or {path.name}, has no instruction set {level!r}"
    about = json.loads(functions.converse_about())
    return Library(path, chosen.decode(), about["compiler"], about["flags"], functions, _parallel_for())
