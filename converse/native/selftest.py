"""Whether a library just loaded agrees with the spatial solve in float64: asked once, before it is used."""

from __future__ import annotations

import torch
from torch import Tensor

from ..mathematics.setting import Setting
from ..reference import reference
from .library import Library
from .operator import solve, solve_backward

TOLERANCE = 2e-5
"""Relative error: ten times what the cases show."""
STEP = 1e-4
"""Of the kernel and lam, in differences of second order."""
CASES = (
    ((3, 4), Setting(1, (2, 1), "circular", "nearest")),
    ((5, 3), Setting(1, (1, 2), "reflect", "nearest")),
    ((3, 3), Setting(2, (1, 0), "replicate", "nearest")),
    ((2, 3), Setting(2, (0, 1), "zeros", "zero")),
)
"""Kernel sizes and settings."""


def disagreement(library: Library) -> str | None:
    """What a small call gives wrong, in one line; None if everything agrees.

    Gradients are held against products with a direction, the differences of Eq. (4) in float64: autograd would do,
    but its first use imports SymPy, for a second.
    """
    generator = torch.Generator().manual_seed(0)
    for size, setting in CASES:
        y = torch.randn(2, 2, 6, 5, generator=generator)
        kernel, kernel_step = torch.rand(2, 2, *size, generator=generator)
        lam, lam_step = torch.tensor([[0.1, 0.02], [0.1, -0.05]])
        truth = _solve(y, kernel, lam, setting)
        moved = [
            _solve(y, kernel.double() + h * kernel_step, lam.double() + h * lam_step, setting) for h in (STEP, -STEP)
        ]
        change = (moved[0] - moved[1]) / (2 * STEP)
        grad = torch.randn(truth.shape, generator=generator)
        out = solve(library, y, kernel, lam, setting)
        dy, dkernel, dlam = solve_backward(library, grad, y, kernel, lam, True, True, setting)
        errors = {
            "out": (out - truth).norm() / truth.norm(),
            "dy": ((dy * y).sum() - (grad * truth).sum()) / (grad.norm() * truth.norm()),
            "dK, dlam": ((dkernel * kernel_step).sum() + (dlam * lam_step).sum() - (grad * change).sum())
            / (grad.norm() * change.norm()),
        }
        for name, error in errors.items():
            if not abs(error.item()) < TOLERANCE:
                return f"{name} at {setting}: relative error {error.item():.0e}"
    return None


def _solve(y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting) -> Tensor:
    scale, padding, mode, prior = setting
    # The prior as a tensor: interpolation imports SymPy as well.
    x0 = y.double().repeat_interleave(scale, 2).repeat_interleave(scale, 3) * (prior == "nearest")
    weight = lam[None, :, None, None]
    return reference(y, kernel[None], weight, scale=scale, padding=padding, padding_mode=mode, x0=x0)
