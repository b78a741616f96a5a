"""A block's pointwise layers without gradients: strip by strip, so that nothing leaves the cache.

Norm, 1×1 convolution and GELU act on each pixel alone. Run one after the other over whole maps, each writes a map
of fresh memory and the next reads it back; in strips of a megabyte they cost what their arithmetic costs.
The numbers are the same up to the order of summation in the matrix products.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeGuard, runtime_checkable

import torch
from torch import Tensor, nn

from ..mathematics.modes import is_transformed

_STRIP = 1 << 20
"""Bytes of the widest intermediate result at once."""


def applies(x: Tensor) -> bool:
    """Whether ``x`` is met in the plain case: eager on a CPU, no gradient of any mode, no autocast, no transform."""
    return (
        type(x) is Tensor
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and x.numel() > 0
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not is_transformed()  # vmap and jvp know no out=
        and not torch.nn.modules.module._has_any_global_hook()
    )


def as_built(layer: nn.Module) -> bool:
    """Whether nobody watches or replaces what the layer does when it is called."""
    return not (layer._forward_hooks or layer._forward_pre_hooks or "forward" in vars(layer))


@runtime_checkable
class Overwriting(Protocol):
    """An operator that can work in the memory of its input, as :class:`converse.Converse2D` does."""

    def overwrite(self, y: Tensor) -> Tensor:
        """``forward`` for a caller who needs ``y`` no more: ``y`` itself or a new tensor, without a gradient."""


def overwrites(layer: nn.Module) -> TypeGuard[Overwriting]:
    """Whether ``layer.overwrite`` may stand for ``layer``: nobody watches it, and no subclass changed only one."""
    if not isinstance(layer, Overwriting) or not as_built(layer):
        return False
    homes = [next(c for c in type(layer).__mro__ if name in vars(c)) for name in ("overwrite", "forward")]
    return homes[0] is homes[1]


class Scratch:
    """One buffer that the blocks of a stack hand on to each other during a forward pass."""

    def __init__(self) -> None:
        self._held: Tensor | None = None

    def take(self, like: Tensor, *shape: int) -> Tensor:
        """An uninitialised tensor of ``shape`` in the dtype of ``like``: the last one again if it fits."""
        held = self._held
        if held is None or held.shape != shape or held.dtype != like.dtype:
            self._held = None
            held = self._held = like.new_empty(shape)
        return held


def is_pointwise(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    """A plain 1×1 convolution with a bias, and no subclass that might do something else."""
    return (
        type(layer) is nn.Conv2d
        and layer.kernel_size == (1, 1)
        and layer.stride == (1, 1)
        and layer.padding == (0, 0)
        and layer.groups == 1
        and layer.bias is not None
        and type(layer.weight) is nn.Parameter
        and as_built(layer)
    )


def is_gelu(layer: nn.Module) -> bool:
    """The exact GELU."""
    return type(layer) is nn.GELU and layer.approximate == "none" and as_built(layer)


def is_branch(branch: nn.Module, norm: type[nn.Module], spatial: bool) -> bool:
    """Whether a branch of a block is what it was built as; the spatial operator may be anything.

    Args:
        branch: norm, 1×1, GELU, 1×1, and before the last one a spatial operator and a GELU if ``spatial``.
        norm: the type of its first layer.
        spatial: whether it has them.
    """
    layers = list(branch.children())
    if spatial and len(layers) == 6 and is_gelu(layers[4]):
        del layers[3:5]
    return (
        type(branch) is nn.Sequential
        and as_built(branch)
        and len(layers) == 4
        and type(layers[0]) is norm
        and as_built(layers[0])
        and is_pointwise(layers[1])
        and is_gelu(layers[2])
        and is_pointwise(layers[3])
    )


def strips(pixels: int, channels: int, itemsize: int) -> Iterator[slice]:
    """Spans of pixels, each of about ``_STRIP`` bytes at ``channels`` channels."""
    step = max(64, _STRIP // (channels * itemsize))
    return (slice(start, min(start + step, pixels)) for start in range(0, pixels, step))


def pointwise(x: Tensor, layer: nn.Module, out: Tensor | None = None) -> Tensor:
    """1×1 convolution of pixels (C, P) → (C', P), as one matrix product; for a layer that `is_pointwise`."""
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    return torch.addmm(layer.bias[:, None], layer.weight[:, :, 0, 0], x, out=out)


def gelu_(x: Tensor) -> Tensor:
    """Exact GELU in the memory of ``x``."""
    return torch.ops.aten.gelu_(x)
