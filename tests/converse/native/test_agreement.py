"""The compiled operator against the torch path and float64: on every instruction set, in every surrounding."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from network_cases import assert_same_steps, steps
from operator_cases import relative
from torch import Tensor

from converse import build_model
from converse.calls.setting import PADDING_MODES, Setting
from converse.mathematics import spectral
from converse.mathematics.functional import converse2d
from converse.native import serving
from converse.native.library import Library
from converse.native.operator import solve, solve_backward

# (batch, channels, height, width), (kernel), padding: many small maps and few large ones, tiny ones, odd ones, primes
# below and above where Rader's algorithm begins, their products and squares.
SHAPES = (
    ((1, 1, 1, 1), (1, 1), (0, 0)),
    ((3, 2, 1, 2), (3, 3), (1, 1)),
    ((2, 3, 5, 3), (5, 4), (2, 2)),
    ((5, 17, 13, 8), (3, 4), (3, 3)),
    ((4, 8, 40, 40), (5, 5), (4, 4)),
    ((2, 9, 31, 67), (2, 6), (1, 0)),
    ((1, 2, 107, 34), (7, 1), (0, 3)),
    ((1, 3, 127, 178), (5, 5), (2, 0)),
    ((1, 1, 289, 521), (3, 3), (0, 0)),
    ((7, 1, 24, 25), (5, 5), (4, 4)),
)
# A large map, a long row of prime length, very many channels, very many images.
HUGE = (
    ((1, 1, 1201, 1300), (7, 7), (6, 6)),
    ((1, 2, 1, 5003), (1, 9), (0, 0)),
    ((1, 30011, 3, 2), (2, 2), (1, 1)),
    ((30011, 2, 2, 3), (2, 2), (1, 1)),
)


def _inputs(shape: tuple[int, ...], taps: tuple[int, int], scale: int, seed: int = 0) -> list[Tensor]:
    g = torch.Generator().manual_seed(seed)
    b, c, h, w = shape
    kernel = torch.randn(c, taps[0] * taps[1], generator=g).softmax(1).view(c, *taps)
    lam = 1e-3 + torch.rand(c, generator=g)
    return [torch.randn(shape, generator=g), kernel, lam, torch.randn(b, c, h * scale, w * scale, generator=g)]


def _torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "load", lambda: "switched off by a test")


def _check(library: Library, inputs: list[Tensor], setting: Setting) -> None:
    """Value and gradients, relative to their size; dK and dlam to that of the terms that they are sums of."""
    y, kernel, lam, grad = inputs
    found = [solve(library, y, kernel, lam, setting)]
    found += solve_backward(library, grad, y, kernel, lam, True, True, setting)
    wide = [t.double() for t in inputs]
    truth = [spectral.solution(*wide[:3], setting)]
    truth += spectral.gradients(wide[3], *wide[:3], True, True, setting)
    size = grad.double().norm() * truth[0].norm()
    for name, a, b in zip(("out", "dy", "dK", "dlam"), found, truth, strict=True):
        if name in ("out", "dy"):
            assert relative(a, b) < 1e-6, (name, setting)
        else:
            assert (a.double() - b).norm() < 2e-6 * (b.norm() + size), (name, setting)


@pytest.mark.parametrize("case", SHAPES, ids=[str(c[0]) for c in SHAPES])
def test_float32_against_float64(case: tuple, level: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    _torch(monkeypatch)
    shape, taps, padding = case
    for scale, mode, prior in itertools.product((1, 2, 3), PADDING_MODES, ("nearest", "zero")):
        room = {"circular": min(shape[2:]), "reflect": min(shape[2:]) - 1}.get(mode, 9)
        if max(padding) > room or any(
            k > (n + 2 * p) * scale for k, n, p in zip(taps, shape[2:], padding, strict=True)
        ):
            continue
        if max(taps) <= scale or (scale > 1 and shape[2] > 100):
            continue
        _check(level, _inputs(shape, taps, scale), Setting(scale, padding, mode, prior))


@pytest.mark.parametrize("case", HUGE, ids=str)
def test_huge_shapes(case: tuple, compiled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    _torch(monkeypatch)
    shape, taps, padding = case
    _check(compiled, _inputs(shape, taps, 1), Setting(1, padding))


@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_only_what_is_asked_for(wanted: tuple[bool, bool], compiled: Library) -> None:
    for scale in (1, 2):
        y, kernel, lam, grad = _inputs((2, 3, 9, 8), (3, 3), scale)
        setting = Setting(scale, (1, 1))
        everything = solve_backward(compiled, grad, y, kernel, lam, True, True, setting)
        some = solve_backward(compiled, grad, y, kernel, lam, *wanted, setting)
        for a, b, want in zip(some, everything, (wanted[0], wanted[1], wanted[1]), strict=True):
            assert torch.equal(a, b) if want else a.numel() == 0


def test_the_number_of_threads_changes_nothing(compiled: Library) -> None:
    before = torch.get_num_threads()
    for shape in ((6, 20, 24, 24), (9, 2, 31, 30)):
        y, kernel, lam, grad = _inputs(shape, (5, 5), 1)
        results = []
        try:
            for threads in (1, 2, 3):
                torch.set_num_threads(threads)
                setting = Setting(1, (4, 4))
                out = solve(compiled, y, kernel, lam, setting)
                results.append([out, *solve_backward(compiled, grad, y, kernel, lam, True, True, setting)])
        finally:
            torch.set_num_threads(before)
        for other in results[1:]:
            assert all(torch.equal(a, b) for a, b in zip(other, results[0], strict=True))


def test_eight_python_threads_at_once(compiled: Library) -> None:
    cases = [_inputs((2, 5, 20 + n, 17 + 3 * n), (5, 5), 1, seed=n) for n in range(8)]

    def work(case: list[Tensor]) -> Tensor:
        return solve(compiled, *case[:3], Setting(1, (4, 4)))

    alone = [work(case) for case in cases]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert all(torch.equal(a, b) for a, b in zip(pool.map(work, cases), alone, strict=True))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_stays_in_its_map(value: float, compiled: Library) -> None:
    for shape in ((5, 9, 4, 5), (5, 9, 20, 21)):
        y, kernel, lam, grad = _inputs(shape, (3, 3), 1)
        y[1, 2, 3, 3] = value
        setting = Setting(1, (1, 1))
        out = solve(compiled, y, kernel, lam, setting)
        _, dkernel, dlam = solve_backward(compiled, grad, y, kernel, lam, True, True, setting)
        bad = torch.zeros(5, 9, dtype=torch.bool)
        bad[1, 2] = True
        assert torch.equal(~out.isfinite().all(3).all(2), bad)
        assert torch.equal(~dkernel.isfinite().all(2).all(1), bad.any(0))
        assert torch.equal(~dlam.isfinite(), bad.any(0))


def test_unaligned_and_offset_storage(compiled: Library) -> None:
    y, kernel, lam, grad = _inputs((2, 3, 9, 11), (3, 3), 1)
    truth = solve(compiled, y, kernel, lam, Setting(1, (2, 2)))
    for offset in (1, 2, 3):
        shifted = torch.empty(y.numel() + 8)[offset : offset + y.numel()].view_as(y).copy_(y)
        assert torch.equal(solve(compiled, shifted, kernel, lam, Setting(1, (2, 2))), truth)
    bounded = torch.full((y.numel() + 64,), 7.0)
    inside = bounded[32 : 32 + y.numel()].view_as(y).copy_(grad)
    solve_backward(compiled, inside, y, kernel, lam, True, True, Setting(1, (2, 2)))
    assert (bounded[:32] == 7).all() and (bounded[-32:] == 7).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_rounded_as_torch_rounds(dtype: torch.dtype, compiled: Library) -> None:
    numbers = torch.cat((torch.logspace(-9, 5, 4000), torch.tensor([0.0, 65504.0, 65519.9, 65520.0, 6e-8, 2.9e-8])))
    wide = torch.cat((numbers, -numbers)).view(1, -1, 1, 1)
    kernel, lam = torch.zeros(wide.numel(), 1, 1), torch.ones(wide.numel())  # a kernel of zero leaves X0 = y
    narrow = wide.to(dtype)
    out = solve(compiled, narrow, kernel, lam, Setting())
    assert torch.equal(out[narrow.isfinite()], narrow[narrow.isfinite()])
    assert not out[~narrow.isfinite()].isfinite().any()
    grad = torch.rand(narrow.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert torch.equal(solve_backward(compiled, grad, narrow, kernel, lam, True, False, Setting())[0], grad)
    kernel += 0.37  # and another one gives numbers that must be rounded
    rounded = solve(compiled, narrow.float(), kernel, lam, Setting()).to(dtype)
    assert torch.equal(solve(compiled, narrow, kernel, lam, Setting()).nan_to_num(), rounded.nan_to_num())


def test_three_training_steps_agree_with_torch(compiled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Float32, on both backends: golden runs are in float64, which torch computes, and would not see the library."""
    x, runs = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(1)), []
    for name in ("torch", "native"):
        monkeypatch.setattr(serving, "load", lambda name=name: compiled if name == "native" else "off")
        runs.append(steps(build_model("converse_dncnn", channels=8, blocks=2, seed=0), x))
    assert_same_steps(*runs)


def test_double_backward_and_float64_take_the_torch_path(compiled: Library) -> None:
    y, kernel, lam, _ = _inputs((1, 2, 6, 5), (3, 3), 1)
    leaf = y.requires_grad_()
    out = converse2d(leaf, kernel[None], lam.view(1, -1, 1, 1))
    (first,) = torch.autograd.grad(out.square().sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), leaf)
    assert second.isfinite().all() and second.abs().max() > 0
    assert serving.refusal(y.detach().double()) == "torch.float64 is computed by torch"
