"""What reaches the layers of a network: one run on an example tells their channels, and whether a new layer serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from ..declarations.literals import unknown


@dataclass
class Calls:
    """How a layer was called."""

    maps: list[Tensor] = field(default_factory=list)
    """What entered it, in order; none if it was not reached."""
    named: str = ""
    """Arguments that it was called with by name, or beside the map; a new layer knows none."""


Inputs = Mapping[nn.Module, Calls]


def inputs_of(model: nn.Module, layers: Mapping[str, nn.Module], example: Any) -> Inputs:
    """The maps that enter each layer when the model runs once, in eval mode and without gradients.

    Args:
        model: left as it was.
        layers: the layers in question by name.
        example: an input of the network, a tuple for several.
    """
    seen = {layer: Calls() for layer in layers.values()}

    def note(layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        calls = seen[layer]
        calls.maps.append(inputs[0] if inputs else named["input"])
        calls.named = calls.named or ", ".join([*named, *["output_size"] * (len(inputs) > 1)])

    hooks = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in seen]
    modes = {module: module.training for module in model.modules()}
    try:
        with torch.no_grad():
            model.eval()(*(example if isinstance(example, tuple) else (example,)))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return seen


def widths_of(seen: Inputs) -> dict[nn.Module, int | str]:
    """Channels of the maps that enter each layer, or the reason why that is not one number."""
    return {layer: _one({t.shape[1] if t.ndim == 4 else 0 for t in calls.maps}) for layer, calls in seen.items()}


def given_widths(layers: Mapping[str, nn.Module], channels: int | Mapping[str, int]) -> dict[nn.Module, int | str]:
    """Channels as the caller says: one number for all layers, or one by name.

    Raises:
        TypeError: channels that are not integers.
        ValueError: a name that is no such layer or is missing; a number below 1.
    """
    by_name = channels if isinstance(channels, Mapping) else dict.fromkeys(layers, channels)
    for name, count in by_name.items():
        if name not in layers:
            raise ValueError(f"channels: {unknown('layer', name, layers)}")
        if not isinstance(count, Integral) or isinstance(count, bool):
            raise TypeError(f"channels: expected an integer for {name!r}, got {count!r}")
        if count < 1:
            raise ValueError(f"channels: expected at least 1 for {name!r}, got {count}")
    found: dict[nn.Module, int | str] = {layers[name]: int(count) for name, count in by_name.items()}
    missing = [name for name, layer in layers.items() if layer not in found]
    if missing:
        raise ValueError(f"channels: none given for {', '.join(missing)}")
    return found


@torch.no_grad()
def agree(old: nn.Module, new: nn.Module, maps: list[Tensor]) -> bool:
    """Whether both layers give the same for each of the maps, and for noise of its size, up to rounding.

    Noise, since many layers agree on a map of zeros or ones, which examples often are.

    Raises:
        TypeError, ValueError: the new layer does not serve one of them.
    """

    def same(x: Tensor) -> bool:
        want, got = old(x), new(x)
        eps = torch.finfo(want.dtype).eps
        roundings = 100 if eps < 1e-6 else 4  # a half type rounds the result of a float32 computation
        return bool((got - want).norm() <= roundings * eps * want.norm())

    return all(same(x) for x in maps) and all(same(_noise(x)) for x in {x.shape: x for x in maps}.values())


def _noise(like: Tensor) -> Tensor:
    """Normal noise in the shape of a map, of one sample where it has none; the global random state stays."""
    shape = (max(1, like.shape[0]), *like.shape[1:])
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), device="cpu").to(like)


def _one(counts: set[int]) -> int | str:
    if not counts:
        return "the example never reached it"
    if 0 in counts:
        return "its input is not (B, C, H, W)"
    if len(counts) > 1:
        return f"it serves maps of {', '.join(map(str, sorted(counts)))} channels"
    return counts.pop()
