"""Depthwise convolution with holes (Yu and Koltun, ICLR 2016): a k×k kernel that reaches as far as 2k − 1."""

from __future__ import annotations

# Read without importing this file; see converse/declarations/operator_info.py for every key.
OPERATOR = {
    "label": "Dilated",
    "class": "Dilated",
    "roles": ["spatial", "upsampler"],
    "scales": "any",
    "trains": True,
    "options": ["dilation"],
    "summary": "depthwise dilated convolution, after nearest-neighbour upsampling where it upsamples",
}

import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402


class Dilated(nn.Module):
    """Maps (B, C, H, W) to (B, C, s·H, s·W)."""

    def __init__(
        self, channels: int, kernel_size: int, *, scale: int = 1, padding_mode: str = "circular", dilation: int = 2
    ) -> None:
        super().__init__()
        reach = dilation * (kernel_size - 1)
        self.scale, self.pad = scale, (reach // 2, reach - reach // 2) * 2
        self.mode = "constant" if padding_mode == "zeros" else padding_mode
        self.conv = nn.Conv2d(channels, channels, kernel_size, groups=channels, dilation=dilation)

    @classmethod
    def skip(cls, channels, kernel_size, *, scale=1, padding_mode="circular", dilation=2):  # type: ignore[no-untyped-def]
        """Why it declines a configuration, or None: the reason of the dash in the table."""
        return "a kernel of 1×1 has no holes to make" if kernel_size == 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """Pad by the reach of the kernel, so that the map keeps its size."""
        x = x.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)
        return self.conv(F.pad(x, self.pad, mode=self.mode))
