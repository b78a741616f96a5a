"""Optical transfer functions of small kernels, by polyphase component, and what the operator makes of them.

Stride s splits the output X into s * s phases X_p(i) = X(s i + p), each as large as the input Y. Tap t of
a kernel with origin o reads X(s i + o - t), so it belongs to phase (o - t) mod s, shifted by
m = floor((o - t) / s). Hence "convolve circularly, keep the upper-left of each s x s patch" (Eq. 1) is, at the
low resolution,  Y^ = sum_p F_p X^_p,  F_p(u) = sum_{t in p} K_t exp(2 pi i u m_t / N), and

    A A' = sum_p |F_p|^2,      G_p = n + conj(F_p) q,      q = (1 - n sum_p F_p) / (sum_p |F_p|^2 + lam)

with n = 1 for nearest-neighbour X0 (all phases of X0 are Y) and n = 0 for X0 = 0. This is the push-through form of
Eq. (6): aliasing, zero-upsampling and tiling never appear, and every transform is a real one of Y's size.

A k-tap OTF needs no FFT: it is a product with two thin DFT matrices, done in float64 because the relative error
of F near its nulls, not its absolute error, decides how accurate the operator is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .transforms import Grid


def _phase_dft(n: int, frequencies: Tensor, taps: int, scale: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """cos and sin of 2 pi u m_t / n, float64, each (scale, bins, taps), zero where t is of another phase."""
    offset = taps // 2 - torch.arange(taps, device=device)
    shift = torch.div(offset, scale, rounding_mode="floor")
    own = (offset - shift * scale) == torch.arange(scale, device=device)[:, None]
    turn = frequencies[:, None] * shift % n
    angle = turn.double() * (2 * math.pi / n)
    mask = own[:, None, :].double()
    return angle.cos() * mask, angle.sin() * mask


@dataclass(frozen=True)
class DFT:
    """The thin DFT matrices between kernels (N, kh, kw) and half spectra (N, s_w, s_h, H, bins).

    Where the grid's spectra are transposed, width stands for height in every shape here, and the other way round.
    """

    grid: Grid
    scale: int
    taps: int
    """Taps along the full axis."""
    rows_cos: Tensor
    rows_sin: Tensor
    columns: Tensor
    """(s_w, 2, bins, kw): cos and sin of each frequency of the half axis."""

    @classmethod
    def of(cls, grid: Grid, kernel_size: tuple[int, int], scale: int, device: torch.device) -> DFT:
        """The matrices of one grid of low-resolution samples, frequencies in the grid's order."""
        order = (1, 0) if grid.transposed else (0, 1)
        (full, half), taps = grid.frequencies, [kernel_size[axis] for axis in order]
        rows = _phase_dft(grid.size[order[0]], full, taps[0], scale, device)
        columns = _phase_dft(grid.size[order[1]], half, taps[1], scale, device)
        rows_cos, rows_sin = (r.flatten(0, 1) for r in rows)
        return cls(grid, scale, taps[0], rows_cos, rows_sin, torch.stack(columns, dim=1))

    @property
    def bins(self) -> int:
        """Columns of a half spectrum."""
        return self.columns.shape[2]

    def otf(self, kernel: Tensor) -> Tensor:
        """F_p, real and imaginary planes.

        Args:
            kernel: (N, kh, kw), float64.

        Returns:
            (2, N, s_w, s_h, H, bins), float64; a view whose planes are each contiguous per map.
        """
        n, kh, s = kernel.shape[0], self.taps, self.scale
        if self.grid.transposed:
            kernel = kernel.mT
        half = torch.einsum("nab,spvb->nspav", kernel, self.columns).reshape(n * s, 2 * kh, -1)
        left = torch.cat(
            (
                torch.cat((self.rows_cos, -self.rows_sin), dim=1),
                torch.cat((self.rows_sin, self.rows_cos), dim=1),
            )
        )
        planes = torch.bmm(left.expand(n * s, -1, -1), half)
        return planes.view(n, s, 2, s, -1, self.bins).permute(2, 0, 1, 3, 4, 5)

    def adjoint(self, spectrum: Tensor) -> Tensor:
        """Adjoint of :meth:`otf` followed by the half spectrum's weights: the gradient of the taps.

        Args:
            spectrum: (N, s_w, s_h, H, bins), complex, contiguous.

        Returns:
            (N, kh, kw), float64: Re sum_u S(u) exp(2 pi i u m_t) / (H W) over the full spectrum.
        """
        n, kh, s = spectrum.shape[0], self.taps, self.scale
        real = torch.view_as_real(spectrum).reshape(n * s, -1, 2 * self.bins)
        left = torch.cat((self.rows_cos, self.rows_sin), dim=1).T.to(real.dtype)
        half = torch.bmm(left.expand(n * s, -1, -1), real).double()
        half = half.view(n, s, 2, kh, self.bins, 2)
        re = half[:, :, 0, ..., 0] - half[:, :, 1, ..., 1]
        im = half[:, :, 0, ..., 1] + half[:, :, 1, ..., 0]
        weighted = self.columns * self.half_weights()[None, None, :, None]
        taps = torch.einsum("nsav,svb->nab", re, weighted[:, 0])
        taps -= torch.einsum("nsav,svb->nab", im, weighted[:, 1])
        return taps.mT if self.grid.transposed else taps

    def half_weights(self) -> Tensor:
        """How many columns of the full spectrum each column of the half spectrum stands for, over H W: (bins,)."""
        return self.grid.half_weights.to(self.columns.dtype) / (self.grid.size[0] * self.grid.size[1])
