"""Nearest-neighbour upsampling and a convolution, the row "Nearest" of Table 6."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from ..mathematics.checks import feature_map, integer
from .conv import PaddedConv

OPERATOR = {
    "label": "Nearest",
    "class": "Nearest",
    "roles": ["upsampler"],
    "scales": "any",
    "trains": True,
    "options": [],
    "summary": "nearest-neighbour upsampling followed by a dense convolution",
    "own_conv": True,
}


class Nearest(nn.Module):
    """Nearest-neighbour upsampling ×s followed by a dense convolution C → C.

    Args:
        channels: C, channels of input and output.
        kernel_size: of the convolution, which keeps the map's size (Table 6: 3).
        scale: s; the output is s times as high and wide.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | Sequence[int],
        *,
        scale: int = 1,
        padding_mode: str = "circular",
    ) -> None:
        super().__init__()
        self.scale = integer("scale", scale, 1)
        self.conv = PaddedConv(channels, channels, kernel_size, padding_mode)

    def forward(self, y: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W)."""
        feature_map("y", y)
        return self.conv(F.interpolate(y, scale_factor=self.scale, mode="nearest"))
