"""Padding of feature maps: into a given buffer, its adjoint, and as a differentiable function.

``torch.nn.functional.pad`` would serve the last one alone, but its backward is not deterministic on
CUDA for every mode, and the first two exist so that no padded copy of a whole batch is ever made.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def _sources(x: Tensor, dim: int, pad: int, mode: str) -> tuple[Tensor, Tensor]:
    """What stands before and after ``x`` along ``dim``; in replicate mode one broadcastable line."""
    n = x.shape[dim]
    if mode == "circular":
        return x.narrow(dim, n - pad, pad), x.narrow(dim, 0, pad)
    if mode == "replicate":
        return x.narrow(dim, 0, 1), x.narrow(dim, n - 1, 1)
    return x.narrow(dim, 1, pad).flip(dim), x.narrow(dim, n - 1 - pad, pad).flip(dim)


def pad_into(buffer: Tensor, x: Tensor, padding: Sequence[int], mode: str) -> None:
    """Write ``x`` (..., H, W), padded, into ``buffer`` (..., H + 2 ph, W + 2 pw) of any float dtype."""
    (ph, pw), (h, w) = padding, x.shape[-2:]
    rows = buffer.narrow(-2, ph, h)
    rows.narrow(-1, pw, w).copy_(x)
    for dim, p, n, target in ((-1, pw, w, rows), (-2, ph, h, buffer)):
        if p == 0:
            continue
        before, after = target.narrow(dim, 0, p), target.narrow(dim, n + p, p)
        if mode == "zeros":
            before.zero_()
            after.zero_()
        else:
            left, right = _sources(target.narrow(dim, p, n), dim, p, mode)
            before.copy_(left)
            after.copy_(right)


def fold_padding_(buffer: Tensor, padding: Sequence[int], mode: str) -> Tensor:
    """Adjoint of :func:`pad_into`: add the borders back where they came from, in place.

    Returns:
        The interior (..., H, W), a view of ``buffer``.
    """
    for dim, p in ((-2, padding[0]), (-1, padding[1])):
        n = buffer.shape[dim] - 2 * p
        core = buffer.narrow(dim, p, n)
        if p and mode != "zeros":
            before, after = buffer.narrow(dim, 0, p), buffer.narrow(dim, n + p, p)
            if mode == "circular":
                core.narrow(dim, n - p, p).add_(before)
                core.narrow(dim, 0, p).add_(after)
            elif mode == "replicate":
                core.narrow(dim, 0, 1).add_(before.sum(dim, keepdim=True))
                core.narrow(dim, n - 1, 1).add_(after.sum(dim, keepdim=True))
            else:
                core.narrow(dim, 1, p).add_(before.flip(dim))
                core.narrow(dim, n - 1 - p, p).add_(after.flip(dim))
        buffer = core
    return buffer


def pad2d(x: Tensor, padding: Sequence[int], mode: str) -> Tensor:
    """``x`` (..., H, W) padded by (rows, columns); differentiable to any order, deterministic."""
    for dim, p in ((-1, padding[1]), (-2, padding[0])):
        if p == 0:
            continue
        if mode == "zeros":
            shape = list(x.shape)
            shape[dim] = p
            border = x.new_zeros(shape)
            x = torch.cat((border, x, border), dim)
            continue
        left, right = _sources(x, dim, p, mode)
        if mode == "replicate":
            shape = list(x.shape)
            shape[dim] = p
            left, right = left.expand(shape), right.expand(shape)
        x = torch.cat((left, x, right), dim)
    return x


def crop2d(x: Tensor, padding: Sequence[int]) -> Tensor:
    """``x`` (..., H, W) without ``padding`` rows and columns on each side (a view)."""
    (ph, pw), (h, w) = padding, x.shape[-2:]
    return x.narrow(-2, ph, h - 2 * ph).narrow(-1, pw, w - 2 * pw)
