"""Re-convolution inside a network: how far X* ⊗ K is from Y, in every reverse convolution that an image passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from converse.mathematics.functional import converse2d, degrade
from converse.mathematics.padding import pad2d
from converse.operators.converse2d import Converse2D


def relative_error(layer: Converse2D, y: Tensor) -> float:
    """‖Y − (X* ⊗ K)↓s‖ / ‖Y‖ of one layer on its own input, over all channels and samples, before X* is cropped.

    Args:
        layer: with its kernel, lam, scale and padding.
        y: its input (B, C, H, W); Y is this map padded as the layer pads.
    """
    padded = pad2d(y, layer.padding, layer.padding_mode)
    star = converse2d(padded, layer.kernel, layer.lam, scale=layer.scale, padding=0, x0=layer.x0)
    residual = padded - degrade(star, layer.kernel.to(star.dtype), layer.scale)
    return float(residual.norm() / padded.norm())


@contextmanager
def reconvolution(network: nn.Module) -> Iterator[dict[str, float]]:
    """Layer name to `relative_error` on whatever the network is applied to inside; the last application counts.

    Layers stand in the order in which they are applied; a network without a reverse convolution has none.
    """
    found: dict[str, float] = {}
    hooks = []

    def watch(name: str) -> Any:
        def hook(layer: Converse2D, inputs: tuple[Tensor, ...], _: Tensor) -> None:
            with torch.inference_mode():
                found[name] = relative_error(layer, inputs[0])

        return hook

    for name, module in network.named_modules():
        if isinstance(module, Converse2D):
            hooks.append(module.register_forward_hook(watch(name)))
    try:
        yield found
    finally:
        for handle in hooks:
            handle.remove()
