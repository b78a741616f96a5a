"""Can a CUDA kernel of ours serve this call? Sizes that have none, and whatever must look inside, go to torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..calls.setting import Setting
from ..native.serving import refusal
from . import plan
from .operator import solve, solve_backward
from .planes import Planes, shared_limit
from .trust import Trusted, unavailable

Witness = tuple[Callable[..., Tensor], Callable[..., tuple[Tensor, ...]]]
TOLERANCE = 2e-5
"""Relative error of the self-test: ten times what it shows."""
MOST_SIZES = 32
"""Padded sizes for which kernels are compiled in a process, a second or two each; torch computes further ones."""
_planes: Trusted[Planes] = Trusted("maps of", MOST_SIZES)


def serving(witness: Witness, setting: Setting, *tensors: Tensor) -> Planes | None:
    """The kernels that serve a call; None: torch computes.

    They are compiled for the padded size at the first call with it, which takes about a second, and tried against
    float64. What does not compile or agree is not used, with one warning.

    Args:
        witness: :func:`converse.mathematics.spectral.solution` and ``gradients``: what the kernels are tried against.
        setting: of the call.
        tensors: of the call, y first.
    """
    y = tensors[0]
    if y.device.type != "cuda" or setting.scale != 1 or refusal(*tensors, device="cuda") is not None:
        return None
    (h, w), (ph, pw), device = y.shape[2:], setting.padding, y.device
    size = (int(h + 2 * ph), int(w + 2 * pw))
    if not plan.serves(*size, shared_limit(device)):
        return None

    def make() -> tuple[Planes, str | None]:
        made = Planes(size, device)
        return made, _disagreement(made, device, *witness)

    return _planes.get((*size, device.index), make)


def backend() -> str:
    """What computes eager float32 calls on a CUDA device: kernels of ours where they serve, or torch and why."""
    reason = unavailable()
    return f"kernels where they serve, NVRTC of CUDA {torch.version.cuda}" if reason is None else f"torch ({reason})"


def _disagreement(
    planes: Planes, device: torch.device, solution: Callable[..., Tensor], gradients: Callable[..., tuple[Tensor, ...]]
) -> str | None:
    """What a small call gives otherwise than torch in float64, in one line; None if everything agrees."""
    generator, (h, w) = torch.Generator("cpu").manual_seed(0), planes.size
    pads = (int(h > 2), int(w > 2))
    setting = Setting(1, pads, "circular", "nearest")

    def drawn(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float32, device="cpu").to(device)

    y, grad = drawn(3, 2, h - 2 * pads[0], w - 2 * pads[1]), drawn(3, 2, h - 2 * pads[0], w - 2 * pads[1]) - 0.5
    kernel, lam = drawn(2, min(3, h), min(3, w)), drawn(2) + 0.05
    found = (solve(planes, y, kernel, lam, setting), *solve_backward(planes, grad, y, kernel, lam, True, True, setting))
    y, grad, kernel, lam = (t.double() for t in (y, grad, kernel, lam))
    truth = (solution(y, kernel, lam, setting), *gradients(grad, y, kernel, lam, True, True, setting))
    for name, got, want in zip(("out", "dy", "dK", "dlam"), found, truth, strict=True):
        error = float((got - want).norm() / want.norm())
        if not error <= TOLERANCE:
            return f"its self-test failed: {name} differs by {error:.1e}"
    return None
