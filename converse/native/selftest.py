"""Whether a library just loaded agrees with the spatial solve in float64: asked once, before it is used."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..calls.setting import Setting
from ..reference import reference
from .block import enter, enter_backward, leave, leave_backward
from .library import Library
from .operator import solve, solve_backward

TOLERANCE = 2e-5
"""Relative error: ten times what the cases show."""
STEP = 1e-4
"""Of the kernel and lam, in differences of second order."""
EPS = 1e-5
"""Of the norm."""
CASES = (
    ((3, 4), Setting(1, (2, 1), "circular", "nearest")),
    ((5, 3), Setting(1, (1, 2), "reflect", "nearest")),
    ((3, 3), Setting(2, (1, 0), "replicate", "nearest")),
    ((2, 3), Setting(2, (0, 1), "zeros", "zero")),
)
"""Kernel sizes and settings."""
PLAIN: Any = {"dtype": torch.float32, "device": "cpu"}
"""Of the tensors made here: the caller's defaults may be others."""


def disagreement(library: Library) -> str | None:
    """What a small call gives wrong, in one line; None if everything agrees.

    Gradients are held against products with a direction, the differences of Eq. (4) in float64: autograd would do,
    but its first use imports SymPy, for a second.
    """
    generator = torch.Generator("cpu").manual_seed(0)
    for size, setting in CASES:
        y = torch.randn(2, 2, 6, 5, generator=generator, **PLAIN)
        kernel, kernel_step = torch.rand(2, 2, *size, generator=generator, **PLAIN)
        lam, lam_step = torch.tensor([[0.1, 0.02], [0.1, -0.05]], **PLAIN)
        truth = _solve(y, kernel, lam, setting)
        moved = [
            _solve(y, kernel.double() + h * kernel_step, lam.double() + h * lam_step, setting) for h in (STEP, -STEP)
        ]
        change = (moved[0] - moved[1]) / (2 * STEP)
        grad = torch.randn(truth.shape, generator=generator, **PLAIN)
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
    return _block_disagreement(library, generator)


def _block_disagreement(library: Library, generator: torch.Generator) -> str | None:
    """The same for the pointwise halves of a block: 5 channels, 9 hidden ones, two images of 7x17."""

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, **PLAIN)

    x, y, grad_y, grad_x = random(2, 5, 7, 17), random(2, 9, 7, 17), random(2, 9, 7, 17), random(2, 5, 7, 17)
    gain, shift, alpha = random(5), random(5), random(1, 5, 1, 1)
    into, bias, back, end = random(9, 5, 1, 1), random(9), random(5, 9, 1, 1), random(5)
    for activates in (True, False):
        found, slope = enter(library, x, gain, shift, into, bias, EPS, activates, True)
        gradients = enter_backward(library, grad_y, x, slope, gain, shift, into, EPS, True, True)
        inputs = (x, gain, shift, into, bias)
        error = _worst(partial(_enter, activates), inputs, found, grad_y, gradients, generator)
        if not error < TOLERANCE:
            return f"enter, activates={activates}: relative error {error:.0e}"
    found = leave(library, y, x, back, end, alpha)
    gradients = leave_backward(library, grad_x, y, back, end, alpha, True, True)
    error = _worst(lambda *t: x + _leave(*t), (y, back, end, alpha), found, grad_x, gradients, generator)
    return None if error < TOLERANCE else f"leave: relative error {error:.0e}"


def _worst(
    formula: Callable[..., Tensor],
    inputs: tuple[Tensor, ...],
    found: Tensor,
    grad: Tensor,
    gradients: tuple[Tensor | None, ...],
    generator: torch.Generator,
) -> float:
    """Larger error of value and of the gradients along one direction each, relative; NaN is passed on."""
    wide = [t.double() for t in inputs]
    truth = formula(*wide)
    errors = [(found - truth).norm() / truth.norm()]
    for place, gradient in enumerate(gradients):
        step = torch.randn(wide[place].shape, generator=generator, dtype=torch.float64, device="cpu")
        moved = [formula(*(t + h * step if n == place else t for n, t in enumerate(wide))) for h in (STEP, -STEP)]
        change = (moved[0] - moved[1]) / (2 * STEP)
        assert gradient is not None
        errors.append(((gradient * step).sum() - (grad * change).sum()).abs() / (grad.norm() * change.norm()))
    return torch.stack(errors).max().item()


def _enter(activates: bool, x: Tensor, gain: Tensor, shift: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    centred = x - x.mean(1, keepdim=True)
    norm = centred / (centred.square().mean(1, keepdim=True) + EPS).sqrt()
    y = torch.nn.functional.conv2d(norm * gain.view(-1, 1, 1) + shift.view(-1, 1, 1), weight, bias)
    return torch.nn.functional.gelu(y) if activates else y


def _leave(y: Tensor, weight: Tensor, bias: Tensor, alpha: Tensor) -> Tensor:
    return alpha * torch.nn.functional.conv2d(torch.nn.functional.gelu(y), weight, bias)


def _solve(y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting) -> Tensor:
    scale, padding, mode, prior = setting
    # The prior as a tensor: interpolation imports SymPy as well.
    x0 = y.double().repeat_interleave(scale, 2).repeat_interleave(scale, 3) * (prior == "nearest")
    weight = lam[None, :, None, None]
    return reference(y, kernel[None], weight, scale=scale, padding=padding, padding_mode=mode, x0=x0)
