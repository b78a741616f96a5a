"""The transfer function G of the operator and the coefficients of its gradient, channel by channel.

Everything here has the size of the spectra, not of the batch. Float64 is needed for F: near its nulls the taps
cancel, and there |F|^2 / lam decides the answer. Once F is rounded, no step of G loses digits that matter (P is a
sum of positive terms, 1 - F is small only where it is added to something of size 1), so the rest of G is in the
compute dtype.

The gradient of lam is one number per channel, a sum over frequencies that may cancel. With coefficients from float64
its error is that of the float32 spectra of y and of the cotangent g alone (measured: the same with all products in
float64), each that of an input perturbed by eps log2(N) of its norm, N = H W of a padded map (Higham, Accuracy and
Stability of Numerical Algorithms, 2002, Theorem 24.2). As it is bilinear in both, to first order

    |error of dlam| <= eps log2(N) (||d dlam / dy|| ||y|| + ||d dlam / dg|| ||g||),   eps = 2^-24

which the tests assert (measured: at most 0.06 of it). No multiple of |dlam| is a bound: where the sum cancels, 1e-5 of
it has been exceeded.

Notation and derivation: :mod:`converse.mathematics.fourier` and :mod:`converse.mathematics.spectral`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .fourier import DFT

TINY = 1e-30
"""Floor of lam, below which it has no gradient: a caller's zero must not turn a null of the kernel into NaN."""


def compute_dtype(x: Tensor) -> torch.dtype:
    """float64 for float64, float32 for everything narrower."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _complex(real: Tensor, imaginary: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.complex(real.to(dtype), imaginary.to(dtype))


def _floored(lam: Tensor, dtype: torch.dtype) -> Tensor:
    return lam.double().clamp_min(TINY).to(dtype)[:, None, None, None, None]


def _inverse_power(fr: Tensor, fi: Tensor, lam: Tensor) -> Tensor:
    """1 / P = 1 / (sum_p |F_p|^2 + lam), (N, 1, 1, H, W')."""
    power = (fr * fr).addcmul_(fi, fi)
    if power.shape[1] > 1:
        power = power.sum((1, 2), keepdim=True)
    return power.add_(_floored(lam, fr.dtype)).reciprocal_()


def _quotient(fr: Tensor, fi: Tensor, inverse: Tensor, nearest: bool) -> tuple[Tensor, Tensor]:
    """q = (1 - n sum_p F_p) / P, real and imaginary."""
    if not nearest:
        return inverse, torch.zeros_like(inverse)
    if fr.shape[1] > 1:
        fr, fi = fr.sum((1, 2), keepdim=True), fi.sum((1, 2), keepdim=True)
    return (1.0 - fr).mul_(inverse), (-fi).mul_(inverse)


def _transfer(fr: Tensor, fi: Tensor, q: tuple[Tensor, Tensor], nearest: bool) -> tuple[Tensor, Tensor]:
    """G_p = n + conj(F_p) q, real and imaginary."""
    real = (fr * q[0]).addcmul_(fi, q[1])
    if nearest:
        real.add_(1.0)
    return real, (fr * q[1]).addcmul_(fi, q[0], value=-1.0)


def transfer(kernel: Tensor, lam: Tensor, dft: DFT, nearest: bool, dtype: torch.dtype) -> Tensor:
    """G for kernel (N, kh, kw) and lam (N,): (N, s, s, full, half), complex of ``dtype``."""
    fr, fi = dft.otf(kernel.double()).to(dtype)
    inverse = _inverse_power(fr, fi, lam)
    if dft.scale == 1 and nearest:
        # (conj(F) + lam) / P: the same number as below in half the passes.
        fr.add_(_floored(lam, dtype)).mul_(inverse)
        return torch.complex(fr, fi.mul_(inverse.neg_()))
    return torch.complex(*_transfer(fr, fi, _quotient(fr, fi, inverse, nearest), nearest))


@dataclass(frozen=True)
class Gradients:
    """What turns the cotangent's spectrum into dY, and the cross spectra Z_p into dK and dlam."""

    dft: DFT
    conj_g: Tensor
    conj_q: Tensor
    conj_f: Tensor
    f_over_p: Tensor
    above: Tensor
    """Whether lam is above its floor, (N,)."""

    @classmethod
    def of(cls, kernel: Tensor, lam: Tensor, dft: DFT, nearest: bool, dtype: torch.dtype) -> Gradients:
        """The coefficients for kernel (N, kh, kw) and lam (N,)."""
        fr, fi = dft.otf(kernel.double())
        inverse = _inverse_power(fr, fi, lam)
        q = _quotient(fr, fi, inverse, nearest)
        real, imaginary = _transfer(fr, fi, q, nearest)
        return cls(
            dft,
            _complex(real, imaginary.neg_(), dtype),
            _complex(q[0], -q[1], dtype),
            _complex(fr, -fi, dtype),
            _complex(fr.mul_(inverse), fi.mul_(inverse), dtype),
            ~(lam < TINY),
        )

    def parameters(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """dK (N, kh, kw) and dlam (N,), float64.

        Args:
            z: Z_p = sum over the batch of conj(Y^) g_p, (N, s, s, full, half); overwritten.
        """
        w = self.f_over_p * z
        if self.dft.scale > 1:
            w = w.sum((1, 2), keepdim=True)
        spectrum = z.addcmul_(self.conj_f, w, value=-1).mul_(self.conj_q)
        conj_w = w.conj_physical_()
        spectrum.addcmul_(self.conj_g.conj_physical(), conj_w, value=-1)
        product = torch.view_as_real(conj_w) * torch.view_as_real(self.conj_q)
        columns = product.sum((1, 2, 3)).sum(-1).double()
        return self.dft.adjoint(spectrum), -(columns @ self.dft.half_weights()) * self.above
