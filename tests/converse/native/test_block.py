"""The compiled halves of a block against float64 and the torch path: on every instruction set, in every surrounding."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from operator_cases import relative
from torch import Tensor

from converse.assembly.norm import channel_norm
from converse.native.block import enter, enter_backward, leave, leave_backward
from converse.native.library import Library

EPS = 1e-5
# (batch, channels, height, width), hidden width: one pixel, less than a strip, strips and a rest, widths below, at and
# between whole vectors, hidden widths that are no multiple of anything.
SHAPES = (
    ((1, 1, 1, 1), 2),
    ((3, 3, 1, 7), 6),
    ((2, 5, 9, 11), 13),
    ((4, 16, 20, 20), 32),
    ((2, 24, 13, 31), 48),
    ((1, 31, 17, 17), 62),
    ((1, 64, 24, 24), 128),
    ((5, 8, 8, 12), 8),
    ((1, 128, 5, 39), 256),
)
# A large map, very many channels, very many images. Not with few channels: among many pixels there is then one whose
# channels are nearly equal, and the norm's gradient magnifies all rounding there.
HUGE = (((1, 8, 511, 401), 9), ((1, 1500, 2, 3), 1700), ((5003, 8, 1, 3), 5))


def _enter_inputs(shape: tuple[int, ...], hidden: int, seed: int = 0) -> list[Tensor]:
    """x, gain, shift, weight, bias and the gradient of the output."""
    g = torch.Generator().manual_seed(seed)
    (b, c, h, w), size = shape, (hidden, shape[1], 1, 1)
    x = 0.5 + 2 * torch.randn(shape, generator=g)
    norm = [0.5 + torch.rand(c, generator=g), 0.3 * torch.randn(c, generator=g)]
    conv = [torch.randn(size, generator=g) / c**0.5, 0.3 * torch.randn(hidden, generator=g)]
    return [x, *norm, *conv, torch.randn(b, hidden, h, w, generator=g)]


def _leave_inputs(shape: tuple[int, ...], hidden: int, alpha: bool, seed: int = 0) -> list[Tensor | None]:
    """y, x, weight, bias, alpha and the gradient of the output."""
    g = torch.Generator().manual_seed(seed)
    b, c, h, w = shape
    maps = [2 * torch.randn(b, hidden, h, w, generator=g), torch.randn(shape, generator=g)]
    conv = [torch.randn(c, hidden, 1, 1, generator=g) / hidden**0.5, torch.randn(c, generator=g)]
    factor = torch.randn(1, c, 1, 1, generator=g) if alpha else None
    return [*maps, *conv, factor, torch.randn(shape, generator=g)]


def _enter(x: Tensor, gain: Tensor, shift: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.gelu(F.conv2d(channel_norm(x, gain, shift, EPS), weight, bias))


def _enter_only(x: Tensor, gain: Tensor, shift: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(channel_norm(x, gain, shift, EPS), weight, bias)


def _leave(y: Tensor, x: Tensor, weight: Tensor, bias: Tensor, alpha: Tensor | None) -> Tensor:
    out = F.conv2d(F.gelu(y), weight, bias)
    return x + (out if alpha is None else alpha * out)


def _by_torch(formula: Callable[..., Tensor], inputs: list[Tensor | None], dtype: torch.dtype) -> list[Tensor]:
    """Value and gradients for all that is given, in this precision."""
    *leaves, grad = [None if t is None else t.to(dtype, copy=True) for t in inputs]
    given = [t.requires_grad_() for t in leaves if t is not None]
    out = formula(*leaves)
    return [out.detach(), *torch.autograd.grad(out, given, grad)]


def _native_enter(library: Library, inputs: list[Tensor], activates: bool) -> list[Tensor]:
    *given, grad = inputs
    out, slope = enter(library, *given, EPS, activates, True)
    x, gain, shift, weight, _ = given
    return [out, *enter_backward(library, grad, x, slope, gain, shift, weight, EPS, True, True)]


def _native_leave(library: Library, inputs: list[Tensor | None]) -> list[Tensor]:
    y, x, weight, bias, alpha, grad = inputs
    dy, *parameters = leave_backward(library, grad, y, weight, bias, alpha, True, True)
    return [leave(library, y, x, weight, bias, alpha), dy, grad, *(t for t in parameters if t is not None)]


ENTER = ("out", "dx", "dgain", "dshift", "dweight", "dbias")
LEAVE = ("out", "dy", "dx", "dweight", "dbias", "dalpha")


def _errors(found: list[Tensor], truth: list[Tensor]) -> list[float]:
    assert [t.shape for t in found] == [t.shape for t in truth]
    return [relative(a, b) for a, b in zip(found, truth, strict=True)]


@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_float32_against_float64(case: tuple, level: Library) -> None:
    """Relative errors, bounded by what sums of this length round off."""
    shape, hidden = case
    for seed in range(3):
        for activates, formula in ((True, _enter), (False, _enter_only)):
            inputs = _enter_inputs(shape, hidden, seed)
            truth = _by_torch(formula, inputs, torch.float64)
            for name, error in zip(ENTER, _errors(_native_enter(level, inputs, activates), truth), strict=True):
                # With one channel norm(x) is zero, and so are dx and dgain: what is left is rounding.
                assert error < 3e-6 or (shape[1] == 1 and name in ("dx", "dgain")), (name, activates, error)
        for alpha in (True, False):
            given = _leave_inputs(shape, hidden, alpha, seed)
            errors = _errors(_native_leave(level, given), _by_torch(_leave, given, torch.float64))
            assert max(errors) < 3e-6, (alpha, errors)


@pytest.mark.parametrize("case", HUGE, ids=str)
def test_huge_shapes(case: tuple, compiled: Library) -> None:
    shape, hidden = case
    entered, left = _enter_inputs(shape, hidden), _leave_inputs(shape, hidden, True)
    assert max(_errors(_native_enter(compiled, entered, True), _by_torch(_enter, entered, torch.float64))) < 3e-6
    assert max(_errors(_native_leave(compiled, left), _by_torch(_leave, left, torch.float64))) < 3e-6


def test_no_less_exact_than_torch(level: Library) -> None:
    """Errors against float64, root mean squares over shapes and seeds; half as much again for chance and processors."""
    squares: dict[str, list[float]] = {}
    for (shape, hidden), seed in ((c, s) for c in SHAPES[3:7] for s in range(4)):
        entered, left = _enter_inputs(shape, hidden, seed), _leave_inputs(shape, hidden, True, seed)
        for half, names, formula, inputs, found in (
            ("enter", ENTER, _enter, entered, _native_enter(level, entered, True)),
            ("leave", LEAVE, _leave, left, _native_leave(level, left)),
        ):
            truth = _by_torch(formula, inputs, torch.float64)
            ours, theirs = _errors(found, truth), _errors(_by_torch(formula, inputs, torch.float32), truth)
            for name, a, b in zip(names, ours, theirs, strict=True):
                total = squares.setdefault(f"{half} {name}", [0.0, 0.0])
                total[0], total[1] = total[0] + a * a, total[1] + b * b
    worse = {name: (a**0.5, b**0.5) for name, (a, b) in squares.items() if a > 2.25 * b}
    assert not worse


def test_gelu_and_its_derivative(level: Library) -> None:
    """Over its whole range, tails and signs included; torch's own: 2.8e-7 |x| and 1.9e-7."""
    x = torch.cat((torch.linspace(-14, 14, 20001), torch.logspace(-30, 30, 500), -torch.logspace(-30, 30, 500)))
    y, one, zero = x.view(1, 1, 1, -1), torch.ones(1, 1, 1, 1), torch.zeros(1)
    out = leave(level, y, torch.zeros_like(y), one, zero, None)
    slope = leave_backward(level, torch.ones_like(y), y, one, zero, None, True, False)[0]
    assert slope is not None
    truth, slope_truth = _by_torch(F.gelu, [y, torch.ones_like(y)], torch.float64)
    size = y.double().abs().clamp_min(1e-30)
    assert ((out - truth).abs() / size).max() < 2.5e-7
    assert (slope - slope_truth).abs().max() < 2.5e-7
    exact = x.double() * torch.special.erfc(-x.double() / 2**0.5) / 2  # float64 GELU cancels in its tail
    normal = exact.abs() > 1e-35
    assert ((out.flatten() - exact).abs() / exact.abs())[normal].max() < 1e-5  # t^2 / 2 is rounded before exp


