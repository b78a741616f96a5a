"""CARAFE: content-aware reassembly of features (Wang et al., ICCV 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..calls.setting import PADDING_MODES
from ..mathematics.boundary import pad_margins
from ..mathematics.checks import choice, feature_map, integer, pair
from .conv import PaddedConv

OPERATOR = {
    "label": "CARAFE",
    "class": "Carafe",
    "roles": ["upsampler"],
    "scales": "any",
    "trains": True,
    "options": ["compressed"],
    "summary": "every output pixel is a weighted mean of k×k source pixels, the weights predicted from the content",
    "up_kernel_size": 5,
    "tables": "named",
    "source": "Wang et al., CARAFE, ICCV 2019",
    "cost": "for m compressed channels m·C + m·(k − 2)²·k²·s² parameters and biases, k²·C multiplications a pixel",
}


class Carafe(nn.Module):
    """Each output pixel is a weighted mean of the k×k source pixels around its own source pixel.

    The weights are predicted from the map itself: 1×1 convolution to ``compressed`` channels, (k − 2)×(k − 2)
    convolution to s²·k² channels, softmax over the k² of each output pixel. Output (i, j) looks around the
    source pixel (⌊i/s⌋, ⌊j/s⌋). All channels share the weights.

    Args:
        channels: C, channels of input and output.
        kernel_size: k, odd and at least 3 (the source's choice: 5), one number for both axes.
        scale: s; the output is s times as high and wide.
        padding_mode: what lies around the map: "zeros" (the source's), "reflect", "replicate" or "circular".
        compressed: channels from which the weights are predicted (the source's choice: 64).

    Raises:
        ValueError: another kernel size; in ``forward``, a map too small for the padding mode.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | Sequence[int],
        *,
        scale: int = 1,
        padding_mode: str = "circular",
        compressed: int = 64,
    ) -> None:
        super().__init__()
        integer("channels", channels, 1)
        self.scale = integer("scale", scale, 1)
        self.padding_mode = choice("padding_mode", padding_mode, PADDING_MODES)
        integer("compressed", compressed, 1)
        if reason := self.skip(channels, kernel_size):
            raise ValueError(f"carafe: {reason}")
        self.kernel_size = pair("kernel_size", kernel_size, 1)[0]
        self.compress = nn.Conv2d(channels, compressed, 1)
        self.encode = PaddedConv(compressed, scale**2 * self.kernel_size**2, self.kernel_size - 2, padding_mode)

    @classmethod
    def skip(cls, channels: int, kernel_size: int | Sequence[int], **_: object) -> str | None:
        """Why this configuration cannot be served, or None."""
        rows, columns = pair("kernel_size", kernel_size, 1)
        if rows != columns or rows % 2 == 0 or rows < 3:
            return f"kernel_size must be odd, square and at least 3, got {kernel_size}"
        return None

    def forward(self, y: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W)."""
        feature_map("y", y)
        b, c, h, w = y.shape
        k, s = self.kernel_size, self.scale
        logits = self.encode(self.compress(y)).view(b, k * k, s * s, h, w)
        weights = logits.softmax(1).to(y.dtype)
        r = k // 2
        padded = pad_margins(y, (r, r, r, r), self.padding_mode)
        # Tap by tap on views: a tensor of all k² neighbours would be k² times the map.
        out = y.new_zeros(b, c, s * s, h, w)
        for tap in range(k * k):
            row, column = divmod(tap, k)
            source = padded[:, :, None, row : row + h, column : column + w]
            out = torch.addcmul(out, source, weights[:, None, tap])
        return F.pixel_shuffle(out.view(b, c * s * s, h, w), s)

    def extra_repr(self) -> str:
        """Shown by ``print(module)``."""
        return f"kernel_size={self.kernel_size}, scale={self.scale}, {self.padding_mode}"
