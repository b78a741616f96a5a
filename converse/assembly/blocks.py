"""The block of Fig. 2, with the spatial operator injected."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

MakeOperator = Callable[[int], nn.Module]
"""Builds a spatial operator for that many channels: (B, C, H, W) → (B, C, H, W)."""


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, C, H, W), one mean and variance a pixel; eps 1e-5.

    Written out in the map's own memory format: ``layer_norm`` on a channels-last view hands that
    format on to operators that work on rows, and bringing it back costs twice as much as this.
    Half precision is computed in float32.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = 1e-5

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        centred = wide - wide.mean(1, keepdim=True)
        scale = torch.rsqrt((centred * centred).mean(1, keepdim=True) + self.eps)
        weight, bias = self.weight.view(-1, 1, 1), self.bias.view(-1, 1, 1)
        if torch.is_grad_enabled():
            return (centred * scale * weight + bias).to(x.dtype)
        # The same numbers in the one buffer that is ours: fresh memory costs a third of the time.
        return centred.mul_(scale).mul_(weight).add_(bias).to(x.dtype)

    def extra_repr(self) -> str:
        """Shown by ``print(module)``."""
        return f"{self.weight.numel()}"


class ConverseBlock(nn.Module):
    """Two residual branches: a spatial one and a pointwise one (Fig. 2).

    ``x + [LN, 1×1, GELU, spatial, GELU, 1×1](x)``, then ``x + [LN, 1×1, GELU, 1×1](x)``. The
    released weights fix the names of the parameters: ``conv1.{0,1,3,5}``, ``conv2.{0,1,3}``.

    Args:
        channels: C, channels of input and output.
        spatial: called once with the hidden width, returns the spatial operator.
        expansion: hidden width over C.
        alpha: scale each branch by a learnable factor per channel that starts at zero (the
            variant of Converse-USRNet).
    """

    def __init__(self, channels: int, spatial: MakeOperator, *, expansion: int = 2, alpha: bool = False) -> None:
        super().__init__()
        hidden = channels * expansion
        if alpha:
            self.alpha1 = nn.Parameter(torch.zeros(1, channels, 1, 1))
            self.alpha2 = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.alpha = alpha
        self.conv1 = nn.Sequential(
            ChannelNorm(channels),
            nn.Conv2d(channels, hidden, 1),
            nn.GELU(),
            spatial(hidden),
            nn.GELU(),
            nn.Conv2d(hidden, channels, 1),
        )
        self.conv2 = nn.Sequential(
            ChannelNorm(channels),
            nn.Conv2d(channels, hidden, 1),
            nn.GELU(),
            nn.Conv2d(hidden, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        if not self.alpha:
            x = x + self.conv1(x)
            return x + self.conv2(x)
        x = x + self.alpha1 * self.conv1(x)
        return x + self.alpha2 * self.conv2(x)
