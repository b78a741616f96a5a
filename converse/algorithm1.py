"""The paper's Algorithm 1, literally: the baseline that speed and error are measured against.

Huang et al., *Reverse Convolution and Its Applications to Image Restoration*, ICCV 2025, Eq. (6) for
every scale, of which Eq. (7) is the case s = 1: full complex FFTs at output resolution, zero-upsampling,
tiled spectra, a division by lam, plain autograd. Nothing is done to make it fast, nothing to make it
slow. Shares no code with the fast path and with :mod:`converse.reference`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def _otf(kernel: Tensor, height: int, width: int) -> Tensor:
    """FFT of the zero-padded kernel whose tap (kh // 2, kw // 2) is moved to the origin."""
    kh, kw = kernel.shape[-2:]
    padded = F.pad(kernel, (0, width - kw, 0, height - kh))
    return torch.fft.fft2(torch.roll(padded, (-(kh // 2), -(kw // 2)), dims=(-2, -1)))


def _zero_upsample(y: Tensor, scale: int) -> Tensor:
    b, c, h, w = y.shape
    out = y.new_zeros(b, c, h * scale, w * scale)
    out[..., ::scale, ::scale] = y
    return out


def _alias_mean(spectrum: Tensor, scale: int) -> Tensor:
    """Mean over the s x s aliased blocks of a spectrum (the paper's down-arrow s)."""
    b, c, h, w = spectrum.shape
    return spectrum.reshape(b, c, scale, h // scale, scale, w // scale).mean(dim=(2, 4))


def _prior(y: Tensor, scale: int, name: str) -> Tensor:
    if name == "zero":
        return y.new_zeros(*y.shape[:2], y.shape[2] * scale, y.shape[3] * scale)
    if scale == 1:
        return y
    if name == "nearest":
        return F.interpolate(y, scale_factor=scale, mode="nearest")
    return F.interpolate(y, scale_factor=scale, mode=name, align_corners=False)


def algorithm1(
    y: Tensor,
    kernel: Tensor,
    lam: float | Tensor,
    *,
    scale: int = 1,
    padding: int | tuple[int, int] = 0,
    padding_mode: str = "circular",
    x0: str | Tensor = "nearest",
) -> Tensor:
    """Eq. (6) in the dtype of ``y``. A witness for tests and timings: arguments are not checked.

    Args:
        y: (B, C, H, W), float32 or float64.
        kernel: (1, C, kh, kw) or (B, C, kh, kw), same dtype.
        lam: positive; a number or a tensor that broadcasts to (B, C, 1, 1).
        scale: the stride s >= 1.
        padding: rows and columns added on each side of y, cropped (times s) from the result.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        x0: "zero", "nearest", "bilinear", "bicubic" (of the padded y) or a tensor of the output's shape.

    Returns:
        (B, C, H s, W s).
    """
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    mode = "constant" if padding_mode == "zeros" else padding_mode
    if ph or pw:
        y = F.pad(y, (pw, pw, ph, ph), mode=mode)
        if isinstance(x0, Tensor):
            x0 = F.pad(x0, (pw * scale, pw * scale, ph * scale, ph * scale), mode=mode)
    prior = x0 if isinstance(x0, Tensor) else _prior(y, scale, x0)
    h, w = prior.shape[-2:]
    otf = _otf(kernel, h, w)
    conj = torch.conj(otf)
    power = torch.abs(otf) ** 2
    spectrum = conj * torch.fft.fft2(_zero_upsample(y, scale)) + lam * torch.fft.fft2(prior)
    quotient = _alias_mean(otf * spectrum, scale) / (_alias_mean(power, scale) + lam)
    x = torch.fft.ifft2((spectrum - conj * quotient.repeat(1, 1, scale, scale)) / lam).real
    top, left = ph * scale, pw * scale
    return x[:, :, top : h - top, left : w - left]
