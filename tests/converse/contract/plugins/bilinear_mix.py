"""A loose plugin of the tests: bilinear upsampling and a scale per channel; serves s <= 3."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OPERATOR = {
    "label": "Bilinear",
    "class": "BilinearMix",
    "roles": ["spatial", "upsampler"],
    "scales": [1, 2, 3],
    "trains": True,
    "options": ["gain"],
    "summary": "bilinear interpolation times a learnable gain",
}


class BilinearMix(nn.Module):
    """(B, C, H, W) → (B, C, sH, sW); declines zero padding, which it has no notion of."""

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        *,
        scale: int = 1,
        padding_mode: str = "circular",
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(torch.full((channels, 1, 1), float(gain)))

    @classmethod
    def skip(
        cls,
        channels: int,
        kernel_size: int,
        *,
        scale: int = 1,
        padding_mode: str = "circular",
        gain: float = 1.0,
    ) -> str | None:
        return "has no zero padding" if padding_mode == "zeros" else None

    def forward(self, y: Tensor) -> Tensor:
        if y.shape[0] == 0:
            return y.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3) * self.weight
        up = F.interpolate(y, scale_factor=self.scale, mode="bilinear", align_corners=False)
        return up * self.weight
