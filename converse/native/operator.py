"""Calling the compiled operator on tensors that :mod:`converse.native.serving` found fit."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from ..calls.setting import PADDING_MODES, Setting
from .library import Library, Problem

TYPES = {torch.float32: 0, torch.bfloat16: 1, torch.float16: 2}
"""Element types of y, in the order of ``source/problem.h``; all are computed in float32."""
MODES = {mode: number for number, mode in enumerate(PADDING_MODES)}
"""In the order of ``source/problem.h`` too."""


def _problem(
    y: Tensor, grad: Tensor | None, out: Tensor | None, kernel: Tensor, lam: Tensor, setting: Setting
) -> Problem:
    scale, padding, mode, _ = setting
    return Problem(
        y.data_ptr(),
        None if grad is None else grad.data_ptr(),
        None if out is None else out.data_ptr(),
        kernel.data_ptr(),
        lam.data_ptr(),
        None,
        *y.shape,
        *kernel.shape[1:],
        scale,
        *padding,
        MODES[mode],
        setting.nearest,
        TYPES[y.dtype],
    )


def _run(library: Library, problem: Problem) -> None:
    if library.functions.converse_run(ctypes.byref(problem), library.parallel_for, library.threads()):
        raise MemoryError("converse2d: no memory for the compiled operator's work space")


def solve(library: Library, y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting) -> Tensor:
    """X* as :func:`converse.mathematics.spectral.solution` has it.

    Args:
        library: that computes.
        y: (B, C, H, W), of one of :data:`TYPES`, on the CPU.
        kernel: (C, kh, kw).
        lam: (C,).
        setting: with prior "nearest" or "zero"; the sizes fit.

    Returns:
        (B, C, H s, W s), contiguous, in the dtype of y.
    """
    b, c, h, w = y.shape
    out = y.new_empty((b, c, h * setting.scale, w * setting.scale))
    y, kernel, lam = y.contiguous(), kernel.double().contiguous(), lam.double().contiguous()
    _run(library, _problem(y, None, out, kernel, lam, setting))
    return out


def solve_backward(
    library: Library,
    grad: Tensor,
    y: Tensor,
    kernel: Tensor,
    lam: Tensor,
    need_y: bool,
    need_parameters: bool,
    setting: Setting,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of :func:`solve` for y, kernel and lam, each in its dtype; empty tensors where not needed."""
    c, kh, kw = kernel.shape
    dy = y.new_empty(y.shape if need_y else (0,))
    y, grad = y.contiguous(), grad.to(y.dtype).contiguous()
    taps, weight = kernel.double().contiguous(), lam.double().contiguous()
    problem = _problem(y, grad, dy if need_y else None, taps, weight, setting)
    if not need_parameters:
        _run(library, problem)
        return dy, kernel.new_empty((0,)), lam.new_empty((0,))
    divisions = library.functions.converse_divisions(ctypes.byref(problem))
    partial = torch.empty((divisions, c, kh * kw + 1), dtype=torch.float64, device="cpu")
    problem.partial = partial.data_ptr()
    _run(library, problem)
    total = partial[0] if divisions == 1 else partial.sum(0)
    return dy, total[:, :-1].reshape(c, kh, kw).to(kernel.dtype), total[:, -1].to(lam.dtype)
