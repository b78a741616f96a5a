"""The pointwise halves of a block by the compiled library, each one node of autograd with its own backward.

What is saved: for *enter* its input and GELU's derivative, for *leave* its input; norm and GELU are computed again.
A graph of the gradient, or a gradient that the library does not serve, takes the formula as torch has it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..mathematics.by_autograd import by_autograd
from ..native import block
from ..native.library import Library
from ..native.serving import serving
from .norm import channel_norm


def enter(
    library: Library, x: Tensor, gain: Tensor, shift: Tensor, weight: Tensor, bias: Tensor, eps: float, activates: bool
) -> Tensor:
    """1x1 of the norm of x and, if ``activates``, GELU of that; arguments as in :func:`converse.native.block.enter`."""
    inputs = (x, gain, shift, weight, bias)
    if _needs_graph(*inputs):
        made: Tensor = _Enter.apply(library, eps, activates, *inputs)
        return made
    return block.enter(library, *inputs, eps, activates, False)[0]


def leave(library: Library, y: Tensor, x: Tensor, weight: Tensor, bias: Tensor, alpha: Tensor | None) -> Tensor:
    """x + alpha (1x1 of GELU of y); arguments as in :func:`converse.native.block.leave`."""
    inputs = (y, x, weight, bias, alpha)
    if _needs_graph(*inputs):
        made: Tensor = _Leave.apply(library, *inputs)
        return made
    return block.leave(library, *inputs)


def _needs_graph(*inputs: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs)


class _Enter(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        library: Library,
        eps: float,
        activates: bool,
        x: Tensor,
        gain: Tensor,
        shift: Tensor,
        weight: Tensor,
        bias: Tensor,
    ) -> Tensor:
        out, slope = block.enter(library, x, gain, shift, weight, bias, eps, activates, True)
        ctx.save_for_backward(x, gain, shift, weight, bias, slope)
        ctx.setting = (library, eps, activates)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, slope = ctx.saved_tensors
        library, eps, activates = ctx.setting
        needs = ctx.needs_input_grad[3:]
        if torch.is_grad_enabled() or serving(grad, *inputs) is None:

            def formula(x: Tensor, gain: Tensor, shift: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
                y = F.conv2d(channel_norm(x, gain, shift, eps), weight, bias)
                return F.gelu(y) if activates else y

            return None, None, None, *by_autograd(formula, inputs, needs, grad)
        x, gain, shift, weight, _ = inputs
        found = block.enter_backward(library, grad, x, slope, gain, shift, weight, eps, needs[0], any(needs[1:]))
        return None, None, None, *(t if need else None for t, need in zip(found, needs, strict=True))


class _Leave(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, library: Library, y: Tensor, x: Tensor, weight: Tensor, bias: Tensor, alpha: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(y, weight, bias, alpha)
        ctx.library = library
        return block.leave(library, y, x, weight, bias, alpha)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, weight, bias, alpha = inputs = ctx.saved_tensors
        _, need_y, need_x, *need_parameters = ctx.needs_input_grad
        needs = (need_y, *need_parameters)
        if torch.is_grad_enabled() or serving(grad, *(t for t in inputs if t is not None)) is None:

            def formula(y: Tensor, weight: Tensor, bias: Tensor, alpha: Tensor | None) -> Tensor:
                out = F.conv2d(F.gelu(y), weight, bias)
                return out if alpha is None else alpha * out

            dy, *found = by_autograd(formula, inputs, needs, grad)
        else:
            dy, *found = block.leave_backward(ctx.library, grad, y, weight, bias, alpha, need_y, any(need_parameters))
        parameters = (t if need else None for t, need in zip(found, need_parameters, strict=True))
        return None, dy, grad if need_x else None, *parameters
