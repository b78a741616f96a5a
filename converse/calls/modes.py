"""Who is calling: an ordinary program, a function transform, or a tracer."""

from __future__ import annotations

import torch

UNTRACED = (
    "cannot be recorded by torch.fx or torch.jit: export it with torch.export, or replace it by "
    "Converse2D.to_conv_transpose() where the kernel is no larger than the scale and 2"
)


def is_transformed() -> bool:
    """Whether a function transform or forward-mode differentiation runs: vmap, jacrev, jvp, torch.func.grad.

    They look into every operation, so what they see must be made of torch's own. A compiler has its own node.
    """
    if torch.compiler.is_compiling():
        return False
    forward_mode = torch.autograd.forward_ad._current_level >= 0
    return forward_mode or torch._C._functorch.peek_interpreter_stack() is not None
