"""Bad input is refused in one line that names the argument, what came and what is allowed."""

from __future__ import annotations

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


@pytest.mark.parametrize("prior", ["nearest", "zero"])
def test_a_lambda_that_is_no_number_gives_none(prior: str) -> None:
    """It shows at once, and not as a lambda of zero: in its channel, and in no other."""
    y = torch.randn(2, 2, 6, 5, generator=torch.Generator().manual_seed(0))
    lam = torch.tensor([torch.nan, 0.1]).view(1, 2, 1, 1)
    x = converse2d(y, torch.full((1, 2, 3, 3), 1 / 9), lam, padding=2, x0=prior)
    assert x[:, 0].isnan().all() and x[:, 1].isfinite().all()


def test_a_compiled_graph_checks_sizes_too() -> None:
    layer = Converse2D(2, 3, padding=4)
    compiled = torch.compile(layer, backend="aot_eager", dynamic=True)
    compiled(torch.zeros(1, 2, 8, 8))
    with pytest.raises(ValueError, match="padding: 4 is too large for a map of height 3"):
        compiled(torch.zeros(1, 2, 3, 8))
