"""Real two-dimensional DFTs of feature maps, also of lengths that an FFT library is slow at.

On a CPU, torch's FFT (MKL) takes 3 to 10 times longer per sample where a length has a large prime factor, above all
if it is odd, as padded images often have: 268 = 4 * 67 is 256 padded by 6, 333 = 9 * 37 and 493 = 17 * 29 a BSD
image padded by 6. Such a length n = a b, b its largest prime factor and a coprime to b, is transformed as a
two-dimensional a x b DFT, without twiddle factors (the prime-factor algorithm of Good, 1958, and Thomas, 1963):

    sample m = (b m1 + a m2) mod n,  frequency u with u mod a = u1, u mod b = u2:
    u m / n = u1 m1 / a + u2 m2 / b  (mod 1)

Each factor is a product with dense matrices from the left, which reads and writes whole rows. Samples stand in the
order 0, (L/2), 1 .. h, -1 .. -h: sums and differences of +m and -m meet real cosine and sine matrices of half the
size. Frequencies stay in the order in which they come out; a product of spectra does not mind, and
:class:`converse.mathematics.fourier.DFT` builds transfer functions in any order. To have both axes transformed
from the left, spectra may be transposed. Other devices use torch's FFT throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .folded import FoldedDFT, folded_order

SERVED = ((37, 4), (23, 40))
"""Least b and greatest a, of even and of odd lengths, for which this was measured to be faster than MKL."""
LARGEST_PRIME = 167
"""Greatest b for which it was."""
CPU = torch.device("cpu")
LEAST_SAMPLES = 1 << 16
"""Fewer are transformed in less time than it takes to set this up."""


def split(n: int) -> tuple[int, int] | None:
    """(a, b) with n = a b for the prime-factor algorithm, or None where the FFT library is as fast."""
    b, p = n, 2
    while p * p <= b:
        if b % p:
            p += 1
        else:
            b //= p
    a = n // b
    least, most = SERVED[n % 2]
    return (a, b) if least <= b <= LARGEST_PRIME and a % b and a <= most else None


@dataclass(frozen=True)
class PrimeFactor:
    """The DFT of length n = a b along the middle of (M, n, R); samples and frequencies in its own order."""

    factors: tuple[int, int]
    samples: Tensor
    """Which sample stands at each place."""
    places: Tensor
    """At which place each sample stands."""
    frequencies: Tensor
    half_frequencies: Tensor
    """Those that real samples need: b // 2 + 1 for each frequency of the first factor."""
    half_weights: Tensor
    """How many frequencies of the full spectrum each of them stands for; where both of a pair are kept, one each."""
    first: FoldedDFT | None
    """Of length a; None where that is 1."""
    second: FoldedDFT

    @classmethod
    def of(cls, n: int, dtype: torch.dtype) -> PrimeFactor | None:
        """The transform of length n in ``dtype``, or None where the FFT library is as fast."""
        factors = split(n)
        if factors is None:
            return None
        a, b = factors
        first, second = folded_order(a)[:, None], folded_order(b)
        samples = ((b * first + a * second) % n).flatten()
        # The u below n with u mod a = i and u mod b = j (Chinese remainders).
        joined = (first * (b * pow(b, -1, a) if a > 1 else 0) + second * (a * pow(a, -1, b))) % n
        weights = torch.where(second[: b // 2 + 1] == 0, 1.0, 2.0)
        return cls(
            factors,
            samples,
            samples.argsort(),
            joined.flatten(),
            joined[:, : b // 2 + 1].flatten(),
            weights.repeat(a),
            FoldedDFT.of(a, dtype) if a > 1 else None,
            FoldedDFT.of(b, dtype),
        )

    def _along_first(self, z: Tensor, inverse: bool) -> Tensor:
        """The first factor's transform of (M, a x, R), contiguous, without a divisor; overwrites ``z``."""
        if self.first is None:
            return z
        return self.first(z.view(z.shape[0], self.factors[0], -1), inverse).view(z.shape)

    def complex(self, z: Tensor, inverse: bool) -> Tensor:
        """(M, n, R) complex, contiguous, samples or frequencies in order; it is overwritten."""
        (a, b), (m, n, r) = self.factors, z.shape
        z = self.second(z.view(m * a, b, r), inverse, n if inverse else 1)
        return self._along_first(z.view(m, n, r), inverse)

    def forward(self, x: Tensor) -> Tensor:
        """(M, n, R) real, contiguous, samples in order, to (M, half frequencies, R) complex; overwrites ``x``."""
        (a, b), (m, _, r) = self.factors, x.shape
        z = self.second.forward(x.view(m * a, b, r))
        return self._along_first(z.view(m, -1, r), inverse=False)

    def inverse(self, z: Tensor) -> Tensor:
        """(M, half frequencies, R) complex, contiguous, to (M, n, R) real, samples in order; overwrites ``z``."""
        (a, b), (m, _, r) = self.factors, z.shape
        z = self._along_first(z, inverse=True)
        return self.second.inverse(z.view(m * a, b // 2 + 1, r), a * b).view(m, a * b, r)


def _reorder(x: Tensor, order: Tensor) -> Tensor:
    """The rows of (M, n, R), contiguous, in another order: as one list of rows, which all threads can share."""
    m, n, r = x.shape
    places = (torch.arange(0, m * n, n, device="cpu")[:, None] + order).flatten()
    return x.view(m * n, r).index_select(0, places).view(m, n, r)


@dataclass(frozen=True)
class Grid:
    """Real maps (H, W) and their half spectra, in whatever layout is fastest.

    A spectrum is (H frequencies, half of the W frequencies), or, transposed, (W frequencies, half of the H
    frequencies), each in the order that ``frequencies`` names.
    """

    size: tuple[int, int]
    rows: PrimeFactor | None = None
    """Along H; None: the FFT library."""
    columns: PrimeFactor | None = None
    """Along W; spectra are transposed exactly where this is not None."""
    device: torch.device = CPU
    """Where frequencies and weights are made: a table that is made elsewhere and copied would stall a GPU."""

    @classmethod
    def of(cls, height: int, width: int, maps: int, device: torch.device, dtype: torch.dtype) -> Grid:
        """The fastest transform known here for that many maps of ``height`` x ``width``, computed in ``dtype``."""
        if device.type != "cpu" or maps * height * width < LEAST_SAMPLES:
            return cls((height, width), device=device)
        return cls((height, width), PrimeFactor.of(height, dtype), PrimeFactor.of(width, dtype))

    @property
    def transposed(self) -> bool:
        """Whether spectra are (W frequencies, half of the H frequencies)."""
        return self.columns is not None

    @property
    def frequencies(self) -> tuple[Tensor, Tensor]:
        """Of the full and of the half axis, in order."""
        h, w = self.size
        if self.columns is not None:
            half = torch.arange(h // 2 + 1, device="cpu") if self.rows is None else self.rows.half_frequencies
            return self.columns.frequencies, half
        full = torch.arange(h, device=self.device) if self.rows is None else self.rows.frequencies
        return full, torch.arange(w // 2 + 1, device=self.device)

    @property
    def half_weights(self) -> Tensor:
        """How many frequencies of the full spectrum each one of the half axis stands for."""
        if self.columns is not None and self.rows is not None:
            return self.rows.half_weights
        n = self.size[0 if self.transposed else 1]
        twice = 2 * torch.arange(n // 2 + 1, device=self.device)
        return torch.where((twice == 0) | (twice == n), 1.0, 2.0)

    def forward(self, x: Tensor) -> Tensor:
        """The half spectra (..., full, half), complex, contiguous, of ``x`` (..., H, W), real, contiguous."""
        if self.rows is None and self.columns is None:
            return torch.fft.rfft2(x)
        maps = x.reshape(-1, *self.size)
        if self.rows is not None:
            maps = _reorder(maps, self.rows.samples)
        if self.columns is None:
            assert self.rows is not None
            z = self.rows.complex(torch.fft.rfft(maps), inverse=False)
        else:
            z = torch.fft.rfft(maps, dim=1) if self.rows is None else self.rows.forward(maps)
            z = _reorder(z.transpose(1, 2).contiguous(), self.columns.samples)
            z = self.columns.complex(z, inverse=False)
        return z.view(*x.shape[:-2], *z.shape[1:])

    def inverse(self, z: Tensor) -> Tensor:
        """The maps (..., H, W) of half spectra ``z`` (..., full, half), which may be overwritten."""
        if self.rows is None and self.columns is None:
            return torch.fft.irfft2(z, s=self.size)
        spectra = z.reshape(-1, *z.shape[-2:])
        if self.columns is None:
            assert self.rows is not None
            maps = torch.fft.irfft(self.rows.complex(spectra, inverse=True), n=self.size[1])
        else:
            spectra = _reorder(self.columns.complex(spectra, inverse=True), self.columns.places).transpose(1, 2)
            if self.rows is None:
                maps = torch.fft.irfft(spectra, n=self.size[0], dim=1)
            else:
                maps = self.rows.inverse(spectra.contiguous())
        if self.rows is not None:
            maps = _reorder(maps, self.rows.places)
        return maps.reshape(*z.shape[:-2], *self.size)
