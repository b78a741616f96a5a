"""The compiled upsampler against its formula in float64: on every instruction set, between and beyond whole vectors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from converse.native.library import Library
from converse.native.upsampler import upsample, upsample_backward

# (batch, channels, height, width): the gradient is summed in chunks of 256 columns.
SHAPES = ((1, 1, 1, 1), (3, 2, 1, 7), (2, 5, 6, 17), (1, 3, 2, 255), (1, 2, 2, 256), (2, 1, 3, 263))


def _inputs(shape: tuple[int, ...], scale: int) -> list[Tensor]:
    """y, pattern and the gradient of the output."""
    g = torch.Generator().manual_seed(0)
    b, c, h, w = shape
    sizes = (shape, (1, c, scale, scale), (b, c, h * scale, w * scale))
    return [torch.randn(size, generator=g) for size in sizes]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5])
def test_float32_against_float64(shape: tuple[int, ...], scale: int, level: Library) -> None:
    """A value is one product, rounded once; a sum is bounded by the size of its terms."""
    y, pattern, grad = _inputs(shape, scale)
    y64, pattern64, grad64 = y.double(), pattern.double(), grad.double()
    truth = torch.einsum("bchw,cij->bchiwj", y64, pattern64[0]).reshape(grad.shape)
    assert torch.equal(upsample(level, y, pattern), truth.float())
    blocks = grad64.unflatten(3, (-1, scale)).unflatten(2, (-1, scale))  # (B, C, H, s, W, s)
    dy, dpattern = upsample_backward(level, grad, y, pattern, True, True)
    assert dy is not None and dpattern is not None
    for found, formula, a, b in (
        (dy, "bchiwj,cij->bchw", blocks, pattern64[0]),
        (dpattern[0], "bchiwj,bchw->cij", blocks, y64),
    ):
        error = (found - torch.einsum(formula, a, b)).abs()
        assert (error <= 1e-6 * torch.einsum(formula, a.abs(), b.abs())).all()


@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_only_what_is_asked_for(wanted: tuple[bool, bool], compiled: Library) -> None:
    y, pattern, grad = _inputs((2, 3, 4, 9), 2)
    everything = upsample_backward(compiled, grad, y, pattern, True, True)
    some = upsample_backward(compiled, grad, y, pattern, *wanted)
    for found, expected, want in zip(some, everything, wanted, strict=True):
        assert expected is not None
        assert found is None if not want else found is not None and torch.equal(found, expected)
