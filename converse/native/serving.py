"""Can the compiled operator serve this call? One question, asked here alone, answered with one reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from ..calls.modes import is_transformed
from .library import Library
from .loading import load
from .operator import TYPES

PLAIN = (Tensor, nn.Parameter)
_wanted: ContextVar[bool] = ContextVar("converse_native_wanted", default=True)


@contextmanager
def on_torch() -> Iterator[None]:
    """Inside the block this thread computes by torch alone, as if nothing were built: to compare in one process."""
    before = _wanted.set(False)
    try:
        yield
    finally:
        _wanted.reset(before)


def compiled_wanted() -> bool:
    """Whether compiled code may serve this thread: not inside :func:`on_torch`."""
    return _wanted.get()


def refusal(*tensors: Tensor, as_they_are: bool = False, device: str = "cpu") -> str | None:
    """Why compiled code, if there is any, cannot compute with these tensors; None if it can.

    Args:
        tensors: the elements of the first are read as they are; the others are converted.
        as_they_are: whether all of them are read so: torch would convert none of these, and all are float32.
        device: type of the device where that code runs.
    """
    # First of all: a compiler cannot follow some of the questions below.
    if torch.compiler.is_compiling():
        return "a compiler traces the call"
    if not _wanted.get():
        return "switched off here"
    if torch.jit.is_tracing():
        return "torch.jit records the call"
    first = tensors[0]
    if first.dtype not in TYPES:
        return f"{first.dtype} is computed by torch"
    if first.numel() == 0:
        return "nothing to compute"
    if as_they_are and torch.is_autocast_enabled(device):
        return "autocast chooses the precision"
    for tensor in tensors:
        if type(tensor) not in PLAIN:
            return f"{type(tensor).__name__} is a tensor of another kind"
        if tensor.device.type != device:
            return f"on {tensor.device.type}"
        if tensor.layout is not torch.strided:
            return f"{tensor.layout} is not strided"
        if as_they_are and tensor.dtype != torch.float32:
            return f"{tensor.dtype} is not float32"
        if tensor.is_neg():
            return "a lazy negative"
        if torch._C._functorch.is_legacy_batchedtensor(tensor):
            return "a batch of gradients at once"
    if is_transformed():
        return "a function transform (vmap, jvp, ...) looks into every operation"
    if torch._C._len_torch_dispatch_stack():
        return "a mode (a counter of operations, fake tensors, ...) looks into every operation"
    return None


def serving(*tensors: Tensor, as_they_are: bool = False) -> Library | None:
    """The library that serves a call on these tensors, as :func:`refusal` takes them; None: torch computes."""
    if refusal(*tensors, as_they_are=as_they_are) is not None:
        return None
    library = load()
    return library if isinstance(library, Library) else None
