"""The block of Fig. 2, with the spatial operator injected."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..mathematics import checks
from .branch import branch
from .conv1x1 import Conv1x1
from .norm import ChannelNorm

MakeOperator = Callable[[int], nn.Module]
"""Builds a spatial operator for that many channels: (B, C, H, W) → (B, C, H, W)."""


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

    Raises:
        TypeError: channels or expansion that are no integers.
        ValueError: one of them below 1.
    """

    def __init__(self, channels: int, spatial: MakeOperator, *, expansion: int = 2, alpha: bool = False) -> None:
        super().__init__()
        hidden = checks.integer("channels", channels, 1) * checks.integer("expansion", expansion, 1)
        self.alpha = alpha
        if alpha:
            self.alpha1 = nn.Parameter(torch.empty(1, channels, 1, 1))
            self.alpha2 = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.reset_parameters()
        self.conv1 = nn.Sequential(
            ChannelNorm(channels),
            Conv1x1(channels, hidden),
            nn.GELU(),
            spatial(hidden),
            nn.GELU(),
            Conv1x1(hidden, channels),
        )
        self.conv2 = nn.Sequential(
            ChannelNorm(channels),
            Conv1x1(channels, hidden),
            nn.GELU(),
            Conv1x1(hidden, channels),
        )

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Put both alpha, where there are any, to zero; the layers have a ``reset_parameters`` of their own."""
        if self.alpha:
            self.alpha1.zero_()
            self.alpha2.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        x = branch(self.conv1, x, self.alpha1 if self.alpha else None)
        return branch(self.conv2, x, self.alpha2 if self.alpha else None)
