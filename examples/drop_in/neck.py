"""A detector with a feature pyramid as its neck (Lin et al., CVPR 2017): nearest upsampling from level to level."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def block(c_in: int, c_out: int) -> nn.Sequential:
    """A residual-free stage of half the size: 3×3 with stride 2, then a depthwise 7×7 and 1×1, as ConvNeXt has it."""
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, stride=2, padding=1),
        nn.Conv2d(c_out, c_out, 7, padding=3, groups=c_out),
        nn.GroupNorm(1, c_out),
        nn.Conv2d(c_out, c_out, 1),
        nn.GELU(),
    )


class Detector(nn.Module):
    """(B, 3, H, W) → for each of three levels (B, 5, H/s, W/s): a score and a box."""

    def __init__(self, width: int = 32, neck: int = 48) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width]
        self.stem = block(3, width // 2)
        self.stages = nn.ModuleList(block(i, o) for i, o in zip([width // 2, *widths], widths, strict=False))
        self.lateral = nn.ModuleList(nn.Conv2d(c, neck, 1) for c in widths)
        self.up = nn.ModuleList(nn.Upsample(scale_factor=2) for _ in widths[1:])
        self.smooth = nn.ModuleList(nn.Conv2d(neck, neck, 3, padding=1) for _ in widths)
        self.head = nn.Sequential(nn.Conv2d(neck, neck, 3, padding=1), nn.ReLU(), nn.Conv2d(neck, 5, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        x, levels = self.stem(x), []
        for stage, lateral in zip(self.stages, self.lateral, strict=True):
            x = stage(x)
            levels.append(lateral(x))
        for i in (1, 0):
            upper = self.up[i](levels[i + 1])
            levels[i] = (
                levels[i]
                + F.pad(upper, (0, 1, 0, 1), mode="replicate")[..., : levels[i].shape[-2], : levels[i].shape[-1]]
            )
        return [self.head(smooth(level)) for smooth, level in zip(self.smooth, levels, strict=True)]
