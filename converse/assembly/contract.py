"""The one place where an operator is built, and what it must be to be built at all.

Whatever an operator from outside raises is told as an `OperatorError` with its file: its rows become dashes, and nobody
else's. The whole contract stands in ``docs/plugin.md``.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

from ..declarations.operator_info import OperatorError, OperatorInfo, SkippedConfiguration
from ..declarations.registry import load_operator

CHANNELS, KERNEL, HEIGHT, WIDTH = 4, 3, 9, 8
"""The small instance of `problem`."""


def build_operator(info: OperatorInfo, channels: int, kernel_size: Any, **settings: Any) -> nn.Module:
    """``cls(channels, kernel_size, **settings)``, unless its ``skip`` says no.

    Args:
        info: which operator.
        channels: C of the maps, given by position.
        kernel_size: an integer, or a pair where a configuration has one, given by position.
        **settings: scale, padding_mode and declared options, given by keyword.

    Raises:
        SkippedConfiguration: it declines this configuration; the message is its reason.
        OperatorError: it comes from outside and raises, whatever it is.
        ValueError, TypeError: a bad value for a built-in operator.
    """
    cls = load_operator(info)
    where = f"operator {info.name!r}"
    skip = getattr(cls, "skip", None)
    if skip is not None:
        try:
            reason = skip(channels, kernel_size, **settings)
        except Exception as error:
            if not info.external:
                raise
            called = ", ".join(["channels", "kernel_size", *(f"{name}=…" for name in settings)])
            raise OperatorError(f"{where} ({info.path}): skip({called}) raises {_told(error)}") from error
        if reason:
            raise SkippedConfiguration(f"{where}: {' '.join(str(reason).split())}")
    try:
        return cls(channels, kernel_size, **settings)
    except Exception as error:
        if not info.external:
            raise
        raise OperatorError(f"{where} ({info.path}): its constructor raises {_told(error)}") from error


def problem(info: OperatorInfo) -> str:
    """What the contract says of an operator, from one small instance on the meta device; empty if nothing.

    For each of its roles: it is built, maps (2, 4, 9, 8) to the right shape and keeps the dtype. A configuration
    that it declines is no problem.
    """
    if info.error is not None:
        return info.error
    try:
        if reason := _signature(load_operator(info)):
            return f"operator {info.name!r} ({info.path}): {reason}"
        for role in info.roles:
            if reason := _instance(info, _scale(info, role)):
                return f"operator {info.name!r} ({info.path}), as {role}: {reason}"
    except OperatorError as error:
        return str(error)
    return ""


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
            operator = build_operator(info, CHANNELS, KERNEL, scale=scale, padding_mode="circular")
        out = operator(torch.empty(2, CHANNELS, HEIGHT, WIDTH, device="meta"))
    except SkippedConfiguration:
        return ""
    except OperatorError:
        raise
    except Exception as error:  # of its forward
        return f"its forward raises {_told(error)} on the meta device"
    want = (2, CHANNELS, HEIGHT * scale, WIDTH * scale)
    if not isinstance(out, torch.Tensor) or tuple(out.shape) != want:
        got = tuple(out.shape) if isinstance(out, torch.Tensor) else f"a {type(out).__name__}"
        return f"it maps (2, {CHANNELS}, {HEIGHT}, {WIDTH}) to {got}, expected {want}"
    return "" if out.dtype == torch.float32 else f"it maps float32 to {str(out.dtype).removeprefix('torch.')}"


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
