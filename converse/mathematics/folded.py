"""DFTs by dense matrices, of samples in mirrored pairs: the factors of :mod:`converse.mathematics.transforms`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


def folded_order(length: int) -> Tensor:
    """0, (length / 2 if that is a sample), 1 .. h, -1 .. -h, modulo length."""
    pairs = torch.arange(1, (length + 1) // 2, device="cpu")
    fixed = torch.arange(0, length, max(1, length // 2), device="cpu")[: 2 - length % 2]
    return torch.cat((fixed, pairs, length - pairs))


def _interleaved(real: Tensor) -> Tensor:
    return torch.view_as_complex(real.unflatten(2, (-1, 2)))


@dataclass(frozen=True)
class FoldedDFT:
    """The DFT of one length, samples and frequencies in folded order, as cosine and sine matrices of half the size.

    With E = cos (x_m + x_-m) and O = sin (x_m - x_-m), frequency +u is E - i O and -u is E + i O; inverse, the other
    way round.
    """

    length: int
    cos: Tensor
    """cos(2 pi u m / length) for u and m in 0, (length / 2), 1 .. h."""
    sin: Tensor

    @classmethod
    def of(cls, length: int, dtype: torch.dtype) -> FoldedDFT:
        """The matrices in ``dtype``."""
        order = folded_order(length)[: length // 2 + 1]
        angle = (order[:, None] * order % length).double() * (2 * math.pi / length)
        return cls(length, angle.cos().to(dtype), angle.sin().to(dtype))

    def __call__(self, z: Tensor, inverse: bool, divisor: int = 1) -> Tensor:
        """The transform along the middle of ``z`` (M, length, R).

        Args:
            z: complex, contiguous; overwritten.
            inverse: with the other sign.
            divisor: what the result is divided by.
        """
        if self.length == 4:
            return _four(z, inverse, divisor)
        m, fixed, kept = z.shape[0], 2 - self.length % 2, self.length // 2 + 1
        x = torch.view_as_real(z).flatten(2)
        pairs, mirrored = x[:, fixed:kept], x[:, kept:]
        odd = pairs - mirrored
        pairs += mirrored
        even = _interleaved(torch.bmm((self.cos / divisor).expand(m, -1, -1), x[:, :kept]))
        if fixed == kept:
            return even
        odd = _interleaved(torch.bmm((self.sin[fixed:, fixed:] / divisor).expand(m, -1, -1), odd))
        out, turn = torch.empty_like(z), 1j if inverse else -1j
        out[:, :fixed] = even[:, :fixed]
        torch.add(even[:, fixed:], odd, alpha=turn, out=out[:, fixed:kept])
        torch.sub(even[:, fixed:], odd, alpha=turn, out=out[:, kept:])
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Frequencies 0 .. h, (M, 1 + h, R) complex, of real ``x`` (M, length, R), length odd; overwrites ``x``."""
        m, kept = x.shape[0], self.length // 2 + 1
        pairs, mirrored = x[:, 1:kept], x[:, kept:]
        odd = pairs - mirrored
        pairs += mirrored
        even = torch.bmm(self.cos.expand(m, -1, -1), x[:, :kept])
        return torch.complex(even, torch.bmm(-self.sin[:, 1:].expand(m, -1, -1), odd))

    def inverse(self, z: Tensor, divisor: int) -> Tensor:
        """Real samples (M, length, R), over ``divisor``, of the frequencies 0 .. h, ``z`` (M, 1 + h, R) complex."""
        m, kept = z.shape[0], self.length // 2 + 1
        twice = torch.full((kept,), 2.0 / divisor, dtype=self.cos.dtype, device="cpu")
        twice[0] /= 2
        out = torch.empty((m, self.length, z.shape[2]), dtype=self.cos.dtype, device="cpu")
        even = torch.bmm((self.cos * twice).expand(m, -1, -1), z.real.contiguous())
        odd = torch.bmm((self.sin * twice)[1:].expand(m, -1, -1), z.imag.contiguous())
        out[:, 0] = even[:, 0]
        torch.sub(even[:, 1:], odd, out=out[:, 1:kept])
        torch.add(even[:, 1:], odd, out=out[:, kept:])
        return out


def _four(z: Tensor, inverse: bool, divisor: int) -> Tensor:
    """Length 4, in the order 0, 2, 1, 3, by additions."""
    out, turn = torch.empty_like(z), 1j if inverse else -1j
    even, odd = z[:, 0] + z[:, 1], z[:, 2] + z[:, 3]
    torch.add(even, odd, out=out[:, 0])
    torch.sub(even, odd, out=out[:, 1])
    torch.sub(z[:, 0], z[:, 1], out=even)
    torch.sub(z[:, 2], z[:, 3], out=odd)
    torch.add(even, odd, alpha=turn, out=out[:, 2])
    torch.sub(even, odd, alpha=turn, out=out[:, 3])
    return out if divisor == 1 else out.div_(divisor)
