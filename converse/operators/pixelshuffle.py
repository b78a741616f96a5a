"""Sub-pixel convolution, the row "PixelShuffle" of Table 6."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ..mathematics.checks import integer
from .conv import PaddedConv

OPERATOR = {
    "label": "PixelShuffle",
    "class": "PixelShuffle",
    "roles": ["upsampler"],
    "scales": "any",
    "trains": True,
    "options": [],
    "summary": "dense convolution C to C·s², whose channels become s×s blocks",
    "own_conv": True,
}


class PixelShuffle(nn.Module):
    """Dense convolution C → C·s² followed by :class:`torch.nn.PixelShuffle`.

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
        integer("scale", scale, 1)
        self.conv = PaddedConv(channels, channels * scale**2, kernel_size, padding_mode)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, y: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W)."""
        return self.shuffle(self.conv(y))
