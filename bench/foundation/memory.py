"""Freed memory stays with the process: a network asks for the same large maps over and over."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt`` (malloc.h)."""


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
