"""The one place where an operator is built, and what it must be to be built at all.

Whatever an operator from outside raises is told as an `OperatorError` with its file: its rows become dashes, and nobody
else's. The whole contract stands in ``docs/plugin.md``.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..declarations.operator_info import OperatorError, OperatorInfo, SkippedConfiguration
from ..declarations.registry import load_operator

CHANNELS, KERNEL, HEIGHT, WIDTH = 4, 3, 9, 8
"""The small instance of `problem`, and the map that every operator from outside is tried on when it is built."""


def build_operator(info: OperatorInfo, channels: int, kernel_size: Any, **settings: Any) -> nn.Module:
    """``cls(channels, kernel_size, **settings)``, unless its ``skip`` says no.

    Args:
        info: which operator.
        channels: C of the maps, given by position.
        kernel_size: an integer, or a pair where a configuration has one, given by position.
        **settings: scale, padding_mode and declared options, given by keyword.

    Raises:
        SkippedConfiguration: it declines this configuration; the message is its reason.
        OperatorError: it comes from outside and raises, whatever it is, or maps to a wrong shape or dtype.
        ValueError, TypeError: a bad value for a built-in operator.
    """
    cls = load_operator(info)
    where = f"operator {info.name!r}"
    skip = getattr(cls, "skip", None)
    if skip is not None:
        try:
            reason = skip(channels, kernel_size, **settings)
        except (Exception, SystemExit) as error:
            if not info.external:
                raise
            called = ", ".join(["channels", "kernel_size", *(f"{name}=…" for name in settings)])
            raise OperatorError(f"{where} ({info.path}): skip({called}) raises {told(error)}") from error
        if reason:
            raise SkippedConfiguration(f"{where}: {' '.join(str(reason).split())}")
    try:
        operator: nn.Module = cls(channels, kernel_size, **settings)
    except (Exception, SystemExit) as error:
        if not info.external:
            raise
        raise OperatorError(f"{where} ({info.path}): its constructor raises {told(error)}") from error
    # A map of a wrong shape may be broadcast by what follows, and would be trained and scored without a word.
    if info.external and (reason := _seen(operator, channels, settings.get("scale", 1))):
        raise OperatorError(f"{where} ({info.path}): {reason}")
    return operator


def problem(info: OperatorInfo) -> str:
    """What the contract says of an operator, from a small instance on the meta device; empty if nothing.

    For each of its roles: it is built, maps (2, 4, 9, 8) to the right shape, keeps the dtype, and two of it make a
    network that can be trained and saved (`unsuited`). A configuration that it declines is no problem.
    """
    if info.error is not None:
        return info.error
    where = f"operator {info.name!r} ({info.path})"
    try:
        if reason := _signature(load_operator(info)):
            return f"{where}: {reason}"
        for role in info.roles:
            if reason := _instance(info, _scale(info, role)):
                return f"{where}, as {role}: {reason}"
    except OperatorError as error:
        return str(error)
    except (Exception, SystemExit) as error:
        return f"{where}: {told(error)}"
    return ""


def unsuited(module: nn.Module) -> str:
    """Why a network cannot be trained, saved and loaded; empty if it can.

    Its parameters are real floating-point numbers of a known shape; its state is tensors, of which no two share memory.
    """
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if is_lazy(tensor):
            return f"its {name!r} has no shape before the first call: lazy layers are not supported"
        if isinstance(tensor, nn.Parameter) and not tensor.is_floating_point():
            return f"its parameter {name!r} is {_dtype(tensor)}: parameters must be real floating-point numbers"
    state = module.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            kept = "keep all state in parameters and buffers, as tensors"
            return f"its state {name!r} is a {type(value).__name__} (of get_extra_state): {kept}"
    if pair := _sharing(state):
        return f"its {pair[0]!r} and {pair[1]!r} share memory: each parameter and buffer needs its own"
    return ""


def told(error: BaseException) -> str:
    """An exception in one line: its type and text."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _scale(info: OperatorInfo, role: str) -> int:
    if role == "spatial" or info.scales == "any":
        return 1 if role == "spatial" else 2
    return max(int(scale) for scale in info.scales)


def _signature(cls: type[nn.Module]) -> str:
    parameters = inspect.signature(cls).parameters
    for name, default in (("scale", 1), ("padding_mode", "circular")):
        if parameters[name].default != default:
            return f"the default of {name} must be {default!r}"
    return ""


def _instance(info: OperatorInfo, scale: int) -> str:
    try:
        with torch.device("meta"):
            settings = {"scale": scale, "padding_mode": "circular"}
            operator, other = (build_operator(info, CHANNELS, KERNEL, **settings) for _ in range(2))
    except SkippedConfiguration:
        return ""
    try:
        reason = unsuited(nn.Sequential(operator, other))
    except (Exception, SystemExit) as error:
        return f"a network of it cannot be saved: {told(error)}"
    if reason:
        return reason
    try:
        return _mapping(operator, CHANNELS, scale)
    except (Exception, SystemExit) as error:
        return f"its forward raises {told(error)} on the meta device"


def _seen(operator: nn.Module, channels: int, scale: int) -> str:
    """What a copy of an operator does wrong on the meta device; empty where that cannot follow it."""
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            return _mapping(copy.deepcopy(operator).to("meta"), channels, scale)
    except (Exception, SystemExit):
        return ""


def _mapping(operator: nn.Module, channels: int, scale: int) -> str:
    """What is wrong with the shape or dtype of what a module on the meta device gives; empty if nothing."""
    given, want = (2, channels, HEIGHT, WIDTH), (2, channels, HEIGHT * scale, WIDTH * scale)
    out = operator(torch.empty(given, device="meta", dtype=torch.float32))
    if not isinstance(out, Tensor) or tuple(out.shape) != want:
        got = tuple(out.shape) if isinstance(out, Tensor) else f"a {type(out).__name__}"
        return f"it maps {given} to {got}, expected {want}"
    return "" if out.dtype == torch.float32 else f"it maps float32 to {_dtype(out)}"


def _sharing(tensors: Mapping[str, Tensor]) -> tuple[str, str] | None:
    """The first two names whose numbers lie, in part at least, in the same place."""
    taken: dict[int, list[tuple[int, int, str]]] = {}
    for name, t in tensors.items():
        if t.numel() == 0:
            continue
        reach = sum((n - 1) * step for n, step in zip(t.shape, t.stride(), strict=True))
        start = int(t.storage_offset()) * t.element_size()
        end = start + (int(reach) + 1) * t.element_size()
        places = taken.setdefault(t.untyped_storage()._cdata, [])
        for first, last, other in places:
            if start < last and first < end:
                return other, name
        places.append((start, end, name))
    return None


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
