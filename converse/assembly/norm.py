"""Layer norm over channels, as a function and as a layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..cuda import norm as on_cuda
from ..mathematics.by_autograd import by_autograd


def channel_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Layer norm over the channels of (B, C, H, W), one mean and variance a pixel.

    Written out in the map's own memory format: ``layer_norm`` on a channels-last view hands that
    format on to operators that work on rows, and bringing it back costs twice as much as this.
    Half precision is computed in float32.

    Args:
        x: (B, C, H, W).
        weight: (C,), times the normed map.
        bias: (C,), added to it.
        eps: added to the variance; 1e-5 in the paper's networks.

    Returns:
        (B, C, H, W) in the dtype of ``x``.
    """
    kernels = on_cuda.serving(x, weight, bias)
    if kernels is None:
        return _by_torch(x, weight, bias, eps)
    if torch.is_grad_enabled() and any(t.requires_grad for t in (x, weight, bias)):
        normed: Tensor = _Norm.apply(kernels, eps, x, weight, bias)
        return normed
    return kernels.forward(x, weight, bias, eps)


def _by_torch(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    centred = wide - wide.mean(1, keepdim=True)
    scale = torch.rsqrt((centred * centred).mean(1, keepdim=True) + eps)
    weight, bias = weight.view(-1, 1, 1), bias.view(-1, 1, 1)
    if torch.is_grad_enabled():
        return (centred * scale * weight + bias).to(x.dtype)
    # The same numbers in the one buffer that is ours: fresh memory costs a third of the time.
    return centred.mul_(scale).mul_(weight).add_(bias).to(x.dtype)


class _Norm(torch.autograd.Function):
    """By CUDA kernels; what is saved is the input."""

    @staticmethod
    def forward(ctx: Any, kernels: on_cuda.Norm, eps: float, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight, bias)
        ctx.kernels, ctx.eps = kernels, eps
        return kernels.forward(x, weight, bias, eps)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias = ctx.saved_tensors
        needs = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled() or on_cuda.serving(x, weight, grad.new_empty(bias.shape)) is None:

            def formula(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
                return _by_torch(x, weight, bias, ctx.eps)

            return None, None, *by_autograd(formula, ctx.saved_tensors, needs, grad)
        found = ctx.kernels.backward(grad, x, weight, ctx.eps)
        return None, None, *(t if need else None for t, need in zip(found, needs, strict=True))


class ChannelNorm(nn.Module):
    """:func:`channel_norm` with learnable weight and bias, (C,) each; eps 1e-5.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.eps = 1e-5
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Weight one, bias zero."""
        self.weight.fill_(1.0)
        self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        return channel_norm(x, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Shown by ``print(module)``."""
        return f"{self.weight.numel()}"
