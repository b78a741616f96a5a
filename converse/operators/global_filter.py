"""Global filter (Rao et al., NeurIPS 2021): a learnable transfer function, made for one map size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..mathematics.checks import feature_map, integer, pair
from ..mathematics.precision import full_precision

OPERATOR = {
    "label": "GlobalFilter",
    "class": "GlobalFilter",
    "roles": ["spatial"],
    "scales": [1],
    "trains": True,
    "options": [],
    "summary": "a learnable complex factor for every frequency of a map of one size, interpolated at others",
    "tables": "named",
    "source": "Rao et al., Global Filter Networks, NeurIPS 2021",
    "cost": "2·h·(w/2 + 1) parameters a channel for the size (h, w) it is made for; two FFTs of the map",
}


class GlobalFilter(nn.Module):
    """Y = F⁻¹(K ⊙ F X), one complex K per channel and frequency of an h×w map; periodic.

    On a map of another size K is interpolated bilinearly over the frequencies in cycles a pixel, real and imaginary
    part apart; so the operator runs at every size but is made for one. K starts at N(0, 0.02²), as in the source.

    Args:
        channels: C, channels of input and output.
        kernel_size: the map size (h, w) that K is made for, that of the training patches.
        scale: 1, the only one it serves.
        padding_mode: "circular", the only one it serves.

    Raises:
        ValueError: another scale or padding mode.
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
        if scale != 1:
            raise ValueError(f"scale: global_filter serves 1 only, got {scale!r}")
        if reason := self.skip(channels, kernel_size, padding_mode=padding_mode):
            raise ValueError(f"global_filter: {reason}")
        self.size = pair("kernel_size", kernel_size, 1)
        height, width = self.size
        self.weight = nn.Parameter(0.02 * torch.randn(2, channels, height, width // 2 + 1))

    @classmethod
    def skip(
        cls, channels: int, kernel_size: int | Sequence[int], *, padding_mode: str = "circular", **_: object
    ) -> str | None:
        """Why this configuration cannot be served, or None."""
        if padding_mode != "circular":
            return f"a product of spectra is periodic: padding_mode must be 'circular', got {padding_mode!r}"
        return None

    def transfer(self, height: int, width: int) -> Tensor:
        """K for a map of that size: complex (C, H, W/2 + 1)."""
        k = self.weight.to(torch.promote_types(self.weight.dtype, torch.float32))
        if (height, width) != self.size:
            rows = _between(self.size[0], height, height, k, periodic=True)
            columns = _between(self.size[1], width, width // 2 + 1, k, periodic=False)
            k = rows @ k @ columns.T
        return torch.complex(k[0], k[1])

    def forward(self, y: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape, in float32 at least, returned in the input's dtype."""
        feature_map("y", y)
        if y.shape[0] == 0:  # complex FFTs refuse an empty batch
            return y.clone()
        size = y.shape[-2:]
        wide = y.to(torch.promote_types(y.dtype, torch.float32))
        with full_precision(y.device):
            return torch.fft.irfft2(self.transfer(*size) * torch.fft.rfft2(wide), size).to(y.dtype)

    def extra_repr(self) -> str:
        """Shown by ``print(module)``."""
        return f"{self.weight.shape[1]}, made for {self.size[0]}x{self.size[1]}"


def _between(own: int, size: int, bins: int, like: Tensor, *, periodic: bool) -> Tensor:
    """(bins, stored) matrix that interpolates an axis of K linearly over the frequency.

    Bin f of an axis of ``size`` pixels stands at f·own/size on the stored axis of ``own`` pixels. A whole axis
    (``periodic``) goes on at its first bin; of a half axis the last stored bin is repeated.
    """
    stored = own if periodic else own // 2 + 1
    frequency = torch.arange(bins, dtype=like.dtype, device=like.device)
    signed = torch.where(frequency > size // 2, frequency - size, frequency) if periodic else frequency
    position = signed * (own / size)
    below = position.floor()
    fraction = (position - below)[:, None]
    first, second = below.long(), below.long() + 1
    if periodic:
        first, second = first % stored, second % stored
    else:
        first, second = first.clamp(max=stored - 1), second.clamp(max=stored - 1)
    unit = torch.eye(stored, dtype=like.dtype, device=like.device)
    return (1 - fraction) * unit[first] + fraction * unit[second]
