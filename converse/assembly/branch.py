"""One residual branch of a block, its pointwise halves compiled where that serves the call."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules import module as every_module

from ..native.library import Library
from ..native.serving import serving
from .conv1x1 import Conv1x1
from .norm import ChannelNorm
from .pointwise import enter, leave

SPATIAL = 3
"""Place of the spatial operator among six layers; four layers have none."""
TYPES = tuple(
    (ChannelNorm, conv, *gelus, conv) for conv in (Conv1x1, nn.Conv2d) for gelus in ((nn.GELU,), (nn.GELU, nn.GELU))
)
"""Of the pointwise layers, without a spatial operator and around one; whole modules pickled earlier hold nn.Conv2d."""


def branch(layers: nn.Sequential, x: Tensor, alpha: Tensor | None) -> Tensor:
    """x + alpha layers(x).

    Args:
        layers: [norm, 1×1, GELU, spatial operator, GELU, 1×1] or [norm, 1×1, GELU, 1×1].
        x: (B, C, H, W).
        alpha: (1, C, 1, 1); None: one.

    Returns:
        (B, C, H, W).
    """
    pointwise: list[Any] = list(layers)
    spatial = pointwise.pop(SPATIAL) if len(pointwise) == 6 else None
    library = _serving(layers, pointwise, x, alpha)
    if library is None:
        return _sum(x, layers(x), alpha)
    norm, first, *_, last = pointwise
    y = enter(library, x, norm.weight, norm.bias, first.weight, first.bias, norm.eps, spatial is not None)
    if spatial is not None:
        y = spatial(y)
        if serving(y, as_they_are=True) is None or y.shape != (x.shape[0], last.weight.shape[1], *x.shape[2:]):
            return _sum(x, last(F.gelu(y)), alpha)
    return leave(library, y, x, last.weight, last.bias, alpha)


def _sum(x: Tensor, y: Tensor, alpha: Tensor | None) -> Tensor:
    return x + (y if alpha is None else alpha * y)


def _serving(layers: nn.Sequential, pointwise: list[Any], x: Tensor, alpha: Tensor | None) -> Library | None:
    """The library, where it serves, the layers are what their types say, and nothing watches their calls."""
    if serving(x, as_they_are=True) is None:  # asked first: a compiler cannot follow what comes after
        return None
    if type(layers) is not nn.Sequential or tuple(map(type, pointwise)) not in TYPES:
        return None
    if every_module._has_any_global_hook() or any(map(_is_watched, (layers, *pointwise))):
        return None
    norm, first, *gelus, last = pointwise
    if not (_is_pointwise(first) and _is_pointwise(last)):
        return None
    if any(gelu.approximate != "none" for gelu in gelus) or not norm.eps > 0:  # a pixel of zeros would divide by 0
        return None
    if x.dim() != 4:
        return None
    parameters = (norm.weight, norm.bias, first.weight, first.bias, last.weight, last.bias)
    if not _fit(x.shape[1], parameters, alpha):
        return None
    return serving(*parameters, *(() if alpha is None else (alpha,)), as_they_are=True)


def _is_pointwise(conv: nn.Conv2d) -> bool:
    return (conv.kernel_size, conv.stride, conv.padding, conv.groups) == ((1, 1), (1, 1), (0, 0), 1)


def _fit(channels: int, parameters: tuple[Tensor | None, ...], alpha: Tensor | None) -> bool:
    """Whether the tensors are what the library reads and writes, which nothing asks after this.

    A user may have put others in their places: torch broadcasts them, or says what is wrong.
    """
    wide = parameters[2].shape[0] if parameters[2] is not None and parameters[2].dim() else 0
    shapes = (channels,), (channels,), (wide, channels, 1, 1), (wide,), (channels, wide, 1, 1), (channels,)
    if any(tensor is None or tensor.shape != shape for tensor, shape in zip(parameters, shapes, strict=True)):
        return False
    return alpha is None or alpha.shape in ((1, channels, 1, 1), (channels, 1, 1))


def _is_watched(module: nn.Module) -> bool:
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks) or "forward" in vars(module)
