"""Where kernels and lambda start."""

from __future__ import annotations

import pytest
import torch

import converse
from converse.mathematics.initial import bias_for


def layer(**options: object) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(0)
    return converse.Converse2D(3, (4, 5), generator=generator, **options)  # type: ignore[arg-type]


def test_a_delta_is_the_identity() -> None:
    y = torch.randn(2, 3, 12, 11, dtype=torch.float64)
    one = layer(init="delta", padding=2).double()
    assert torch.allclose(one(y), y, atol=1e-9), "with X0 = Y nothing is left to explain"


def test_sharpening_is_twice_the_delta_minus_a_softmax() -> None:
    soft, sharp = layer(init="gaussian_softmax").weight, layer(init="sharpening").weight
    delta = layer(init="delta").weight
    assert torch.allclose(sharp, 2 * delta - soft)
    assert torch.allclose(sharp.sum((2, 3)), torch.ones(1, 3)) and int(delta[0, 0].argmax()) == 2 * 5 + 2


@pytest.mark.parametrize("start", [1e-4, 1e-2, 0.27, 0.7, 0.95])
@pytest.mark.parametrize("lam", ["per_channel", "shared"])
def test_lambda_starts_where_it_is_told(start: float, lam: str) -> None:
    assert torch.allclose(layer(lam=lam, lam_start=start).lam, torch.tensor(start), rtol=1e-5)


def test_without_a_start_b_is_zero() -> None:
    assert torch.equal(layer().bias, torch.zeros(1, 3, 1, 1))
    assert bias_for(float(torch.sigmoid(torch.tensor(-9.0, dtype=torch.float64))) + 1e-5, 1e-5) == pytest.approx(0)


@pytest.mark.parametrize("start", [1e-5, 1.5, 1.0 + 1e-5])
def test_a_start_out_of_range_says_the_range(start: float) -> None:
    with pytest.raises(ValueError, match="lam_start must be between eps = 1e-05 and 1"):
        layer(lam_start=start)
    with pytest.raises(ValueError, match="lam_start is for a learnable lam"):
        layer(lam=0.1, lam_start=0.2)
