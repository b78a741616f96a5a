"""A transfer function kept for one map size, for deployment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..calls.setting import Setting
from ..native.serving import serving
from .fourier import DFT
from .precision import full_precision
from .spectral import filter_maps, grid_of, planes_for, solution_like
from .transfer import compute_dtype, transfer
from .transforms import Grid


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
        """Whether G is that of these arguments, by value, ``y`` has its size, channels, precision and device, and
        nothing computes faster than G is read: compiled code, on either device, makes its own in less time.
        """
        return (
            serving(y) is None
            and y.dim() == 4
            and planes_for(setting, y) is None
            and y.is_floating_point()
            and tuple(y.shape[1:]) == (self.g.shape[0], *self.size)
            and y.device == self.g.device
            and compute_dtype(y) == self.g.real.dtype
            and setting == self.setting
            and _same(kernel, self.kernel)
            and _same(lam, self.lam)
        )

    def apply(self, y: Tensor) -> Tensor:
        """The operator on ``y`` (B, C, H, W), without a gradient."""
        out = solution_like(y, self.kernel, self.lam, self.setting)
        with torch.no_grad(), full_precision(y.device):
            filter_maps(y, self.g, self.grid, out, self.setting)
        return out


def _same(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)
