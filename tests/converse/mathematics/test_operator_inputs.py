"""Bad input is refused in one line that names the argument, what came and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from operator_cases import BAD_CALLS, BAD_LAYERS

from converse.mathematics.functional import converse2d
from converse.operators.converse2d import Converse2D

pytestmark = pytest.mark.usefixtures("backend")


@pytest.mark.parametrize("case", BAD_CALLS, ids=[c[0] for c in BAD_CALLS])
def test_function(case: tuple) -> None:
    _, change, error, words = case
    good: dict[str, Any] = {
        "y": torch.zeros(2, 2, 6, 5),
        "kernel": torch.ones(1, 2, 3, 3),
        "lam": 0.1,
        **change,
    }
    with pytest.raises(error) as caught:
        converse2d(good.pop("y"), good.pop("kernel"), good.pop("lam"), **good)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(words[0] + ":")
    for word in words:
        assert word in message


@pytest.mark.parametrize("case", BAD_LAYERS, ids=[str(c[0]) for c in BAD_LAYERS])
def test_layer(case: tuple) -> None:
    change, error, words = case
    with pytest.raises(error) as caught:
        Converse2D(**{"channels": 2, "kernel_size": 3, **change})
    for word in words:
        assert word in str(caught.value)


def test_the_largest_padding_and_kernel_are_served() -> None:
    y = torch.randn(1, 2, 6, 5, generator=torch.Generator().manual_seed(0))
    kernel = torch.rand(1, 2, 16, 15, generator=torch.Generator().manual_seed(0))
    assert converse2d(y, kernel, 0.1, padding=5).isfinite().all()
    assert converse2d(y, kernel[..., :14, :13], 0.1, padding=4, padding_mode="reflect").isfinite().all()


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("prior", ["zero", "bilinear"])
def test_no_sample_gives_none(prior: str, scale: int) -> None:
    y, kernel = torch.rand(0, 2, 4, 4, requires_grad=True), torch.rand(0, 2, 3, 3, requires_grad=True)
    x = converse2d(y, kernel, 0.1, scale=scale, x0=prior)
    assert x.shape == (0, 2, 4 * scale, 4 * scale)
    x.sum().backward()
    assert y.grad is not None and kernel.grad is not None and kernel.grad.shape == kernel.shape


@pytest.mark.parametrize("prior", ["nearest", "zero"])
def test_a_lambda_that_is_no_number_gives_none(prior: str) -> None:
    """It shows at once, and not as a lambda of zero: in its channel, and in no other."""
    y = torch.randn(2, 2, 6, 5, generator=torch.Generator().manual_seed(0))
    lam = torch.tensor([torch.nan, 0.1]).view(1, 2, 1, 1)
    x = converse2d(y, torch.full((1, 2, 3, 3), 1 / 9), lam, padding=2, x0=prior)
    assert x[:, 0].isnan().all() and x[:, 1].isfinite().all()


@pytest.mark.parametrize(("kernel", "scale"), [(3, 1), (2, 2), (3, 2), (3, 3)])
@pytest.mark.parametrize("prior", ["nearest", "zero", "bilinear"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_lambda_below_its_floor_is_the_floor_and_has_no_gradient(
    kernel: int, scale: int, prior: str, dtype: torch.dtype
) -> None:
    """A parameter that crosses zero in training: one function and one gradient, whichever path computes them."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(1, 3, 8, 8, generator=generator, dtype=dtype)
    taps = torch.rand(1, 3, kernel, kernel, generator=generator, dtype=dtype)
    lam = torch.tensor([-1.0, -1e-3, 0.1], dtype=dtype).view(1, 3, 1, 1).requires_grad_()

    def solved(weight: torch.Tensor) -> torch.Tensor:
        return converse2d(y, taps, weight, scale=scale, padding=2, x0=prior)

    floor = torch.tensor([1e-30, 1e-30, 0.1], dtype=dtype).view(1, 3, 1, 1)
    assert torch.equal(solved(lam), solved(floor))
    (first,) = torch.autograd.grad(solved(lam).square().sum(), lam)
    (graph,) = torch.autograd.grad(solved(lam).square().sum(), lam, create_graph=True)
    for gradient in (first.flatten(), graph.detach().flatten()):
        assert gradient[:2].tolist() == [0, 0] and gradient[2] != 0


@pytest.mark.parametrize(("kernel", "scale"), [(3, 1), (2, 2), (3, 2), (3, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_result_is_contiguous_whatever_came(kernel: int, scale: int, dtype: torch.dtype) -> None:
    base = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    taps = torch.rand(1, 3, kernel, kernel, generator=torch.Generator().manual_seed(0))
    strided = base.transpose(0, 1).contiguous().transpose(0, 1)
    for y in (
        strided,
        base.contiguous(memory_format=torch.channels_last),
        base[..., ::2],
        base[:, :, :1].expand(-1, -1, 8, -1),
    ):
        for padding in (0, 1):
            assert converse2d(y, taps, 0.1, scale=scale, padding=padding).is_contiguous()
            asked = torch.autograd.functional.jvp(
                lambda x, p=padding: converse2d(x, taps, 0.1, scale=scale, padding=p), y, y, create_graph=True
            )[0]
            assert asked.is_contiguous()


@pytest.mark.parametrize("make", [torch.Tensor.to_sparse, lambda y: y.to(torch.float8_e5m2)], ids=["sparse", "float8"])
def test_what_no_convolution_takes_is_named(make: Callable[[torch.Tensor], torch.Tensor]) -> None:
    with pytest.raises(TypeError, match=r"^y: expected a "):
        converse2d(make(torch.ones(1, 2, 4, 4)), torch.ones(1, 2, 3, 3), 0.1)


def test_a_compiled_graph_checks_sizes_too() -> None:
    layer = Converse2D(2, 3, padding=4)
    compiled = torch.compile(layer, backend="aot_eager", dynamic=True)
    compiled(torch.zeros(1, 2, 8, 8))
    with pytest.raises(ValueError, match="padding: 4 is too large for a map of height 3"):
        compiled(torch.zeros(1, 2, 3, 8))
