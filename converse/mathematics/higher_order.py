"""The operator once more, of differentiable torch operations: only higher derivatives go through it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..calls.setting import Setting
from .fourier import DFT
from .padding import crop2d, pad2d
from .transfer import TINY, compute_dtype
from .transforms import Grid


def differentiable(y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting) -> Tensor:
    """:func:`converse.mathematics.spectral.solution` (same arguments), differentiable to any order by autograd."""
    dtype = compute_dtype(y)
    padded = pad2d(y.to(dtype), setting.padding, setting.mode)
    hp, wp = padded.shape[-2:]
    dft = DFT.of(Grid((hp, wp), device=y.device), (kernel.shape[-2], kernel.shape[-1]), setting.scale, y.device)
    f = torch.complex(*dft.otf(kernel.double()).contiguous().unbind(0))
    power = (f.real**2 + f.imag**2).sum((1, 2), keepdim=True)
    inverse = 1 / (power + lam.double().clamp_min(TINY)[:, None, None, None, None])
    q = (1 - f.sum((1, 2), keepdim=True)) * inverse if setting.nearest else inverse.to(f.dtype)
    g = torch.complex(f.real, -f.imag) * q + float(setting.nearest)
    spectrum = torch.fft.rfft2(padded)[:, :, None, None] * g.to(dtype.to_complex())
    x = torch.fft.irfft2(spectrum, s=(hp, wp))
    x = crop2d(x, setting.padding).permute(0, 1, 4, 3, 5, 2)
    b, c, h, w = y.shape
    return x.reshape(b, c, h * setting.scale, w * setting.scale).to(y.dtype).contiguous()
