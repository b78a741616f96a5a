"""Calling the compiled upsampler: one pattern per channel times every sample."""

from __future__ import annotations

import torch
from torch import Tensor

from .library import Library


def upsample(library: Library, y: Tensor, g: Tensor) -> Tensor:
    """Every sample of ``y`` (B, C, H, W) float32 times ``g`` (1, C, s, s) float32: (B, C, H s, W s)."""
    (b, c, h, w), s = y.shape, g.shape[-1]
    out = y.new_empty((b, c, h * s, w * s))
    y, g = y.contiguous(), g.contiguous()
    call = library.functions.converse_upsample
    call(y.data_ptr(), g.data_ptr(), out.data_ptr(), b, c, h, w, s, library.parallel_for, library.threads())
    return out


def upsample_backward(
    library: Library, grad: Tensor, y: Tensor, g: Tensor, need_y: bool, need_g: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Gradients of :func:`upsample` for y and g; None where not needed."""
    (b, c, h, w), s = y.shape, g.shape[-1]
    dy = torch.empty_like(y, memory_format=torch.contiguous_format) if need_y else None
    dg = torch.zeros((b, c, s, s), dtype=torch.float64, device="cpu") if need_g else None
    grad, y, g = grad.contiguous(), y.contiguous(), g.contiguous()
    targets = (None if dy is None else dy.data_ptr(), None if dg is None else dg.data_ptr())
    places = (grad.data_ptr(), y.data_ptr(), g.data_ptr(), *targets)
    library.functions.converse_downsample(*places, b, c, h, w, s, library.parallel_for, library.threads())
    return dy, None if dg is None else dg.sum(0, keepdim=True).to(g.dtype)
