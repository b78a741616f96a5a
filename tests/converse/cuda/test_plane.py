"""The source of the CUDA kernels, compiled for the CPU: what they compute, against the torch path in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cuda_on_cpu import compiled, pointers

from converse.calls.setting import PADDING_MODES, Setting
from converse.cuda import plan
from converse.cuda.operator import Task
from converse.mathematics.spectral import gradients, solution
from converse.native.serving import on_torch

THREADS = 3
TAIL = """
KERNEL(transfer, converse_transfer, (k, l, work, g, kh, kw, n, wide),
       const void* k, const void* l, double2* work, float2* g, int kh, int kw, int n, int wide)
KERNEL(filter, converse_filter, (y, g, out, t), const float* y, const float2* g, float* out, Task t)
KERNEL(gradient, converse_gradient, (grad, y, g, spectra, sums, dy, shares, t),
       const float* grad, const float* y, const float2* g, float2* spectra, float2* sums, float* dy, int shares, Task t)
KERNEL(parameters, converse_parameters, (k, l, sums, work, dk, dl, shares, kh, kw, n, wide),
       const void* k, const void* l, float2* sums, double2* work, void* dk, void* dl, int shares, int kh, int kw, int n,
       int wide)
"""
CASES = {
    "even": ((12, 10), (5, 5), (2, 2)),
    "square of two passes": ((32, 32), (3, 3), (4, 4)),
    "prime and rectangular": ((21, 13), (4, 2), (1, 3)),
    "three passes": ((64, 270), (3, 5), (0, 0)),
    "largest prime, column": ((62, 1), (2, 1), (0, 0)),
    "row": ((1, 29), (1, 4), (0, 2)),
}
"""Padded size, kernel, padding."""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plane")

    def made(height, width):
        text = plan.source(height, width, THREADS, warp=1).replace(
            "extern __shared__ float2 z[];", "float2* z = block;"
        )
        block = f"static float2 block[{plan.shared_bytes(height, width) // 8}];\n"
        return compiled(folder, f"{height}x{width}", block + text + TAIL, THREADS)

    return made


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("mode", "prior", "batch", "dtype"),
    [
        *((mode, prior, 5, torch.float64) for mode in PADDING_MODES for prior in ("nearest", "zero")),
        ("circular", "nearest", 1, torch.float32),
        ("circular", "nearest", 4, torch.float32),
    ],
)
def test_kernels_compute_the_operator_and_its_gradients(build, case, mode, prior, batch, dtype):
    size, (kh, kw), padding = CASES[case]
    library, (h, w) = build(*size), size
    generator, channels = torch.Generator().manual_seed(h + w), 2
    inner = (h - 2 * padding[0], w - 2 * padding[1])
    y = torch.randn(batch, channels, *inner, generator=generator)
    grad = torch.randn(y.shape, generator=generator)
    kernel = torch.randn(channels, kh * kw, generator=generator).softmax(1).view(channels, kh, kw).to(dtype)
    lam = torch.rand(channels, generator=generator).to(dtype) + 0.05
    setting = Setting(1, padding, mode, prior)
    with on_torch():
        double = [t.double() for t in (y, kernel, lam)]
        truth = solution(*double, setting)
        wanted = gradients(grad.double(), *double, True, True, setting)

    task = Task(*y.shape, *padding, PADDING_MODES.index(mode))
    pairs, shares = (batch + 1) // 2, min(2, (batch + 1) // 2)
    nearest, wide = int(prior == "nearest"), int(dtype == torch.float64)
    g, out, dy = torch.empty(channels, h, w, 2), torch.full_like(y, torch.nan), torch.full_like(y, torch.nan)
    work = torch.empty(channels, kh * w + h * kw + THREADS, 2, dtype=torch.float64)
    library.run_transfer(channels, *pointers(kernel, lam, work, g), kh, kw, nearest, wide)
    library.run_filter(channels * pairs, *pointers(y, g, out), task)
    assert relative(out, truth) < 3e-6

    spectra, sums = torch.empty(2, channels * shares, h, w, 2)
    dk, dlam = torch.empty_like(kernel), torch.empty_like(lam)
    library.run_gradient(channels * shares, *pointers(grad, y, g, spectra, sums, dy), shares, task)
    library.run_parameters(channels, *pointers(kernel, lam, sums, work, dk, dlam), shares, kh, kw, nearest, wide)
    for got, want in zip((dy, dk, dlam), wanted, strict=True):
        assert relative(got, want) < 1e-5
    only = torch.full_like(dy, torch.nan)
    library.run_gradient(channels * shares, *pointers(grad, None, g, None, None, only), shares, task)
    assert torch.equal(only, dy)


@pytest.mark.parametrize("factor", [1e-30, 1.0, 20.0, 1e6, 1e35, np.inf])
@pytest.mark.parametrize("where", ["y", "grad"])
def test_a_sample_leaves_its_partner_alone(build, factor, where):
    """Two samples share a transform, whose rounding both would share; none is harmed by what the other holds."""
    library, task = build(12, 10), Task(3, 1, 8, 6, 2, 2, PADDING_MODES.index("circular"))
    generator = torch.Generator().manual_seed(3)
    given = {name: torch.randn(3, 1, 8, 6, generator=generator) for name in ("y", "grad")}
    kernel, lam = torch.rand(1, 3, 3, generator=generator), torch.tensor([0.1])
    work, g = torch.empty(1, 12 * 10 + THREADS, 2, dtype=torch.float64), torch.empty(1, 12, 10, 2)
    library.run_transfer(1, *pointers(kernel, lam, work, g), 3, 3, 1, 0)

    def both():
        out, dy = torch.full_like(given["y"], torch.nan), torch.full_like(given["y"], torch.nan)
        spectra, sums = torch.empty(2, 1, 12, 10, 2)
        library.run_filter(2, *pointers(given["y"], g, out), task)
        library.run_gradient(1, *pointers(given["grad"], given["y"], g, spectra, sums, dy), 1, task)
        return out[1:], dy[1:]

    before = both()
    given[where][0] *= factor
    for got, want in zip(both(), before, strict=True):
        assert relative(got, want.double()) < 2e-6


def relative(got, want):
    return float((got.double() - want).norm() / want.norm())


@pytest.mark.parametrize("n", [1, 2, 12, 30, 31, 37 * 2, 80, 81, 136, 168, 169, 270])
def test_places_are_a_permutation_of_frequencies(n):
    if plan.radices(n) is None:
        assert n == 74
        return
    assert int(np.prod(plan.radices(n))) == n
    assert sorted(plan.frequencies(n)) == list(range(n))


def test_what_has_no_kernel_is_not_served():
    assert plan.serves(80, 80, 232448)
    assert plan.serves(168, 168, 232448)
    assert not plan.serves(172, 172, 232448)  # does not fit
    assert not plan.serves(80, 74, 232448)  # 37 is too large a prime
    assert not plan.serves(136, 136, 101376)  # fits a Hopper, not an Ada
