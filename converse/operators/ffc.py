"""Fast Fourier convolution (Chi, Jiang, Mu, NeurIPS 2020): a local and a global branch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..mathematics.checks import feature_map, integer
from .conv import PaddedConv

OPERATOR = {
    "label": "FFC",
    "class": "FastFourierConv",
    "roles": ["spatial"],
    "scales": [1],
    "trains": True,
    "options": [],
    "summary": "dense convolutions for half of the channels, a 1×1 convolution of spectra for the other half",
    "tables": "named",
    "source": "Chi et al., Fast Fourier Convolution, NeurIPS 2020",
    "cost": "0.75·k²·C² + 1.5·C² parameters and biases: it grows with C², a depthwise operator with C",
}


class SpectralTransform(nn.Module):
    """S: 1×1, then u + F⁻¹(ReLU(1×1(F u))), then 1×1; F the real FFT over rows and columns.

    Real and imaginary parts are 2C channels of the 1×1 convolution in between. No batch norm: the block that
    holds the operator has its own norm (choice).

    Args:
        channels: C of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels, channels, 1)
        self.spectral = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.leave = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        u = self.enter(x)
        return self.leave(u + self._filtered(u))

    def _filtered(self, u: Tensor) -> Tensor:
        if u.shape[0] == 0:  # complex FFTs refuse an empty batch
            return u
        size = u.shape[-2:]
        wide = u.to(torch.promote_types(u.dtype, torch.float32))  # no FFT serves half precision everywhere
        spectrum = torch.fft.rfft2(wide, norm="ortho")
        parts = torch.cat((spectrum.real, spectrum.imag), 1).to(self.spectral.weight.dtype)
        real, imaginary = F.relu(self.spectral(parts)).to(wide.dtype).chunk(2, 1)
        return torch.fft.irfft2(torch.complex(real, imaginary), size, norm="ortho").to(u.dtype)


class FastFourierConv(nn.Module):
    """Y_l = L_ll X_l + L_gl X_g and Y_g = L_lg X_l + S X_g; the first half of the channels is local.

    L_ll and L_gl share one bias: they are one convolution of all channels. The FFT makes S periodic whatever the
    padding mode, which is that of the convolutions.

    Args:
        channels: C >= 2 of input and output; of an odd number the local half has one more.
        kernel_size: of the convolutions L (the source's choice: 3).
        scale: 1, the only one it serves.
        padding_mode: of L: "zeros", "reflect", "replicate" or "circular".

    Raises:
        ValueError: another scale, a single channel; in ``forward``, a map too small for the padding mode.
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
        if scale != 1:
            raise ValueError(f"scale: ffc serves 1 only, got {scale!r}")
        if reason := self.skip(channels, kernel_size):
            raise ValueError(f"ffc: {reason}")
        self.halves = (channels - channels // 2, channels // 2)
        local, everywhere = self.halves
        self.to_local = PaddedConv(channels, local, kernel_size, padding_mode)
        self.to_global = PaddedConv(local, everywhere, kernel_size, padding_mode)
        self.spectral = SpectralTransform(everywhere)

    @classmethod
    def skip(cls, channels: int, kernel_size: int | Sequence[int], **_: object) -> str | None:
        """Why this configuration cannot be served, or None."""
        if integer("channels", channels, 1) < 2:
            return "one channel cannot be split into a local and a global half"
        return None

    def forward(self, y: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        feature_map("y", y)
        local, everywhere = y.split(self.halves, 1)
        return torch.cat((self.to_local(y), self.to_global(local) + self.spectral(everywhere)), 1)