@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_only_what_is_asked_for(wanted: tuple[bool, bool], compiled: Library) -> None:
    x, gain, shift, weight, bias, grad = _enter_inputs((2, 6, 9, 13), 12)
    slope = enter(compiled, x, gain, shift, weight, bias, EPS, True, True)[1]
    arguments = (compiled, grad, x, slope, gain, shift, weight, EPS)
    y, _, back, end, alpha, grad_x = _leave_inputs((2, 6, 9, 13), 12, True)
    for function, given in ((enter_backward, arguments), (leave_backward, (compiled, grad_x, y, back, end, alpha))):
        everything, some = function(*given, True, True), function(*given, *wanted)
        for place, (a, b) in enumerate(zip(some, everything, strict=True)):
            assert torch.equal(a, b) if wanted[place > 0] else a is None


def test_the_number_of_threads_changes_nothing(compiled: Library) -> None:
    before = torch.get_num_threads()
    entered, left = _enter_inputs((6, 20, 24, 25), 40), _leave_inputs((6, 20, 24, 25), 40, True)
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(_native_enter(compiled, entered, True) + _native_leave(compiled, left))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(other, results[0], strict=True))


def test_eight_python_threads_at_once(compiled: Library) -> None:
    cases = [(_enter_inputs(s, 16, n), _leave_inputs(s, 16, True, n)) for n in range(8) for s in [(2, 8, 9 + n, 30)]]

    def work(case: tuple[list[Tensor], list[Tensor | None]]) -> list[Tensor]:
        return _native_enter(compiled, case[0], True) + _native_leave(compiled, case[1])

    alone = [work(case) for case in cases]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for found, expected in zip(pool.map(work, cases), alone, strict=True):
                assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_stays_in_its_pixel(value: float, level: Library) -> None:
    for place in ((1, 2, 3, 4), (0, 0, 0, 0), (1, 4, 10, 12)):
        entered, left = _enter_inputs((2, 5, 11, 13), 10), _leave_inputs((2, 5, 11, 13), 10, True)
        entered[0][place] = value
        assert left[0] is not None
        left[0][place] = value
        bad = torch.zeros(2, 11, 13, dtype=torch.bool)
        bad[place[0], *place[2:]] = True
        out, dx, *parameters = _native_enter(level, entered, True)
        assert all(torch.equal(~t.isfinite().all(1), bad) and not t.isfinite()[:, :, *place[2:]][place[0]].any()
                   for t in (out, dx))  # fmt: skip
        assert not parameters[2].isfinite().any()
        out, dy, *_ = _native_leave(level, left)
        assert torch.equal(~out.isfinite().any(1), bad)
        assert torch.equal(~dy.isfinite().all(1), bad)


def test_unaligned_offset_and_strided_storage(compiled: Library) -> None:
    entered, left = _enter_inputs((2, 6, 9, 11), 12), _leave_inputs((2, 6, 9, 11), 12, True)
    truth = _native_enter(compiled, entered, True) + _native_leave(compiled, left)
    changes: list[Callable[[Tensor], Tensor]] = [
        lambda t: torch.empty(t.numel() + 8)[3 : 3 + t.numel()].view_as(t).copy_(t),
        lambda t: t.to(memory_format=torch.channels_last) if t.dim() == 4 else t,
        lambda t: torch.stack((t, t), -1)[..., 0],
        lambda t: t.flip(-1).flip(-1) if t.dim() == 1 else t.transpose(2, 3).contiguous().transpose(2, 3),
    ]
    for change in changes:
        moved = [[None if t is None else change(t) for t in case] for case in (entered, left)]
        found = _native_enter(compiled, moved[0], True) + _native_leave(compiled, moved[1])  # type: ignore[arg-type]
        assert all(torch.equal(a, b) for a, b in zip(found, truth, strict=True))
        assert all(t.is_contiguous() for t in found[:2])
