"""A candidate for small maps on a GPU: their DFTs as products with dense matrices, in place of the FFT library.

Both transforms of a padded map of 80² are 3.1 million multiply-adds, a tenth of a microsecond of a large GPU. Timed by
part ``fast`` where it agrees with the FFTs; nothing in `converse` uses it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor

from converse.mathematics.transforms import Grid

LARGEST = 128
"""Longest side of a padded map for which it is tried: the work grows with the third power."""


@cache
def _matrix(n: int, kept: int, device: torch.device) -> Tensor:
    """exp(-2 pi i u m / n) for u < kept, (n, kept), complex64; angles in float64."""
    m, u = torch.arange(n, device=device)[:, None], torch.arange(kept, device=device)
    angle = (m * u % n).double() * (-2 * math.pi / n)
    return torch.complex(angle.cos(), angle.sin()).to(torch.complex64)


@cache
def _weighted(n: int, device: torch.device) -> Tensor:
    """The inverse of the half axis: (2 bins, n) real, for real and imaginary parts in turn, divided by n."""
    bins = n // 2 + 1
    twice = 2 * torch.arange(bins, device=device)
    weights = torch.where((twice == 0) | (twice == n), 1.0, 2.0) / n
    back = _matrix(n, bins, device).conj().T * weights[:, None]
    return torch.stack((back.real, -back.imag), 1).reshape(2 * bins, n).contiguous()


def _forward(grid: Grid, x: Tensor) -> Tensor:
    (h, w), bins = grid.size, grid.size[1] // 2 + 1
    columns = torch.view_as_real(_matrix(w, bins, x.device)).reshape(w, 2 * bins)
    half = torch.view_as_complex((x @ columns).unflatten(-1, (bins, 2)))
    return _matrix(h, h, x.device) @ half


def _inverse(grid: Grid, z: Tensor) -> Tensor:
    h, w = grid.size
    half = (_matrix(h, h, z.device).conj() / h) @ z
    return torch.view_as_real(half).flatten(-2) @ _weighted(w, z.device)


@contextmanager
def dense_transforms() -> Iterator[None]:
    """Every float32 transform of the operator's FFT form as products with matrices, in all threads."""
    saved = Grid.forward, Grid.inverse
    Grid.forward, Grid.inverse = _forward, _inverse  # type: ignore[method-assign]
    try:
        yield
    finally:
        Grid.forward, Grid.inverse = saved  # type: ignore[method-assign]
