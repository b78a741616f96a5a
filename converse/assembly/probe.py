"""How many channels reach a layer that does not know: one run of the network tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..declarations.literals import unknown


def input_channels(
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    example: Tensor | tuple[Any, ...] | None,
    channels: int | Mapping[str, int] | None,
) -> dict[nn.Module, int | str]:
    """Channels of the maps that enter each layer, or the reason why that is not one number.

    Args:
        model: the network; it is run once if ``example`` is given, in eval mode, without gradients.
        layers: the layers in question by name.
        example: an input of the network, a tuple for several.
        channels: one number for all, or one by name.

    Raises:
        TypeError: channels that are not integers.
        ValueError: both or neither of ``example`` and ``channels``; a name that is no such layer
            or is missing; a number below 1.
    """
    if (example is None) == (channels is None):
        raise ValueError(
            "swap: nn.Upsample does not know its channels: pass either example= (an input of the "
            "model) or channels= (one number, or one by layer name)"
        )
    if channels is None:
        return _run(model, layers, example)
    by_name = channels if isinstance(channels, Mapping) else dict.fromkeys(layers, channels)
    for name, count in by_name.items():
        if name not in layers:
            raise ValueError(f"channels: {unknown('layer', name, layers)}")
        if type(count) is not int:
            raise TypeError(f"channels: expected an integer for {name!r}, got {count!r}")
        if count < 1:
            raise ValueError(f"channels: expected at least 1 for {name!r}, got {count}")
    found = {layers[name]: count for name, count in by_name.items()}
    missing = [name for name, layer in layers.items() if layer not in found]
    if missing:
        raise ValueError(f"channels: none given for {', '.join(missing)}")
    return dict(found)


def _run(model: nn.Module, layers: Mapping[str, nn.Module], example: Any) -> dict[nn.Module, int | str]:
    seen: dict[nn.Module, set[int]] = {layer: set() for layer in layers.values()}

    def note(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        seen[layer].add(inputs[0].shape[1] if inputs[0].ndim == 4 else 0)

    hooks = [layer.register_forward_pre_hook(note) for layer in seen]
    modes = {module: module.training for module in model.modules()}
    try:
        with torch.no_grad():
            model.eval()(*(example if isinstance(example, tuple) else (example,)))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return {layer: _one(counts) for layer, counts in seen.items()}


def _one(counts: set[int]) -> int | str:
    if not counts:
        return "the example never reached it"
    if 0 in counts:
        return "its input is not (B, C, H, W)"
    if len(counts) > 1:
        return f"it serves maps of {', '.join(map(str, sorted(counts)))} channels"
    return counts.pop()
