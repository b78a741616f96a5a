"""A block's pointwise layers without gradients: strip by strip, so that nothing leaves the cache.

Norm, 1×1 convolution and GELU act on each pixel alone. Run one after the other over whole maps, each writes a map
of fresh memory and the next reads it back; in strips of a megabyte they cost what their arithmetic costs.
The numbers are the same up to the order of summation in the matrix products.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

import torch
from torch import Tensor, nn

_STRIP = 1 << 20
"""Bytes of the widest intermediate result at once."""


def applies(x: Tensor, layers: nn.Module) -> bool:
    """Whether strips may replace the calls of ``layers``: eager on a CPU, no gradients, no autocast, no hooks."""
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64) or x.numel() == 0:
        return False
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
        return False
    return not any(_watched(layer) for layer in layers.children()) and not torch.jit.is_tracing()


def _watched(layer: nn.Module) -> bool:
    return bool(layer._forward_hooks or layer._forward_pre_hooks)


def is_pointwise(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    """A plain 1×1 convolution with a bias, and no subclass that might do something else."""
    return (
        type(layer) is nn.Conv2d
        and layer.kernel_size == (1, 1)
        and layer.stride == (1, 1)
        and layer.padding == (0, 0)
        and layer.groups == 1
        and layer.bias is not None
    )


def strips(pixels: int, channels: int, itemsize: int) -> Iterator[slice]:
    """Spans of pixels, each of about ``_STRIP`` bytes at ``channels`` channels."""
    step = max(64, _STRIP // (channels * itemsize))
    return (slice(start, min(start + step, pixels)) for start in range(0, pixels, step))


def pointwise(x: Tensor, layer: nn.Conv2d, out: Tensor | None = None) -> Tensor:
    """1×1 convolution of pixels (C, P) → (C', P), as one matrix product."""
    assert layer.bias is not None
    return torch.addmm(layer.bias[:, None], layer.weight[:, :, 0, 0], x, out=out)


def gelu_(x: Tensor) -> Tensor:
    """Exact GELU in the memory of ``x``."""
    return torch.ops.aten.gelu_(x)
