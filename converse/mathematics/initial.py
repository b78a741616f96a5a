"""What the operator's parameters start from: kernels by name, and b for a given lambda (Eq. 9)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

INITS = ("uniform", "gaussian", "gaussian_softmax", "softmax_always", "delta", "sharpening")
"""The first three are the paper's (Table 1), the others ours."""


@torch.no_grad()
def fill_kernel(weight: Tensor, init: str, generator: torch.Generator | None = None) -> None:
    """Fills a kernel in place.

    Args:
        weight: (1, C, kh, kw); origin at tap (kh // 2, kw // 2).
        init: "uniform" U(0, 1); "gaussian" and "softmax_always" N(0, 1); "gaussian_softmax", its softmax over each
            channel's taps; "delta", 1 at the origin; "sharpening", twice the delta minus a "gaussian_softmax".
        generator: source of random numbers; None is torch's default one.
    """
    if init == "uniform":
        weight.uniform_(0, 1, generator=generator)
    elif init == "delta":
        weight.zero_()
    else:
        weight.normal_(0, 1, generator=generator)
    if init in ("gaussian_softmax", "sharpening"):
        weight.copy_(weight.flatten(2).softmax(2).view_as(weight))
    if init == "sharpening":
        weight.neg_()
    if init in ("delta", "sharpening"):
        weight[..., weight.shape[-2] // 2, weight.shape[-1] // 2] += 1.0 if init == "delta" else 2.0


def bias_for(lam: float, eps: float) -> float:
    """b with sigmoid(b - 9) + eps = lam.

    Raises:
        ValueError: lam is not between eps and 1 + eps.
    """
    p = lam - eps
    if not 0 < p < 1:
        raise ValueError(f"lam_start must be between eps = {eps:g} and 1, got {lam:g}")
    return 9.0 + math.log(p) - math.log1p(-p)
