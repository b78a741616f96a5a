"""A transfer function kept for one map size, for deployment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..mathematics.fourier import DFT
from ..mathematics.precision import full_precision
from ..mathematics.setting import Setting
from ..mathematics.spectral import filter_maps, grid_of
from ..mathematics.transfer import compute_dtype, transfer
from ..mathematics.transforms import Grid
from ..native.serving import serving

_KEPT = 1 << 30
"""Bytes of transfer functions that one forward pass may hold (:func:`kept`)."""


@dataclass(frozen=True)
class Transfer:
    """G of one map size with all that it was computed from: what :meth:`Converse2D.freeze` keeps."""

    kernel: Tensor
    lam: Tensor
    size: tuple[int, int]
    setting: Setting
    grid: Grid
    g: Tensor

    @classmethod
    def of(cls, kernel: Tensor, lam: Tensor, size: tuple[int, int], setting: Setting) -> Transfer:
        """G for kernel (C, kh, kw), lam (C,) and inputs of ``size``; kernel and lam are copied for :meth:`serves`."""
        taps, dtype = (kernel.shape[-2], kernel.shape[-1]), compute_dtype(kernel)
        grid = grid_of(size, setting.padding, kernel.shape[0], kernel)
        dft = DFT.of(grid, taps, setting.scale, kernel.device)
        # One channel at a time: float64 planes of all channels would be many times the result.
        pairs = zip(kernel.split(1), lam.split(1), strict=True)
        g = torch.cat([transfer(k, v, dft, setting.nearest, dtype) for k, v in pairs])
        return cls(kernel.clone(), lam.clone(), size, setting, grid, g)

    def serves(self, y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting) -> bool:
        """Whether G is that of these arguments, by value, and ``y`` has its size, channels, precision and device."""
        return (
            y.dim() == 4
            and y.is_floating_point()
            and tuple(y.shape[1:]) == (self.g.shape[0], *self.size)
            and y.device == self.g.device
            and compute_dtype(y) == self.g.real.dtype
            and setting == self.setting
            and _same(kernel, self.kernel)
            and _same(lam, self.lam)
        )

    def apply(self, y: Tensor, out: Tensor | None = None) -> Tensor:
        """The operator on ``y`` (B, C, H, W), without a gradient; ``out`` may be ``y`` where the scale is 1."""
        (b, c, h, w), scale = y.shape, self.setting.scale
        if out is None:
            out = y.new_empty((b, c, h * scale, w * scale))
        with torch.no_grad(), full_precision(y.device):
            filter_maps(y, self.g, self.grid, out, self.setting)
        return out


def _same(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)


@runtime_checkable
class Freezable(Protocol):
    """A layer that can compute its transfer function ahead, as :class:`converse.Converse2D` does."""

    def freeze(self, size: tuple[int, int]) -> object:
        """Precompute for maps of ``size`` (H, W)."""

    def unfreeze(self) -> object:
        """Undo :meth:`freeze`."""

    def frozen_bytes(self, size: tuple[int, int]) -> int | None:
        """What :meth:`freeze` would hold; None if there is nothing to freeze."""


@contextlib.contextmanager
def kept(stack: nn.Module, y: Tensor, times: int) -> Iterator[None]:
    """Inside the block, layers of ``stack`` that can be frozen are frozen, for maps of the size of ``y``.

    A stack that is applied several times so computes its transfer functions once. Nothing outlives the block.

    Only in eval mode without gradients, and for as many layers as fit in a gigabyte; the others, and layers that
    the caller has frozen, are left alone. The results are the same up to rounding.

    Args:
        stack: its layers that can be frozen see maps of the size of ``y``.
        y: (B, C, H, W).
        times: how often the stack is applied; once is not worth it.
    """
    size, room = (y.shape[-2], y.shape[-1]), _KEPT
    held: list[Freezable] = []
    # The compiled operator computes G while it filters, for less than reading a kept one would cost.
    if times > 1 and serving(y) is None and not (torch.is_grad_enabled() or torch.compiler.is_compiling() or y.is_meta):
        for layer in [module for module in stack.modules() if isinstance(module, Freezable)]:
            cost = layer.frozen_bytes(size)
            if cost is not None and cost <= room:
                layer.freeze(size)
                held.append(layer)
                room -= cost
    try:
        yield
    finally:
        for frozen in held:
            frozen.unfreeze()
