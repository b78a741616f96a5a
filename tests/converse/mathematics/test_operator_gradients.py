"""First and second derivatives by finite differences, for every argument that is a tensor."""

from __future__ import annotations

import itertools

import pytest
import torch
from operator_cases import call, inputs
from torch.autograd import gradcheck, gradgradcheck

from converse import Converse2D
from converse.mathematics.functional import converse2d

pytestmark = pytest.mark.usefixtures("backend")

# (kernel, scale, padding, mode): the FFT, the shifted blocks and the single pattern.
FORMS = (
    ((3, 2), 1, 1, "circular"),
    ((3, 3), 2, 1, "reflect"),
    ((3, 3), 3, 1, "replicate"),
    ((2, 2), 2, 0, "zeros"),
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("x0", ["zero", "nearest", "bicubic", "tensor"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_first_and_second_derivatives(form: tuple, x0: str, per_sample: bool) -> None:
    kernel, scale, padding, mode = form
    leaves, named = inputs(0, size=(3, 2), kernel=kernel, scale=scale, x0=x0, per_sample=per_sample)
    with torch.no_grad():
        leaves[2] += 0.5
    options = {"scale": scale, "padding": padding, "padding_mode": mode, **named}

    def function(*args: torch.Tensor) -> torch.Tensor:
        return call(converse2d, list(args), **options)

    assert gradcheck(function, leaves, fast_mode=True)
    assert gradgradcheck(function, leaves, fast_mode=True)


def test_only_what_is_asked_for() -> None:
    for wanted in itertools.product([False, True], repeat=3):
        if not any(wanted):
            continue
        leaves, _ = inputs(1)
        everything = torch.autograd.grad(converse2d(*leaves).square().sum(), leaves)
        for leaf, want in zip(leaves, wanted, strict=True):
            leaf.requires_grad_(want)
        converse2d(*leaves).square().sum().backward()
        for leaf, want, truth in zip(leaves, wanted, everything, strict=True):
            assert (leaf.grad is not None) == want
            if want:
                torch.testing.assert_close(leaf.grad, truth)


def test_create_graph_with_a_kernel_that_depends_on_the_input() -> None:
    """A gradient penalty through a network that predicts the kernel: no path counts twice."""
    y = torch.randn(2, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y.requires_grad_()

    def loss(y: torch.Tensor) -> torch.Tensor:
        return converse2d(y, y[:, :, :3, :3].tanh(), 0.3).square().sum()

    (plain,) = torch.autograd.grad(loss(y), y)
    (graphed,) = torch.autograd.grad(loss(y), y, create_graph=True)
    torch.testing.assert_close(graphed, plain)
    assert gradgradcheck(loss, [y], fast_mode=True)


def test_batches_and_channels_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    from converse.mathematics import spectral

    y = torch.randn(5, 7, 9, 10, generator=torch.Generator().manual_seed(0)).requires_grad_()
    kernel = torch.rand(1, 7, 3, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
    lam = torch.full((1, 7, 1, 1), 1e-3).requires_grad_()
    for scale in (1, 2):
        results = []
        for work in (1 << 21, 1, 3000):
            monkeypatch.setattr(spectral, "_CPU_WORK", work)
            out = converse2d(y, kernel, lam, scale=scale, padding=2)
            results.append([out, *torch.autograd.grad(out.square().sum(), (y, kernel, lam))])
        for other in results[1:]:
            for a, b in zip(other, results[0], strict=True):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4 * b.abs().max().item())


@pytest.mark.parametrize(("kernel", "scale"), [(3, 1), (3, 2), (2, 2)])
def test_many_gradients_at_once(kernel: int, scale: int, backend: str) -> None:
    """``is_grads_batched``, and the vectorised jacobian that is made of it."""
    layer = Converse2D(2, kernel, scale=scale)
    y = torch.randn(1, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    jacobian = torch.autograd.functional.jacobian
    one_by_one = jacobian(layer, y)
    torch.testing.assert_close(jacobian(layer, y, vectorize=True), one_by_one, rtol=1e-4, atol=1e-5)
    leaf = y.clone().requires_grad_()
    out = layer(leaf)
    grads = torch.eye(out.numel()).view(-1, *out.shape)
    (found,) = torch.autograd.grad(out, leaf, grads, is_grads_batched=True)
    torch.testing.assert_close(found.view(one_by_one.shape), one_by_one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kernel", "scale", "x0"), [((3, 4), 1, "nearest"), ((3, 3), 2, "bicubic"), ((2, 2), 2, "zero")]
)
def test_the_jacobian_of_the_kernel_in_forward_mode(kernel: tuple[int, int], scale: int, x0: str) -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(1, 1, 5, 4, generator=generator, dtype=torch.float64)
    taps = torch.rand(1, 1, *kernel, generator=generator, dtype=torch.float64)

    def solved(k: torch.Tensor) -> torch.Tensor:
        return converse2d(y, k, 0.1, scale=scale, padding=1, x0=x0)

    jacobian = torch.autograd.functional.jacobian
    found = jacobian(solved, taps, vectorize=True, strategy="forward-mode")
    torch.testing.assert_close(found, jacobian(solved, taps))
