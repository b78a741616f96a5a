"""Calling the compiled pointwise halves of a block on tensors that :mod:`converse.native.serving` found fit.

All tensors are float32. *Enter* is layer norm over channels, 1x1 and, if ``activates``, GELU; *leave* is
x + alpha (1x1 of GELU of y). What is not contiguous is copied first.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from .library import Block, Library


def _run(library: Library, *tensors: Tensor | None, shape: torch.Size, hidden: int, enters: bool, activates: bool,
         eps: float) -> None:  # fmt: skip
    b, c, h, w = shape
    pointers = (None if t is None else t.data_ptr() for t in tensors)
    call = Block(*pointers, b, h * w, c, hidden, enters, activates, eps)
    if library.functions.converse_block(ctypes.byref(call), library.parallel_for, library.threads()):
        raise MemoryError("converse: no memory for the compiled block's work space")


def enter(
    library: Library, x: Tensor, gain: Tensor, shift: Tensor, weight: Tensor, bias: Tensor, eps: float, activates: bool,
    keeps_slope: bool,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """1x1 of the norm of x, and GELU of that.

    Args:
        library: that computes.
        x: (B, C, H, W).
        gain: (C,), of the norm.
        shift: (C,), of the norm.
        weight: (E, C, 1, 1).
        bias: (E,).
        eps: of the norm.
        activates: whether GELU follows.
        keeps_slope: whether GELU's derivative is wanted, which :func:`enter_backward` needs.

    Returns:
        (B, E, H, W), and its GELU's derivative or None.
    """
    b, _, h, w = x.shape
    out = x.new_empty((b, weight.shape[0], h, w))
    slope = torch.empty_like(out) if activates and keeps_slope else None
    x, weight = x.contiguous(), weight.contiguous()
    tensors = (x, None, None, out, slope, weight, bias.contiguous(), gain.contiguous(), shift.contiguous())
    _run(library, *tensors, None, None, None, None, shape=x.shape, hidden=weight.shape[0], enters=True,
         activates=activates, eps=eps)  # fmt: skip
    return out, slope


def enter_backward(
    library: Library, grad: Tensor, x: Tensor, slope: Tensor | None, gain: Tensor, shift: Tensor, weight: Tensor,
    eps: float, need_x: bool, need_parameters: bool,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """Gradients of :func:`enter` for x, gain, shift, weight and bias; None where not needed."""
    x, weight, gain, shift, grad = (t.contiguous() for t in (x, weight, gain, shift, grad))
    dx = torch.empty_like(x) if need_x else None
    found: tuple[Tensor | None, ...] = (None,) * 4
    if need_parameters:
        found = (
            torch.empty_like(weight),
            weight.new_empty(weight.shape[:1]),
            torch.empty_like(gain),
            torch.empty_like(shift),
        )
    _run(library, x, None, grad, dx, slope, weight, None, gain, shift, *found, shape=x.shape, hidden=weight.shape[0],
         enters=True, activates=slope is not None, eps=eps)  # fmt: skip
    dweight, dbias, dgain, dshift = found
    return dx, dgain, dshift, dweight, dbias


def leave(library: Library, y: Tensor, x: Tensor, weight: Tensor, bias: Tensor, alpha: Tensor | None) -> Tensor:
    """x + alpha (1x1 of GELU(y)).

    Args:
        library: that computes.
        y: (B, E, H, W).
        x: (B, C, H, W).
        weight: (C, E, 1, 1).
        bias: (C,).
        alpha: (1, C, 1, 1); None: one.

    Returns:
        (B, C, H, W).
    """
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    y, x, weight, bias = y.contiguous(), x.contiguous(), weight.contiguous(), bias.contiguous()
    alpha = None if alpha is None else alpha.contiguous()
    _run(library, x, y, None, out, None, weight, bias, alpha, None, None, None, None, None, shape=x.shape,
         hidden=weight.shape[1], enters=False, activates=True, eps=0.0)  # fmt: skip
    return out


def leave_backward(
    library: Library, grad: Tensor, y: Tensor, weight: Tensor, bias: Tensor, alpha: Tensor | None, need_y: bool,
    need_parameters: bool,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """Gradients of :func:`leave` for y, weight, bias and alpha; None where not needed. That for x is ``grad``."""
    grad, y, weight, bias = grad.contiguous(), y.contiguous(), weight.contiguous(), bias.contiguous()
    alpha = None if alpha is None else alpha.contiguous()
    dy = torch.empty_like(y) if need_y else None
    found: tuple[Tensor | None, ...] = (None,) * 3
    if need_parameters:
        found = torch.empty_like(weight), torch.empty_like(bias), None if alpha is None else torch.empty_like(alpha)
    _run(library, None, y, grad, dy, None, weight, bias, alpha, None, *found, None, shape=grad.shape,
         hidden=weight.shape[1], enters=False, activates=True, eps=0.0)  # fmt: skip
    return dy, *found
