"""Compiling CUDA C++ at run time and launching it: NVRTC and the driver through ctypes, both of which CUDA builds of
PyTorch bring along. Nothing here knows what the kernels compute; no library is loaded before a CUDA tensor comes.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

_SHARED_BYTES = 8
"""CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES."""


def _toolkit() -> str:
    return (torch.version.cuda or "").split(".")[0]


@functools.cache
def compiler() -> ctypes.CDLL:
    """NVRTC of the CUDA version that torch was built with.

    Raises:
        OSError: there is none.
    """
    name = f"libnvrtc.so.{_toolkit()}"
    try:
        return ctypes.CDLL(name)
    except OSError:
        spec = importlib.util.find_spec("nvidia")
        folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else ()
        for path in (p for folder in folders for p in sorted(Path(folder).rglob(name))):
            return ctypes.CDLL(str(path))
        raise


@functools.cache
def _driver() -> ctypes.CDLL:
    return ctypes.CDLL("libcuda.so.1")


def compiled(source: str, architecture: str, library: ctypes.CDLL) -> bytes:
    """Machine code of ``source`` for ``architecture`` ("sm_90").

    Raises:
        RuntimeError: with the compiler's messages.
    """
    program = ctypes.c_void_p()
    if library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"converse.cu", 0, None, None):
        raise RuntimeError("NVRTC takes no program")
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
    try:
        if library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options)):
            size = ctypes.c_size_t()
            library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
            log = ctypes.create_string_buffer(size.value)
            library.nvrtcGetProgramLog(program, log)
            raise RuntimeError(log.value.decode(errors="replace"))
        size = ctypes.c_size_t()
        if library.nvrtcGetCUBINSize(program, ctypes.byref(size)) or not size.value:
            raise RuntimeError(f"NVRTC makes no machine code for {architecture}")
        code = ctypes.create_string_buffer(size.value)
        if library.nvrtcGetCUBIN(program, code):
            raise RuntimeError("NVRTC does not give its machine code")
        return code.raw
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _check(code: int) -> None:
    if code:
        text = ctypes.c_char_p()
        _driver().cuGetErrorString(code, ctypes.byref(text))
        raise RuntimeError(f"CUDA: {(text.value or b'unknown error').decode()}")


Argument = Tensor | int | float | ctypes.Structure | None


@functools.cache
def _context(index: int) -> ctypes.c_void_p:
    """The context of a device that torch uses too."""
    context = ctypes.c_void_p()
    _check(_driver().cuDevicePrimaryCtxRetain(ctypes.byref(context), index))
    return context


@contextmanager
def _current(context: ctypes.c_void_p) -> Iterator[None]:
    """A thread of torch's (autograd has its own) may not have made a context its current one yet."""
    _check(_driver().cuCtxPushCurrent_v2(context))
    try:
        yield
    finally:
        _driver().cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))


class Kernel:
    """One kernel on one device; calling it launches it on that device's current stream."""

    def __init__(self, module: ctypes.c_void_p, name: str, device: torch.device, shared: int) -> None:
        self._function, self._device, self._shared = ctypes.c_void_p(), device, shared
        self._context = _context(device.index)
        _check(_driver().cuModuleGetFunction(ctypes.byref(self._function), module, name.encode()))
        if shared:
            _check(_driver().cuFuncSetAttribute(self._function, _SHARED_BYTES, shared))

    def __call__(self, blocks: int, threads: int, *arguments: Argument) -> None:
        """Tensors travel as pointers (None: null), integers as int, floats as double, structures by value."""
        values = [_value(a) for a in arguments]
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))
        stream = ctypes.c_void_p(torch.cuda.current_stream(self._device).cuda_stream)
        grid = (blocks, 1, 1, threads, 1, 1)
        with _current(self._context):
            _check(_driver().cuLaunchKernel(self._function, *grid, self._shared, stream, pointers, None))


def _value(argument: Argument) -> ctypes.Structure | ctypes.c_int | ctypes.c_double | ctypes.c_void_p:
    if isinstance(argument, ctypes.Structure):
        return argument
    if isinstance(argument, int):
        return ctypes.c_int(argument)
    if isinstance(argument, float):
        return ctypes.c_double(argument)
    return ctypes.c_void_p(None if argument is None else argument.data_ptr())


def load(source: str, kernels: dict[str, int], device: torch.device) -> dict[str, Kernel]:
    """Compiles ``source`` for ``device`` and loads it there.

    Args:
        source: CUDA C++.
        kernels: names, and the bytes of dynamic shared memory that each is launched with.
        device: with an index.

    Raises:
        OSError: no compiler or no driver library.
        RuntimeError: what they say.
    """
    major, minor = torch.cuda.get_device_capability(device)
    code = compiled(source, f"sm_{major}{minor}", compiler())
    module = ctypes.c_void_p()
    with _current(_context(device.index)):
        _check(_driver().cuModuleLoadData(ctypes.byref(module), code))
        return {name: Kernel(module, name, device, shared) for name, shared in kernels.items()}
