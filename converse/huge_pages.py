"""Huge pages for large results on a CPU.

A result of more than 32 MB is fresh memory every time (glibc never keeps such a block), and the kernel fills
fresh memory page by page, at 2-3 GB/s: for a large map that alone takes longer than the arithmetic per tap.
Linux fills it several times faster in huge pages where it is asked to (``madvise`` mode, the usual setting).

Only blocks that are returned to the kernel when they are freed get the advice. On the heap it would outlive
the tensor and speed up whatever comes to lie there next, which would spoil comparisons.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import sys
from collections.abc import Callable

from torch import Tensor

_SMALLEST = 32 << 20
"""Bytes from which on glibc maps a block of its own, whatever its thresholds have adapted to."""


@functools.cache
def _madvise() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux") or not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    try:
        return ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return None


def advised(x: Tensor) -> Tensor:
    """``x``, newly allocated, with its memory advised to huge pages where that helps; never fails."""
    if x.device.type == "cpu" and x.nbytes >= _SMALLEST and (madvise := _madvise()) is not None:
        page = mmap.PAGESIZE
        start = -(-x.data_ptr() // page) * page
        length = (x.data_ptr() + x.nbytes - start) // page * page
        # A refusal (an old kernel, a container) changes nothing but the time.
        madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), mmap.MADV_HUGEPAGE)
    return x
