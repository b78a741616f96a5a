"""DySample: upsampling by learned sampling positions (Liu et al., ICCV 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..calls.setting import PADDING_MODES
from ..mathematics.checks import choice, feature_map, integer, pair
from ..mathematics.precision import full_precision

OPERATOR = {
    "label": "DySample",
    "class": "DySample",
    "roles": ["upsampler"],
    "scales": "any",
    "trains": True,
    "options": ["groups"],
    "summary": "bilinear sampling at positions that a 1×1 convolution moves (the source's LP, static scope)",
    "tables": "named",
    "source": "Liu et al., Learning to Upsample by Learning to Sample, ICCV 2023",
    "cost": "2·g·s²·(C + 1) parameters for g groups; four reads a pixel of the output",
}
SCOPE = 0.25
"""Static scope factor of the source: offsets are divided by four, so that neighbours rarely cross."""


class DySample(nn.Module):
    """Bilinear sampling at learned positions: offsets = 0.25 · 1×1(X), in units of source pixels.

    Output pixel i stands at (i + 0.5)/s − 0.5 on the source grid, as in bilinear upsampling, and its offset is added;
    each of ``groups`` groups of channels has offsets of its own. Beyond the map its border goes on, as in the source.

    Args:
        channels: C, channels of input and output, a multiple of ``groups``.
        kernel_size: 2, the pixels a side that a sample is made of.
        scale: s; the output is s times as high and wide.
        padding_mode: of the other layers of a network; a sample beyond the map reads its border in every mode.
        groups: g (the source's choice: 4).

    Raises:
        ValueError: another kernel size, or channels that are no multiple of the groups.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | Sequence[int],
        *,
        scale: int = 1,
        padding_mode: str = "circular",
        groups: int = 4,
    ) -> None:
        super().__init__()
        self.scale = integer("scale", scale, 1)
        choice("padding_mode", padding_mode, PADDING_MODES)
        if reason := self.skip(channels, kernel_size, groups=groups):
            raise ValueError(f"dysample: {reason}")
        self.groups = groups
        self.offset = nn.Conv2d(channels, 2 * groups * scale**2, 1)
        nn.init.normal_(self.offset.weight, std=0.001)
        nn.init.zeros_(self.offset.bias)  # type: ignore[arg-type]

    @classmethod
    def skip(cls, channels: int, kernel_size: int | Sequence[int], *, groups: int = 4, **_: object) -> str | None:
        """Why this configuration cannot be served, or None."""
        if pair("kernel_size", kernel_size, 1) != (2, 2):
            return f"a sample is read from 2×2 pixels: kernel_size must be 2, got {kernel_size}"
        if integer("channels", channels, 1) % integer("groups", groups, 1):
            return f"{channels} channels are no multiple of {groups} groups"
        return None

    def forward(self, y: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W), sampled in float32 at least, returned in the input's dtype."""
        feature_map("y", y)
        b, c, h, w = y.shape
        g, s = self.groups, self.scale
        dtype = torch.promote_types(y.dtype, torch.float32)
        offsets = F.pixel_shuffle(self.offset(y).to(dtype) * SCOPE, s).reshape(b * g, 2, s * h, s * w)
        columns, rows = _positions(w, s, offsets), _positions(h, s, offsets)
        # grid_sample counts from −1, the outer edge of the first pixel, to 1, that of the last.
        x = (offsets[:, 0] + columns + 0.5) * (2 / w) - 1
        z = (offsets[:, 1] + rows[:, None] + 0.5) * (2 / h) - 1
        source = y.to(dtype).reshape(b * g, c // g, h, w)
        with full_precision(y.device):
            out = F.grid_sample(
                source, torch.stack((x, z), -1), mode="bilinear", padding_mode="border", align_corners=False
            )
        return out.reshape(b, c, s * h, s * w).to(y.dtype)

    def extra_repr(self) -> str:
        """Shown by ``print(module)``."""
        return f"scale={self.scale}, groups={self.groups}"


def _positions(size: int, scale: int, like: Tensor) -> Tensor:
    """Where the ``size·scale`` output pixels of an axis stand on the source grid."""
    index = torch.arange(size * scale, dtype=like.dtype, device=like.device)
    return (index + 0.5) / scale - 0.5
