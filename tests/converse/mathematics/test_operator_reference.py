"""converse2d, algorithm1 and the float64 spatial solve agree, in value and gradient."""

from __future__ import annotations

import itertools

import pytest
import torch
from operator_cases import INITS, KERNELS, LAMS, PADDINGS, SCALES, X0S, call, inputs, lam_rounding, relative

from converse.algorithm1 import algorithm1
from converse.mathematics.functional import converse2d
from converse.operators.converse2d import Converse2D
from converse.reference import reference

pytestmark = pytest.mark.usefixtures("backend")


@pytest.mark.parametrize("x0", X0S)
@pytest.mark.parametrize("scale", SCALES)
def test_float64_agrees_with_the_spatial_solve(scale: int, x0: str) -> None:
    grid = itertools.product(KERNELS, PADDINGS)
    for seed, (kernel, (padding, mode)) in enumerate(grid):
        leaves, named = inputs(
            seed, kernel=kernel, scale=scale, x0=x0, size=(6, 5) if scale < 3 else (5, 4), per_sample=seed % 3 == 0
        )
        options = {"scale": scale, "padding": padding, "padding_mode": mode, **named}
        results = []
        for function in (reference, converse2d, algorithm1):
            out = call(function, leaves, **options)
            cotangent = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).cos().view(out.shape)
            results.append([out, *torch.autograd.grad(out, leaves, cotangent)])
        for name, truth, fast, paper in zip(("out", "dy", "dK", "dlam", "dx0"), *results, strict=False):
            where = f"{name} kernel={kernel} padding={padding} {mode}"
            assert relative(fast, truth) < 1e-9, where
            # Algorithm 1 divides by lam, and so loses digits of dlam first.
            assert relative(paper, truth) < (1e-7 if name == "dlam" else 1e-9), where


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("scale", SCALES)
def test_float32_meets_the_targets(scale: int, init: str) -> None:
    limits = {"out": 2e-6, "dy": 2e-6, "dK": 5e-6}
    for seed, (k, lam) in enumerate(itertools.product((2, 3, 5, 7), LAMS)):
        g = torch.Generator().manual_seed(seed)
        size = (11, 10) if scale < 3 else (7, 6)
        weight = Converse2D(2, k, init=init, generator=g).weight.detach()
        y = torch.randn(2, 2, *size, generator=g)
        cotangent = torch.randn(2, 2, size[0] * scale, size[1] * scale, generator=g)
        results = []
        for function, dtype in ((reference, torch.float64), (converse2d, torch.float32)):
            leaves = [t.to(dtype).requires_grad_() for t in (y, weight, torch.full((1, 2, 1, 1), lam))]
            out = function(*leaves, scale=scale, padding=min(2, k - 1))
            results.append([out, *torch.autograd.grad(out, leaves, cotangent.to(dtype))])
        for (name, limit), truth, fast in zip(limits.items(), *results, strict=False):
            assert relative(fast, truth) <= limit, (name, k, lam)
        missed = (results[1][3].double() - results[0][3]).abs().flatten()
        allowed = lam_rounding(reference, leaves, cotangent, scale=scale, padding=min(2, k - 1))
        assert (missed <= allowed).all(), (k, lam, missed / allowed)


def test_float64_transfer_function_where_float32_would_fail() -> None:
    """Near a null of the kernel float32 spectra give 5e-5; with lam 1e-6 the null rules the answer."""
    kernel = torch.tensor([[0.25, 0.5, 0.25]]).view(1, 1, 1, 3)
    y = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    truth = reference(y, kernel, 1e-6, x0="zero")
    assert relative(converse2d(y, kernel, 1e-6, x0="zero"), truth) < 2e-6


def test_softmax_upsampler_is_nearest_at_the_start() -> None:
    for s in (2, 3, 4):
        y = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(s))
        layer = Converse2D(3, 2, scale=s, generator=torch.Generator().manual_seed(s))
        nearest = torch.nn.functional.interpolate(y, scale_factor=s)
        torch.testing.assert_close(layer(y), nearest, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 2), (13, 11), (17, 6)])
def test_small_odd_and_prime_sizes(size: tuple[int, int]) -> None:
    for scale, mode in ((1, "zeros"), (2, "replicate")):
        leaves, _ = inputs(3, size=size, kernel=(5, 3))
        out = converse2d(*leaves, scale=scale, padding=4, padding_mode=mode)
        truth = reference(*leaves, scale=scale, padding=4, padding_mode=mode)
        assert relative(out, truth) < 1e-11
    single, _ = inputs(4, size=(1, 1), kernel=(1, 1))
    assert relative(converse2d(*single), reference(*single)) < 1e-12


def test_finite_for_extreme_input() -> None:
    y = torch.randn(1, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    for kernel in (torch.zeros(1, 2, 3, 3), torch.full((1, 2, 3, 3), 1e6), torch.ones(1, 2, 3, 3)):
        for lam, scale, scaled in itertools.product((1e-12, 1e8), (1, 2, 3), (1e-20, 1e20)):
            leaf = kernel.clone().requires_grad_()
            out = converse2d(y * scaled, leaf, lam, scale=scale)
            assert out.isfinite().all(), (lam, scale, scaled)
    nothing = torch.zeros(1, 2, 3, 3)
    for scale in (1, 3):
        zero = converse2d(y, nothing, torch.zeros(1, 2, 1, 1), scale=scale)
        torch.testing.assert_close(zero[..., ::scale, ::scale], y)
