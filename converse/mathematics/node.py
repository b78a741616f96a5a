"""The operator by FFT as one node: of autograd, and of the graphs of compilers and exporters.

Both passes are opaque to a compiler, so that it sees one node whatever the sizes, and no loop over chunks. Eager
calls take the same functions without torch.library, whose first call would import torch._dynamo, for 1-2 s.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..calls.modes import UNTRACED, is_transformed
from ..calls.setting import SCHEMA, Setting, unbundled
from ..native.serving import compiled_wanted, on_torch
from .by_autograd import by_autograd
from .higher_order import differentiable
from .spectral import gradients, gradients_like, solution, solution_like

_TENSORS = "Tensor y, Tensor kernel, Tensor lam"
_SOLVE = (solution, solution_like, f"({_TENSORS}, {SCHEMA}) -> Tensor")
_BACKWARD = (
    gradients,
    gradients_like,
    f"(Tensor grad, {_TENSORS}, bool need_y, bool need_parameters, {SCHEMA}) -> (Tensor, Tensor, Tensor)",
)


def _pair(name: str, run: Callable[..., Any], like: Callable[..., Any], schema: str) -> tuple[Any, Any]:
    """``run`` twice, eager and as the opaque operator ``converse::name``; both take the setting's fields last."""
    opaque = torch.library.custom_op(f"converse::{name}", unbundled(run), mutates_args=(), schema=schema)
    opaque.register_fake(unbundled(like))
    return unbundled(run), opaque


_solve, _traced_solve = _pair("solve", *_SOLVE)
_gradients, _traced_gradients = _pair("solve_backward", *_BACKWARD)


def _is_traced(y: Tensor) -> bool:
    return torch.compiler.is_compiling() or y.is_meta


def _setup_context(ctx, inputs, output=None) -> None:  # type: ignore[no-untyped-def]
    y, kernel, lam, *ctx.setting = inputs
    ctx.save_for_backward(y, kernel, lam)
    ctx.compiled = compiled_wanted()  # autograd has a thread of its own for a GPU, which knows nothing of the caller's


def _backward(ctx, grad):  # type: ignore[no-untyped-def]
    y, kernel, lam = ctx.saved_tensors
    needs = ctx.needs_input_grad[:3]
    none = (None,) * len(ctx.setting)
    if torch.is_grad_enabled() or torch._C._functorch.is_legacy_batchedtensor(grad):
        # A graph of the gradient, or many gradients at once (is_grads_batched): torch's operations do both.
        return *by_autograd(
            lambda *t: unbundled(differentiable)(*t, *ctx.setting), ctx.saved_tensors, needs, grad
        ), *none
    run = _traced_gradients if _is_traced(y) else _gradients
    with contextlib.nullcontext() if ctx.compiled else on_torch():
        grads = run(grad, y, kernel, lam, needs[0], needs[1] or needs[2], *ctx.setting)
    return *(g if need else None for g, need in zip(grads, needs, strict=True)), *none


class _Eager(torch.autograd.Function):
    # With a setup_context of its own, every call would cost torch a look at the signature: 60 us.
    @staticmethod
    def forward(ctx, *inputs):  # type: ignore[no-untyped-def]
        _setup_context(ctx, inputs)
        return _solve(*inputs)

    backward = staticmethod(_backward)


_traced_solve.register_autograd(_backward, setup_context=_setup_context)


def solve(y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting) -> Tensor:
    """:func:`converse.mathematics.spectral.solution` (same arguments), differentiable twice.

    Raises:
        RuntimeError: under torch.jit.trace, whose recording could not be saved.
    """
    if torch.jit.is_tracing():
        raise RuntimeError(f"a reverse convolution {UNTRACED}")
    if is_transformed():
        return differentiable(y, kernel, lam, setting)
    run = _traced_solve if _is_traced(y) else _Eager.apply
    solved: Tensor = run(y, kernel, lam, *setting)
    return solved
