"""The matrix product in place of a 1×1 convolution: the same numbers and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from converse.assembly.conv1x1 import Conv1x1, _as_given, as_product


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 3, 1, 1), (0, 3, 2, 2)])
def test_the_product_is_the_convolution(shape):
    layer = Conv1x1(3, 7).double()
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    leaves = (x, layer.weight, layer.bias)
    sides = [layer(x), as_product(*leaves)]
    torch.testing.assert_close(*sides)
    grads = [torch.autograd.grad(side.square().sum(), leaves) for side in sides]
    torch.testing.assert_close(*grads)


def test_it_is_torchs_layer_to_everyone_else():
    torch.manual_seed(0)
    ours = Conv1x1(3, 7)
    torch.manual_seed(0)
    torchs = nn.Conv2d(3, 7, 1)
    assert isinstance(ours, nn.Conv2d)
    assert ours.state_dict().keys() == torchs.state_dict().keys()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), torchs.parameters(), strict=True))
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(ours(x), torchs(x))


@pytest.fixture
def flags():
    """torch's settings of TF32, put back afterwards: they are no plain attributes."""
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolutions.allow_tf32, products.allow_tf32
    yield convolutions, products
    convolutions.allow_tf32, products.allow_tf32 = before


def test_the_product_stands_in_for_ieee_float32_alone(flags, monkeypatch):
    convolutions, products = flags
    x = torch.ones(1, 3, 4, 4)
    for convolution, product in ((False, False), (True, False), (False, True)):
        convolutions.allow_tf32, products.allow_tf32 = convolution, product
        assert _as_given(x) == (not convolution and not product)
    products.allow_tf32 = False
    assert not _as_given(x.to(memory_format=torch.channels_last)) and not _as_given(x[0])
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda _: True)
    assert not _as_given(x)
