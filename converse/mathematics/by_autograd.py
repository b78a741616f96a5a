"""Gradients of a formula in torch's own operations, for nodes of autograd whose own backward cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .precision import full_precision


def by_autograd(
    formula: Callable[..., Tensor], inputs: Sequence[Tensor | None], needs: Sequence[bool], grad: Tensor
) -> tuple[Tensor | None, ...]:
    """The gradient for each input of ``formula`` given that of its result; None where not needed.

    They have a graph of their own where one is asked for: in a backward with ``create_graph``. Autocast is off.
    """
    if not any(needs):
        return (None,) * len(needs)
    with_graph = torch.is_grad_enabled()
    with torch.enable_grad(), full_precision(grad.device):
        # Views keep apart inputs that depend on each other.
        views = [None if t is None else t.view_as(t) for t in inputs]
        wanted = [t for t, need in zip(views, needs, strict=True) if need and t is not None]
        found = iter(torch.autograd.grad(formula(*views), wanted, grad, create_graph=with_graph))
    return tuple(next(found) if need else None for need in needs)
