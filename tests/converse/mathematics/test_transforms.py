"""The prime-factor transforms against torch's FFT, and the operator on the lengths that use them."""

from __future__ import annotations

import pytest
import torch
from operator_cases import inputs, lam_rounding, relative
from torch import Tensor

from converse import Converse2D
from converse.algorithm1 import algorithm1
from converse.mathematics import transforms
from converse.mathematics.folded import folded_order
from converse.mathematics.functional import converse2d
from converse.mathematics.transforms import Grid, split
from converse.reference import reference

CPU = torch.device("cpu")
# Both axes, either one, neither; first factors 1, 2, 3, 4 and others; a prime, even and odd lengths.
SIZES = ((37, 37), (74, 46), (46, 69), (268, 82), (333, 20), (20, 333), (493, 148), (253, 31), (24, 25))


def grid(height: int, width: int, dtype: torch.dtype = torch.float64) -> Grid:
    """As for many maps."""
    return Grid.of(height, width, 1 << 20, CPU, dtype)


@pytest.fixture
def small_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transforms of this module however few the samples are."""
    monkeypatch.setattr(transforms, "LEAST_SAMPLES", 0)


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (268, (4, 67)),
        (524, (4, 131)),
        (333, (9, 37)),
        (493, (17, 29)),
        (37, (1, 37)),
        (270, None),  # smooth
        (272, None),  # 16 * 17, which MKL is fast at
        (488, None),  # 8 * 61, even with a large cofactor
        (1369, None),  # 37 * 37: not coprime
        (521, None),  # a prime above the bound
        (43 * 47, None),  # the cofactor above the bound
        (1, None),
        (2, None),
    ],
)
def test_which_lengths_are_served(n: int, expected: tuple[int, int] | None) -> None:
    assert split(n) == expected


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8])
def test_folded_order_pairs_each_sample_with_its_mirror_image(length: int) -> None:
    order = folded_order(length).tolist()
    assert sorted(order) == list(range(length))
    fixed = 2 - length % 2 if length > 1 else 1
    half = (length - fixed) // 2
    for plus, minus in zip(order[fixed : fixed + half], order[fixed + half :], strict=True):
        assert (plus + minus) % length == 0


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_half_spectra_are_those_of_the_fft(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for dtype, limit in ((torch.float64, 1e-14), (torch.float32, 1e-6)):
        g = grid(*size, dtype)
        assert g.rows is None or size != (24, 25)
        full = torch.fft.fft2(x)
        truth = (full.mT if g.transposed else full)[:, :, g.frequencies[0]][..., g.frequencies[1]]
        z = g.forward(x.to(dtype))
        assert z.dtype == dtype.to_complex() and z.is_contiguous()
        assert relative(torch.view_as_real(z), torch.view_as_real(truth)) < limit
        assert relative(g.inverse(z), x) < limit


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_weights_count_every_frequency_once(size: tuple[int, int]) -> None:
    g = grid(*size)
    full, half = g.frequencies
    assert sorted(full.tolist()) == list(range(size[1 if g.transposed else 0]))
    n = size[0 if g.transposed else 1]
    assert g.half_weights.sum() == n
    weight = torch.zeros(n)
    for u, w in zip(half.tolist(), g.half_weights.tolist(), strict=True):
        weight[u] += w / 2
        weight[-u % n] += w / 2
    assert torch.equal(weight, torch.ones(n))


def test_input_of_the_forward_transform_is_left_alone() -> None:
    for size in SIZES:
        x = torch.randn(2, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        kept = x.clone()
        grid(*size).forward(x)
        assert torch.equal(x, kept)


def _results(function: object, leaves: list[Tensor], **options: object) -> list[Tensor]:
    out = function(*leaves, **options)  # type: ignore[operator]
    return [out, *torch.autograd.grad(out, leaves, _cotangent(out))]


def _cotangent(out: Tensor) -> Tensor:
    return torch.randn(out.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).to(out.dtype)


@pytest.mark.usefixtures("small_maps")
@pytest.mark.parametrize("size", [(19, 25), (25, 19), (19, 12), (12, 19)], ids=str)
def test_operator_agrees_with_the_spatial_solve(size: tuple[int, int]) -> None:
    """Maps of 12 to 25 padded by 2: 23 and 29 are served, 16 is not."""
    for scale, kernel, padding_mode in ((1, (5, 3), "circular"), (1, (3, 4), "reflect"), (2, (5, 3), "zeros")):
        leaves, _ = inputs(5, size=size, kernel=kernel)
        options = {"scale": scale, "padding": 2, "padding_mode": padding_mode}
        if scale == 2:
            truth = _results(algorithm1, leaves, **options)
            limits = (1e-9, 1e-9, 1e-9, 1e-7)
        else:
            truth = _results(reference, leaves, **options)
            limits = (1e-9,) * 4
        for fast, exact, limit in zip(_results(converse2d, leaves, **options), truth, limits, strict=True):
            assert relative(fast, exact) < limit, (scale, kernel, padding_mode)


@pytest.mark.parametrize("size", [(256, 256), (321, 481), (250, 321)], ids=str)
def test_operator_on_images_agrees_with_float64(size: tuple[int, int]) -> None:
    """The sizes that this is for, in float32; the limits are those of every size."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(1, 3, *size, generator=generator)
    layer = Converse2D(3, 7, padding=6, generator=generator)
    leaves = [y, layer.weight.detach(), torch.full((1, 3, 1, 1), 1.33e-4)]
    fast, exact = (
        _results(function, [t.to(dtype).requires_grad_() for t in leaves], padding=6)
        for function, dtype in ((converse2d, torch.float32), (algorithm1, torch.float64))
    )
    for name, a, b, limit in zip(("out", "dy", "dK"), fast, exact, (2e-6, 2e-6, 5e-6), strict=False):
        assert relative(a, b) < limit, name
    missed = (fast[3].double() - exact[3]).abs().flatten()
    assert (missed <= lam_rounding(converse2d, leaves, _cotangent(fast[0]), padding=6)).all()


@pytest.mark.usefixtures("small_maps")
def test_chunks_and_a_graph_of_the_gradient_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from converse.mathematics import spectral

    leaves, _ = inputs(1, size=(19, 25))
    plain = _results(converse2d, leaves, padding=2)
    monkeypatch.setattr(spectral, "_CPU_WORK", 1)
    for a, b in zip(_results(converse2d, leaves, padding=2), plain, strict=True):
        torch.testing.assert_close(a, b)
    out = converse2d(*leaves, padding=2).square().sum()
    graphed = torch.autograd.grad(out, leaves, create_graph=True)
    for a, b in zip(graphed, torch.autograd.grad(converse2d(*leaves, padding=2).square().sum(), leaves), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.usefixtures("small_maps", "by_torch")
@pytest.mark.parametrize("scale", [1, 2])
def test_frozen_layers_use_the_same_order_of_frequencies(scale: int) -> None:
    generator = torch.Generator().manual_seed(0)
    layer = Converse2D(2, 5, scale=scale, padding=2, generator=generator).eval()
    y = torch.randn(2, 2, 19, 25, generator=generator)
    with torch.no_grad():
        free = layer(y)
        layer.freeze((19, 25))
        torch.testing.assert_close(layer(y), free, rtol=0, atol=2e-6 * free.abs().max().item())


def test_few_samples_are_left_to_the_fft() -> None:
    assert Grid.of(37, 37, 1, CPU, torch.float32).rows is None
    assert Grid.of(37, 37, 64, CPU, torch.float32).rows is not None
    assert Grid.of(37, 37, 64, torch.device("meta"), torch.float32).rows is None
