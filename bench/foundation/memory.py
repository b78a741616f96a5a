"""Memory of a process: freed blocks are kept for the next map, and running out is told in one line."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.foundation.errors import BenchError

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt`` (malloc.h)."""
_WORDS = ("allocate memory", "out of memory", "bad_alloc", "enough memory", "memory allocation", "alloc_failed")
"""How torch's allocators, the C++ library, MKL, cuBLAS and cuFFT say it, all by a bare RuntimeError."""


class OutOfMemory(BenchError):
    """There was not enough memory for one piece of work; others may still fit."""


def ran_out(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on the CPU or on a GPU."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(w in text for w in _WORDS))


@contextmanager
def within_memory(what: str) -> Iterator[None]:
    """Runs a piece of work; where memory runs out, that is told of ``what``.

    Raises:
        OutOfMemory: whoever ran out of memory inside.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        # Without the cause: its traceback would keep the large arrays of the failed work alive.
        raise OutOfMemory(f"{what}: out of memory") from None


def keep_freed_memory() -> bool:
    """Let glibc serve large blocks from its heap instead of new pages of the kernel, each of which faults once.

    For a process that runs networks and nothing else: it holds its peak until it ends. The arithmetic does not
    change. Timings and measurements of memory (``bench throughput``) go without, as their users' programs do.
    Nothing happens where there is no glibc.

    Returns:
        Whether the allocator took the setting.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
