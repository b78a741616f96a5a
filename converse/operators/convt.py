"""Depthwise transposed convolution, the "ConvT-" rows of Tables 4-6."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..calls.setting import PADDING_MODES
from ..mathematics.boundary import pad_margins
from ..mathematics.checks import choice, integer, pair

OPERATOR = {
    "label": "ConvT",
    "class": "ConvT",
    "roles": ["spatial", "upsampler"],
    "scales": "any",
    "trains": True,
    "options": [],
    "summary": "depthwise transposed convolution with bias, padded by the mode and cropped",
}


class ConvT(nn.Module):
    """Depthwise transposed convolution with k² + 1 parameters a channel.

    ``torch.nn.ConvTranspose2d`` knows zero padding only, so the map is padded by the mode and the
    output cropped to scale times the input. At scale 1 this is a depthwise convolution with a
    flipped kernel: it differs from ``conv`` by its initialisation and seed only. At
    kernel_size = scale nothing overlaps, nothing is padded and nothing cropped.

    Args:
        channels: C, channels of input and output.
        kernel_size: k >= scale, or (k_h, k_w).
        scale: s; the output is s times as high and wide.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Raises:
        ValueError: kernel smaller than the scale (it would leave holes); in ``forward``, a map too
            small for the padding mode.
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
        integer("channels", channels, 1)
        integer("scale", scale, 1)
        choice("padding_mode", padding_mode, PADDING_MODES)
        self.kernel_size = pair("kernel_size", kernel_size, 1)
        if reason := self.skip(channels, kernel_size, scale=scale, padding_mode=padding_mode):
            raise ValueError(f"convt: {reason}")
        self.scale = scale
        self.padding_mode = padding_mode
        self.weight = nn.Parameter(torch.empty(channels, 1, *self.kernel_size))
        self.bias = nn.Parameter(torch.empty(channels))
        # Output n takes y[i] with tap n + start - s·i; start centres the kernel on its block. The
        # margins are those i outside the map that the first and the last output look at.
        self.start = [(k - scale + 1) // 2 for k in self.kernel_size]
        before = [(k - 1 - c) // scale for k, c in zip(self.kernel_size, self.start, strict=True)]
        after = [-(-c // scale) for c in self.start]
        self.margins = (before[1], after[1], before[0], after[0])
        self.reset_parameters()

    @classmethod
    def skip(
        cls,
        channels: int,
        kernel_size: int | Sequence[int],
        *,
        scale: int = 1,
        padding_mode: str = "circular",
    ) -> str | None:
        """Why this configuration cannot be served, or None."""
        if min(pair("kernel_size", kernel_size, 1)) < scale:
            return f"kernel_size {kernel_size} < scale {scale} leaves holes in the output"
        return None

    def reset_parameters(self) -> None:
        """torch.nn.ConvTranspose2d's initialisation of a depthwise layer."""
        bound = 1 / math.sqrt(math.prod(self.kernel_size))
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, y: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W)."""
        s = self.scale
        padded = pad_margins(y, self.margins, self.padding_mode)
        full = F.conv_transpose2d(padded, self.weight, self.bias, stride=s, groups=self.weight.shape[0])
        if self.kernel_size == (s, s):
            return full
        top = self.margins[2] * s + self.start[0]
        left = self.margins[0] * s + self.start[1]
        height, width = y.shape[-2:]
        return full[..., top : top + s * height, left : left + s * width]

    def extra_repr(self) -> str:
        """Shown by ``print(module)``."""
        return f"{self.weight.shape[0]}, kernel_size={self.kernel_size}, scale={self.scale}"
