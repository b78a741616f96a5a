"""A U-Net (Ronneberger et al., MICCAI 2015) whose decoder upsamples by the named layer; any image size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

UPSAMPLERS = {
    "nearest": lambda c: nn.Upsample(scale_factor=2),
    "dense 2×2": lambda c: nn.ConvTranspose2d(c, c, 2, stride=2),
    "depthwise 2×2": lambda c: nn.ConvTranspose2d(c, c, 2, stride=2, groups=c),
    "depthwise 4×4": lambda c: nn.ConvTranspose2d(c, c, 4, stride=2, padding=1, groups=c),
}


def double(c_in: int, c_out: int) -> nn.Sequential:
    """Two 3×3 convolutions with batch norm."""
    pair = (nn.Sequential(nn.Conv2d(i, c_out, 3, padding=1), nn.BatchNorm2d(c_out), nn.ReLU()) for i in (c_in, c_out))
    return nn.Sequential(*pair)


class UNet(nn.Module):
    """(B, 3, H, W) → (B, classes, H, W)."""

    def __init__(self, upsampler: str = "nearest", width: int = 16, depth: int = 3, classes: int = 3) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(depth + 1)]
        self.down = nn.ModuleList(double(i, o) for i, o in zip([3, *widths], widths, strict=False))
        self.up = nn.ModuleList(UPSAMPLERS[upsampler](c) for c in widths[:0:-1])
        self.merge = nn.ModuleList(double(c + c // 2, c // 2) for c in widths[:0:-1])
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for stage in self.down:
            x = stage(F.max_pool2d(x, 2, ceil_mode=True) if skips else x)
            skips.append(x)
        for up, merge, skip in zip(self.up, self.merge, skips[-2::-1], strict=True):
            x = merge(torch.cat((up(x)[..., : skip.shape[-2], : skip.shape[-1]], skip), 1))
        return self.head(x)
