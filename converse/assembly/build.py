"""Networks by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..declarations.model_spec import ModelSpec, resolve
from ..declarations.operator_info import OperatorInfo
from .blocks import MakeOperator
from .contract import build_operator


class NearestThen(nn.Module):
    """Nearest-neighbour ×s, then an operator that cannot upsample by itself (ours, unstated).

    Args:
        operator: (B, C, H, W) → the same shape.
        scale: s.
    """

    def __init__(self, operator: nn.Module, scale: int) -> None:
        super().__init__()
        self.operator = operator
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W)."""
        return self.operator(F.interpolate(x, scale_factor=self.scale, mode="nearest"))


def build_model(
    name: str,
    *,
    seed: int | None = None,
    plugins: Sequence[str | Path] = (),
    **options: Any,
) -> nn.Module:
    """A network of the paper, freshly initialised, in training mode.

    ``operator=`` (or ``upsampler=``) puts another operator, a plugin's included, into its slot;
    whatever options that operator declares are accepted here too, and no others.

    Args:
        name: one of :func:`converse.list_models`.
        seed: fixes the initial weights without touching the global random state; None draws from
            the global generator as torch's layers do.
        plugins: paths of loose operator files that ``operator=`` may name.
        **options: e.g. channels, blocks, kernel_size, padding_mode, operator, padding, init, lam,
            x0, eps (:class:`converse.declarations.model_info.ModelInfo`).

    Returns:
        The network; its ``spec`` is the resolved :class:`converse.declarations.model_spec.ModelSpec`, whose
        ``spec.info.inputs`` says what ``forward`` takes.

    Raises:
        ValueError: unknown model, operator or option (with the valid ones), a value out of range.
        SkippedConfiguration: the operator declines this configuration; the message is its reason.
        TypeError: a value of the wrong type.
    """
    spec = resolve(name, options, plugins=plugins)
    if seed is None:
        return _construct(spec)
    device = torch.get_default_device()
    start = device if device.type == "meta" else torch.device("cpu")
    with torch.random.fork_rng(devices=[]), start:
        # The CPU generator alone: torch.manual_seed would reseed every CUDA device as well.
        torch.default_generator.manual_seed(seed)
        model = _construct(spec)
    return model.to(device)


def _construct(spec: ModelSpec) -> nn.Module:
    cls = getattr(importlib.import_module(spec.info.module), spec.info.cls)
    arguments = dict(spec.settings)
    if spec.operator is not None:
        arguments |= _operators(spec, spec.operator)
        arguments.pop("up_kernel_size", None)
        if spec.info.slot == "operator":
            del arguments["kernel_size"], arguments["padding_mode"]
    model: nn.Module = cls(**arguments)
    model.spec = spec  # type: ignore[assignment]
    return model


def _operators(spec: ModelSpec, info: OperatorInfo) -> dict[str, Any]:
    """The injected factories that the network's constructor takes."""
    settings = spec.settings
    mode = settings["padding_mode"]
    up_size: Any = settings.get("up_kernel_size")
    if spec.info.slot == "upsampler":
        make = _factory(info, up_size, mode, spec.operator_options, scale=2)
        return {"upsampler": make, "own_conv": info.own_conv}
    size = settings["kernel_size"]
    made: dict[str, Any] = {"spatial": _factory(info, size, mode, spec.operator_options)}
    if spec.info.upsamples and info.supports("upsampler", 2):
        made["upsampler"] = _factory(info, up_size, mode, spec.up_options, scale=2)
    elif spec.info.upsamples:
        make_same = _factory(info, up_size, mode, spec.up_options)
        made["upsampler"] = lambda channels: NearestThen(make_same(channels), 2)
    return made


def _factory(
    info: OperatorInfo,
    kernel_size: int | Sequence[int],
    padding_mode: str,
    options: Mapping[str, Any],
    scale: int = 1,
) -> MakeOperator:
    def make(channels: int) -> nn.Module:
        size = kernel_size if isinstance(kernel_size, int) else tuple(kernel_size)
        return build_operator(info, channels, size, scale=scale, padding_mode=padding_mode, **options)

    return make
