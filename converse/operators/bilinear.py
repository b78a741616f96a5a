"""Bilinear upsampling and a convolution, the smooth sibling of ``nearest``."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from ..mathematics.checks import feature_map, integer
from .conv import PaddedConv

OPERATOR = {
    "label": "Bilinear",
    "class": "Bilinear",
    "roles": ["upsampler"],
    "scales": "any",
    "trains": True,
    "options": [],
    "summary": "bilinear upsampling followed by a dense convolution",
    "own_conv": True,
    "tables": "named",
    "source": "resize, then convolve: Odena et al., Deconvolution and Checkerboard Artifacts, Distill 2016",
    "cost": "C·(k²·C + 1) parameters, k²·C² multiplications a pixel of the output",
}


class Bilinear(nn.Module):
    """Bilinear upsampling ×s (corners not aligned) followed by a dense convolution C → C.

    Args:
        channels: C, channels of input and output.
        kernel_size: of the convolution, which keeps the map's size (Table 6: 3).
        scale: s; the output is s times as high and wide.
        padding_mode: of the convolution: "zeros", "reflect", "replicate" or "circular".
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
        return self.conv(F.interpolate(y, scale_factor=self.scale, mode="bilinear", align_corners=False))
