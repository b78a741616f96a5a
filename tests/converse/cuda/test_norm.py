"""The source of the norm's CUDA kernels, compiled for the CPU, against autograd in float64."""

from __future__ import annotations

import ctypes

import pytest
import torch
from cuda_on_cpu import compiled, pointers

from converse.assembly.norm import channel_norm
from converse.cuda.norm import Pixels, source

TAIL = """
KERNEL(forward, norm_forward, (x, gain, shift, out, eps, p),
       const float* x, const float* gain, const float* shift, float* out, double eps, Pixels p)
KERNEL(backward, norm_backward, (grad, x, gain, dx, parts, eps, p),
       const float* grad, const float* x, const float* gain, float* dx, float* parts, double eps, Pixels p)
"""
THREADS, BLOCKS, EPS = 3, 2, 1e-5


@pytest.mark.parametrize("channels", [1, 5, 24])
@pytest.mark.parametrize("size", [(2, 4, 5), (1, 1, 1), (3, 7, 2)])
def test_kernels_compute_the_norm_and_its_gradients(tmp_path, channels, size):
    library = compiled(tmp_path, f"norm{channels}", source(channels, THREADS, 1) + TAIL, THREADS)
    b, h, w = size
    generator = torch.Generator().manual_seed(channels)
    x, grad = torch.randn(2, b, channels, h, w, generator=generator)
    gain, shift = torch.randn(2, channels, generator=generator)
    leaves = [t.double().requires_grad_() for t in (x, gain, shift)]
    truth = channel_norm(*leaves, EPS)
    wanted = torch.autograd.grad(truth, leaves, grad.double())

    out, dx, parts = torch.full_like(x, torch.nan), torch.full_like(x, torch.nan), torch.empty(BLOCKS, 2, channels)
    eps, pixels = ctypes.c_double(EPS), Pixels(b, h * w)
    library.run_forward(BLOCKS, *pointers(x, gain, shift, out), eps, pixels)
    library.run_backward(BLOCKS, *pointers(grad, x, gain, dx, parts), eps, pixels)
    scale = float(grad.norm()) + 1
    for got, want in zip((out, dx, *parts.sum(0)), (truth, *wanted), strict=True):
        assert float((got - want).norm()) <= 2e-6 * max(scale, float(want.norm()))
