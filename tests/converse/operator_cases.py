"""Cases of the operator tests, as data."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

SCALES = (1, 2, 3, 4)
KERNELS: tuple[tuple[int, int], ...] = ((1, 1), (2, 2), (3, 3), (5, 5), (3, 4), (1, 5))
X0S = ("zero", "nearest", "bilinear", "bicubic", "tensor")
PADDINGS: tuple[tuple[int | tuple[int, int], str], ...] = (
    (0, "circular"),
    (2, "circular"),
    ((1, 3), "reflect"),
    (2, "zeros"),
    (3, "replicate"),
)
INITS = ("uniform", "gaussian", "gaussian_softmax")
LAMS = (1e-4, 1.33e-4, 1e-2, 1.0)

Inputs = list[Tensor]


def inputs(
    seed: int,
    *,
    size: tuple[int, int] = (6, 5),
    kernel: tuple[int, int] = (3, 3),
    scale: int = 1,
    x0: str = "nearest",
    per_sample: bool = False,
    dtype: torch.dtype = torch.float64,
) -> tuple[Inputs, dict[str, Any]]:
    """Leaves [y, kernel, lam] (and x0, where it is a tensor) that want gradients, and x0 as a keyword."""
    g = torch.Generator().manual_seed(seed)
    b, c = 2, 2
    leaves = [
        torch.randn(b, c, *size, generator=g, dtype=dtype),
        torch.randn(b if per_sample else 1, c, *kernel, generator=g, dtype=dtype),
        torch.rand(b if per_sample else 1, c, 1, 1, generator=g, dtype=dtype) + 1e-2,
    ]
    if x0 == "tensor":
        leaves.append(torch.randn(b, c, size[0] * scale, size[1] * scale, generator=g, dtype=dtype))
    for leaf in leaves:
        leaf.requires_grad_()
    return leaves, ({} if x0 == "tensor" else {"x0": x0})


def call(function: Any, leaves: Inputs, **options: Any) -> Tensor:
    """``function`` on leaves as :func:`inputs` makes them."""
    y, kernel, lam, *prior = leaves
    if prior:
        options["x0"] = prior[0]
    return function(y, kernel, lam, **options)


def relative(a: Tensor, b: Tensor) -> float:
    """||a - b|| / ||b|| in float64; the absolute error where ||b|| is below 1e-9."""
    error, size = (a.double() - b.double()).norm().item(), b.double().norm().item()
    return error / size if size > 1e-9 else error


def lam_rounding(function: Any, leaves: Inputs, cotangent: Tensor, **options: Any) -> Tensor:
    """By how much float32 may miss the gradient of lam, per channel (:mod:`converse.mathematics.transfer`).

    eps log2(N) (||d dlam / dy|| ||y|| + ||d dlam / dg|| ||g||), N samples of a padded map: the error of a float32 FFT
    is that of an input perturbed by eps log2(N) of its norm (Higham, 2002, Theorem 24.2), and the gradient of lam is
    bilinear in y and the cotangent g. It is a sum that may cancel, so that no multiple of its own size bounds it.

    Args:
        function: differentiable twice.
        leaves: y, kernel, lam (1, C, 1, 1).
        cotangent: of the result.
        options: scale, padding, ...
    """
    y, kernel, lam = (t.detach().double() for t in leaves)
    ends = [y.requires_grad_(), cotangent.detach().double().requires_grad_()]
    out = function(y, kernel, lam.requires_grad_(), **options)
    (dlam,) = torch.autograd.grad(out, lam, ends[1], create_graph=True)
    sensitivities = torch.autograd.grad(dlam.sum(), ends)
    sizes = [
        [t.detach().square().sum((0, 2, 3)).sqrt() for t in pair] for pair in zip(sensitivities, ends, strict=True)
    ]
    samples = math.prod(n + 2 * options.get("padding", 0) for n in y.shape[2:])
    total = sum((a * b for a, b in sizes), start=torch.zeros(1, dtype=torch.float64))
    return 2.0**-24 * math.log2(samples) * total


# (arguments to converse2d that replace the good ones, exception, what the message must contain)
BAD_CALLS: tuple[tuple[str, dict[str, Any], type[Exception], tuple[str, ...]], ...] = (
    ("circular", {"padding": 7}, ValueError, ("padding", "7", "height 6", "0 to 6")),
    ("reflect", {"padding": 6, "padding_mode": "reflect"}, ValueError, ("padding", "0 to 5")),
    ("big kernel", {"kernel": torch.zeros(1, 2, 9, 3)}, ValueError, ("kernel", "9", "6")),
    ("channels", {"kernel": torch.zeros(1, 3, 3, 3)}, ValueError, ("y", "2 channels", "3")),
    ("batch", {"kernel": torch.zeros(4, 2, 3, 3)}, ValueError, ("kernel", "4", "1 or")),
    ("kernel rank", {"kernel": torch.zeros(2, 3, 3)}, ValueError, ("kernel", "4 dimensions")),
    ("kernel int", {"kernel": torch.zeros(1, 2, 3, 3).int()}, TypeError, ("kernel", "int32")),
    ("scale 0", {"scale": 0}, ValueError, ("scale", ">= 1", "0")),
    ("scale float", {"scale": 2.0}, TypeError, ("scale", "2.0")),
    ("scale bool", {"scale": True}, TypeError, ("scale", "True")),
    ("lam 0", {"lam": 0.0}, ValueError, ("lam", "> 0", "0.0")),
    ("lam negative", {"lam": -1e-3}, ValueError, ("lam", "-0.001")),
    ("lam nan", {"lam": float("nan")}, ValueError, ("lam", "nan")),
    ("lam inf", {"lam": float("inf")}, ValueError, ("lam", "inf")),
    ("lam beyond float32", {"lam": 1e39}, ValueError, ("lam", "3.4e+38", "float32", "1e+39")),
    ("padding text", {"padding": "same"}, TypeError, ("padding", "integer >= 0 or a pair", "'same'")),
    ("lam text", {"lam": "big"}, TypeError, ("lam", "big")),
    ("lam shape", {"lam": torch.ones(3, 1, 1)}, ValueError, ("lam", "(3, 1, 1)", "(B, C, 1, 1)")),
    ("lam int", {"lam": torch.ones(1).long()}, TypeError, ("lam", "int64")),
    ("mode", {"padding_mode": "circlar"}, ValueError, ("padding_mode", "did you mean 'circular'")),
    ("x0", {"x0": "nearst"}, ValueError, ("x0", "did you mean 'nearest'", "bicubic")),
    ("x0 shape", {"x0": torch.zeros(2, 2, 6, 6)}, ValueError, ("x0", "(2, 2, 6, 5)")),
    ("y int", {"y": torch.zeros(2, 2, 6, 5).long()}, TypeError, ("y", "int64")),
    ("y complex", {"y": torch.zeros(2, 2, 6, 5) + 0j}, TypeError, ("y", "complex64")),
    ("y rank", {"y": torch.zeros(2, 6, 5)}, ValueError, ("y", "(2, 6, 5)")),
    ("y list", {"y": [1.0]}, TypeError, ("y", "list")),
    ("padding negative", {"padding": -1}, ValueError, ("padding", "-1")),
    ("padding triple", {"padding": (1, 2, 3)}, ValueError, ("padding", "pair")),
    ("empty map", {"y": torch.zeros(2, 2, 0, 5)}, ValueError, ("y", "height 0")),
)
BAD_LAYERS: tuple[tuple[dict[str, Any], type[Exception], tuple[str, ...]], ...] = (
    ({"channels": 0}, ValueError, ("channels", ">= 1")),
    ({"kernel_size": 0}, ValueError, ("kernel_size", ">= 1")),
    ({"kernel_size": "3"}, TypeError, ("kernel_size", "'3'")),
    ({"scale": 0}, ValueError, ("scale", ">= 1")),
    ({"init": "gausian"}, ValueError, ("init", "did you mean 'gaussian'", "softmax_always")),
    ({"dtype": torch.int32}, TypeError, ("dtype", "16, 32 or 64 bits", "torch.int32")),
    ({"lam": "per_chanel"}, ValueError, ("lam", "did you mean 'per_channel'")),
    ({"lam": 0.0}, ValueError, ("lam", "> 0")),
    ({"lam": None}, TypeError, ("lam", "None")),
    ({"x0": "linear"}, ValueError, ("x0", "bilinear")),
    ({"padding_mode": "same"}, ValueError, ("padding_mode", "zeros, reflect")),
    ({"eps": 0.0}, ValueError, ("eps", "> 0")),
)
