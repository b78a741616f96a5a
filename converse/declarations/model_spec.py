"""A network's options settled without importing torch: what a workflow plans with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, cast

from ..calls.setting import PADDING_MODES
from .literals import unknown
from .model_info import ModelInfo, find_model
from .operator_info import OperatorInfo
from .registry import find_operator


@dataclass(frozen=True)
class ModelSpec:
    """A network with every option settled; what :func:`converse.build_model` builds.

    Attributes:
        info: the declaration.
        operator: the operator in the slot, if the network has one.
        settings: the network's own options (channels, blocks, kernel_size, ...), slot excluded.
        operator_options: the operator's own options, defaults of the network included.
        up_options: the same for the upsamplers (networks that upsample with their operator).
    """

    info: ModelInfo
    operator: OperatorInfo | None
    settings: dict[str, Any]
    operator_options: dict[str, Any]
    up_options: dict[str, Any]

    @property
    def label(self) -> str:
        """How a table prints it."""
        info, operator = self.info, self.operator
        if operator is None or operator.name == info.operator:
            return info.label
        shown = operator.upsampler_label if info.role == "upsampler" else operator.label
        return info.label_with.format(operator=shown)

    def identity(self) -> dict[str, Any]:
        """Canonical, JSON-ready: equal for two spellings of one network, with no name in it.

        A setting that is None is left out: an option that a network gains later leaves earlier identities as they are.
        """
        same: dict[str, Any] = {
            "network": f"{self.info.module.rpartition('.')[2]}.{self.info.cls}",
            "settings": {key: value for key, value in self.settings.items() if value is not None},
        }
        if self.operator is not None:
            same["operator"] = self.operator.name
            same["operator_options"] = self.operator_options
            if self.info.upsamples:
                same["up_options"] = self.up_options
            if self.operator.external:
                same["operator_sha256"] = self.operator.sha256
        return same


def resolve(
    name: str,
    options: Mapping[str, Any] | None = None,
    *,
    plugins: Sequence[str | Path] = (),
) -> ModelSpec:
    """Settles every option of a network without importing torch.

    Args:
        name: a name of :func:`converse.declarations.model_info.models`.
        options: the network's own options and those that its operator declares.
        plugins: loose operator files, besides what is installed.

    Raises:
        ValueError: unknown name, option or operator (with the valid ones and the nearest), an
            operator that does not serve the slot's role, a value out of range.
        TypeError: a value of the wrong type.
    """
    info = find_model(name)
    given = dict(options or {})
    settings = dict(info.defaults)
    operator: OperatorInfo | None = None
    if info.slot:
        operator = find_operator(given.pop(info.slot, info.defaults[info.slot]), plugins)
        scale = 2 if info.slot == "upsampler" else 1
        if not operator.supports(info.role, scale):
            raise ValueError(
                f"{name}: operator {operator.name!r} does not serve as {info.role} at scale {scale}"
                f" (roles: {', '.join(operator.roles)}; scales: {operator.scales})"
            )
        del settings[info.slot]
    own = operator.options if operator else ()
    prefixed = tuple(f"up_{option}" for option in own) if info.upsamples else ()
    valid = [*info.defaults, *own, *prefixed]
    chosen = {k: v for k, v in (info.operator_defaults or {}).items() if k in (*own, *prefixed)}
    for option, value in given.items():
        if option not in valid:
            with_operator = f" with operator {operator.name!r}" if operator else ""
            raise ValueError(f"{name}{with_operator}: {unknown('option', option, valid)}")
        (settings if option in settings else chosen)[option] = value
    settings = {key: _checked(info, key, value) for key, value in settings.items()}
    if operator and settings.get("up_kernel_size", 0) is None:
        settings["up_kernel_size"] = _up_kernel_size(info, operator, settings)
    return ModelSpec(
        info=info,
        operator=operator,
        settings=settings,
        operator_options=_own(chosen, own, settings.get("kernel_size")),
        up_options=_up(chosen, own) if info.upsamples else {},
    )


def _up_kernel_size(info: ModelInfo, operator: OperatorInfo, settings: Mapping[str, Any]) -> Any:
    """The kernel of a x2 stage where none is given (unstated in the paper for most operators).

    2 = the scale for an operator that upsamples. One that does not follows a nearest x2 with the
    body's kernel: one of size 2 would sit half a pixel off centre. Own convolutions are 3x3;
    an operator may declare another size.
    """
    if not operator.supports("upsampler", 2):
        return settings["kernel_size"]
    if operator.up_kernel_size is not None:
        return operator.up_kernel_size
    return 3 if info.role == "upsampler" and operator.own_conv else 2


def _own(chosen: dict[str, Any], own: Sequence[str], kernel_size: Any) -> dict[str, Any]:
    """Options of the spatial operator; ``padding`` None spelled out, so that k - 1 = k - 1."""
    options = {key: value for key, value in chosen.items() if key in own}
    if options.get("padding", 0) is None and type(kernel_size) is int:
        options["padding"] = kernel_size - 1
    return options


def _up(chosen: dict[str, Any], own: Sequence[str]) -> dict[str, Any]:
    """Options of the upsamplers: ``up_x`` where there is one, else the body's ``x``."""
    both = {key: chosen[key] for key in own if key in chosen}
    return both | {key: chosen[f"up_{key}"] for key in own if f"up_{key}" in chosen}


def _checked(info: ModelInfo, key: str, value: Any) -> Any:
    """A network option of the right type and range, lists for pairs (as JSON has them)."""
    model, choices = info.name, {"padding_mode": PADDING_MODES, **(info.choices or {})}
    if key in choices:
        if value not in choices[key]:
            raise ValueError(f"{model}: {unknown(key, value, choices[key])}")
        return value
    if key.endswith("kernel_size"):
        if value is None and key == "up_kernel_size":
            return None
        pair = list(value) if isinstance(value, (tuple, list)) else [value]
        if len(pair) > 2 or not pair or not all(_whole(k) for k in pair):
            raise TypeError(f"{model}: {key} must be an integer or a pair, got {value!r}")
        if min(pair) < 1:
            raise ValueError(f"{model}: {key} must be >= 1, got {value!r}")
        pair = [int(k) for k in pair]
        return pair[0] if len(set(pair)) == 1 else cast(Any, pair)
    if not _whole(value):
        raise TypeError(f"{model}: {key} must be an integer, got {value!r}")
    if value < 1:
        raise ValueError(f"{model}: {key} must be >= 1, got {value}")
    return int(value)


def _whole(value: Any) -> bool:
    """An integer, NumPy's included; a bool is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)
