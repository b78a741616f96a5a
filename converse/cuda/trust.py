"""Kernels made once for a device and a shape, tried before they are used; what fails is said once and left to torch."""

from __future__ import annotations

import functools
import os
import threading
import warnings
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import torch

from ..native.loading import SWITCH
from .driver import compiler

Made = TypeVar("Made")


@functools.cache
def unavailable() -> str | None:
    """Why no kernel can be made in this process, in one line; None if they can."""
    if torch.version.cuda is None:
        return "torch is built without CUDA"
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0 switches kernels off"
    try:
        compiler()
    except OSError as error:
        return f"no NVRTC: {error}"
    return None


class Trusted(Generic[Made]):
    """What was made so far, by key; None where it could not be, or did not agree.

    Args:
        what: it is called in a warning.
        most: kept at the most; further keys are left to torch.
    """

    def __init__(self, what: str, most: int) -> None:
        self._what, self._most = what, most
        self._known: dict[Hashable, Made | None] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], tuple[Made, str | None]]) -> Made | None:
        """What stands for ``key``; the first time ``make`` gives it, and in words what is wrong with it, if anything.

        While the current stream is recorded (a CUDA graph) nothing is made, since it could not be tried.
        """
        if key in self._known:
            return self._known[key]
        if unavailable() is not None or torch.cuda.is_current_stream_capturing():
            return None
        with self._lock:
            if key in self._known or len(self._known) >= self._most:
                return self._known.get(key)
            try:
                made, trouble = make()
            except torch.cuda.OutOfMemoryError:
                return None  # another time
            except Exception as error:  # the first call of a program must not fail for what it did not ask
                trouble = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            if trouble is not None:
                text = f"converse: no CUDA kernel for {self._what} {key}, torch computes: {trouble}"
                warnings.warn(text, RuntimeWarning, stacklevel=4)
            self._known[key] = made if trouble is None else None
            return self._known[key]
