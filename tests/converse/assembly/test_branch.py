"""Which calls of a block the compiled halves serve, and that all others get the same from torch."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable

import pytest
import torch
from network_cases import assert_same_steps, steps
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from converse import Converse2D, ConverseBlock, build_model
from converse.assembly import branch as branches
from converse.assembly import pointwise
from converse.native.library import Library
from converse.native.serving import on_torch


def _spatial(channels: int) -> nn.Module:
    return nn.Conv2d(channels, channels, 3, padding=1, groups=channels)


def _block(alpha: bool = True, spatial: Callable[[int], nn.Module] = _spatial) -> ConverseBlock:
    torch.manual_seed(0)
    made = ConverseBlock(6, spatial, alpha=alpha)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    return made


def _x(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(2, 6, 9, 11, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, compiled: Library) -> list[str]:
    """Names of the compiled halves, one for each call."""
    seen: list[str] = []
    for name in ("enter", "leave", "enter_backward", "leave_backward"):
        real = getattr(pointwise.block, name)

        def spy(*arguments: object, name: str = name, real: Callable[..., object] = real, **options: object) -> object:
            seen.append(name)
            return real(*arguments, **options)

        monkeypatch.setattr(pointwise.block, name, spy)
    return seen


ALL = ["enter", "leave"] * 2 + ["leave_backward", "enter_backward"] * 2


@pytest.mark.parametrize("alpha", [True, False])
@pytest.mark.parametrize("spatial", [_spatial, lambda c: Converse2D(c, 3)])
def test_gradients_of_a_block(alpha: bool, spatial: Callable[[int], nn.Module], calls: list[str]) -> None:
    """Training and inference alike, for any operator: against the same block in float64."""
    made = _block(alpha, spatial)
    wide, x, grad = copy.deepcopy(made).double(), _x().requires_grad_(), _x()
    leaf = x.detach().double().requires_grad_()
    out, truth = made(x), wide(leaf)
    out.backward(grad)
    assert calls == ALL
    truth.backward(grad.double())
    torch.testing.assert_close(out.double(), truth, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        assert torch.equal(made(x), out)
    assert x.grad is not None and leaf.grad is not None
    torch.testing.assert_close(x.grad.double(), leaf.grad, rtol=1e-5, atol=1e-5)
    for (name, a), b in zip(made.named_parameters(), wide.parameters(), strict=True):
        assert a.grad is not None and b.grad is not None
        limit = 2e-4 if name.startswith("conv1.3") else 1e-5  # lam's gradient is a difference of sums
        assert (a.grad - b.grad).norm() <= limit * (b.grad.norm() + 1), name


def test_parts_that_are_frozen(calls: list[str]) -> None:
    whole, parts = _block(), _block()
    whole(x := _x().requires_grad_()).square().sum().backward()
    for frozen in (["conv1.0.weight", "conv1.0.bias", "conv1.1.weight", "conv1.1.bias"], ["alpha1", "conv2.3.weight"]):
        parts.zero_grad()
        for name, parameter in parts.named_parameters():
            parameter.requires_grad_(name not in frozen)
        parts(_x()).square().sum().backward()
        for (name, a), b in zip(parts.named_parameters(), whole.parameters(), strict=True):
            assert (a.grad is None) == (name in frozen)
            assert name in frozen or torch.equal(a.grad, b.grad), name
    parts.requires_grad_(False)
    parts(y := _x().requires_grad_()).square().sum().backward()
    assert torch.equal(x.grad, y.grad)


def _hooked(made: ConverseBlock) -> None:
    made.conv1[1].register_forward_hook(lambda module, inputs, output: output * 2)


def _parametrised(made: ConverseBlock) -> None:
    torch.nn.utils.parametrizations.weight_norm(made.conv1[1])


def _tanh(made: ConverseBlock) -> None:
    made.conv1[2].approximate = "tanh"


def _own_forward(made: ConverseBlock) -> None:
    made.conv1[0].forward = lambda x: x.flip(1)


def _subclass(made: ConverseBlock) -> None:
    made.conv1[1] = type("Mine", (nn.Conv2d,), {})(6, 12, 1)


def _without_bias(made: ConverseBlock) -> None:
    made.conv1[5].bias = None


@pytest.mark.parametrize("change", [_hooked, _parametrised, _tanh, _own_forward, _subclass, _without_bias])
def test_changed_layers_are_called(change: Callable[[ConverseBlock], None], calls: list[str]) -> None:
    made = _block()
    change(made)
    x = _x()
    middle = x + made.alpha1 * made.conv1(x)
    torch.testing.assert_close(made(x), middle + made.alpha2 * made.conv2(middle))
    assert calls == ["enter", "leave"]  # of the second branch


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1), (2, 1, 1, 1), (1, 6, 9, 11), (1, 1, 9, 11), (6, 9, 1)])
def test_an_alpha_of_another_shape_is_broadcast_by_torch(shape: tuple[int, ...], calls: list[str]) -> None:
    made = _block()
    made.alpha1, made.alpha2 = nn.Parameter(torch.full(shape, 0.5)), nn.Parameter(torch.full(shape, 0.25))
    x = _x()
    middle = x + made.alpha1 * made.conv1(x)
    out = made(x)
    torch.testing.assert_close(out, middle + made.alpha2 * made.conv2(middle))
    out.sum().backward()
    assert not calls and made.alpha1.grad is not None and made.alpha1.grad.shape == shape


def test_an_alpha_without_the_sample_axis_is_served(calls: list[str]) -> None:
    plain, short = _block(), _block()
    for name in ("alpha1", "alpha2"):
        setattr(short, name, nn.Parameter(getattr(plain, name).detach()[0]))
    assert torch.equal(short(_x()), plain(_x())) and len(calls) == 8


CUT = [("conv2.1", "weight", 0), ("conv2.1", "bias", 0), ("conv2.3", "weight", 0), ("conv2.3", "weight", 1)]
CUT += [("conv2.3", "bias", 0), ("conv1.1", "weight", 0), ("conv1.5", "weight", 1), ("conv1.0", "bias", 0)]


@pytest.mark.parametrize(("layer", "name", "axis"), CUT)
def test_parameters_that_do_not_fit_each_other_are_torchs_to_refuse(
    layer: str, name: str, axis: int, calls: list[str]
) -> None:
    """Half a pruning: its error is torch's, and the library does not read what is not there."""
    made = _block()
    module = made.get_submodule(layer)
    setattr(module, name, nn.Parameter(getattr(module, name).detach().narrow(axis, 0, 3).clone()))
    with pytest.raises(RuntimeError, match=r"size|shape|channels"):
        made(_x())


def test_global_hooks_see_every_layer(calls: list[str]) -> None:
    seen: list[nn.Module] = []
    handle = nn.modules.module.register_module_forward_hook(lambda module, *_: seen.append(module))
    try:
        made = _block()
        made(_x())
    finally:
        handle.remove()
    assert made.conv2[0] in seen and not calls


def test_hooks_of_the_operator_change_nothing(calls: list[str]) -> None:
    made, seen = _block(), []
    made.conv1[3].register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    made(_x())
    assert seen == [(2, 12, 9, 11)] and calls == ["enter", "leave"] * 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_torchs(dtype: torch.dtype, calls: list[str]) -> None:
    assert _block().to(dtype)(_x(dtype)).dtype == dtype
    assert not calls


def test_autocast_is_torchs(calls: list[str]) -> None:
    made = _block()
    with torch.autocast("cpu", torch.bfloat16):
        out = made(_x())
    assert not calls
    torch.testing.assert_close(out.float(), made(_x()), rtol=0.1, atol=0.1)


def test_operators_that_return_something_else(calls: list[str]) -> None:
    class Wide(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, :1, :1] * 0.5  # is broadcast

    made = _block(spatial=lambda channels: Wide())
    middle = _x() + made.alpha1 * made.conv1(_x())
    torch.testing.assert_close(made(_x()), middle + made.alpha2 * made.conv2(middle))
    assert calls == ["enter", "enter", "leave"]


def test_higher_derivatives_and_transforms(calls: list[str]) -> None:
    made, x = _block(), _x()
    jacobian = torch.autograd.functional.jacobian
    expected = torch.func.jacrev(lambda t: made(t).sum((2, 3)))(x)
    assert not calls
    for vectorize in (False, True):
        found = jacobian(lambda t: made(t).sum((2, 3)), x, vectorize=vectorize)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    leaf = x.requires_grad_()
    (first,) = torch.autograd.grad(made(leaf).square().sum(), leaf, create_graph=True)
    seconds = torch.autograd.grad(first.square().sum(), [leaf, *made.parameters()])
    wide = copy.deepcopy(made).double()
    deep = x.detach().double().requires_grad_()
    (first,) = torch.autograd.grad(wide(deep).square().sum(), deep, create_graph=True)
    for a, b in zip(seconds, torch.autograd.grad(first.square().sum(), [deep, *wide.parameters()]), strict=True):
        assert (a - b).norm() <= 1e-4 * (b.norm() + 1)


def test_tracers_and_counters_see_torchs_operations(calls: list[str]) -> None:
    made, x = _block().eval(), _x()
    expected = made(x)
    calls.clear()
    traced = torch.jit.trace(made, x, check_trace=False)
    torch.testing.assert_close(traced(x + 1), made(x + 1), rtol=1e-5, atol=1e-5)
    calls.clear()
    with FlopCounterMode(display=False) as counter:
        made(x)
    assert counter.get_total_flops() > 4 * 2 * 6 * 12 * x[:, 0].numel()
    exported = torch.export.export(made, (x,)).module()
    torch.testing.assert_close(exported(x), expected, rtol=1e-5, atol=1e-5)
    assert not calls


@pytest.mark.parametrize("spatial", [_spatial, lambda c: Converse2D(c, 3)])
def test_a_compiler_sees_one_graph(spatial: Callable[[int], nn.Module], calls: list[str]) -> None:
    made, x = _block(spatial=spatial), _x()
    whole = torch.compile(made, fullgraph=True, backend="aot_eager")(x)
    exported = torch.export.export(made, (x,), strict=True).module()
    with on_torch():
        expected = made(x)
    for found in (whole, exported(x)):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not calls


def test_a_graph_of_the_gradient_under_autocast_is_float32(calls: list[str]) -> None:
    made, x = _block(), _x().requires_grad_()
    expected = torch.autograd.grad(made(x).square().sum(), [x, *made.parameters()])
    out = made(x).square().sum()
    with torch.autocast("cpu", torch.bfloat16):
        found = torch.autograd.grad(out, [x, *made.parameters()], create_graph=True)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3 * float(b.abs().max()))


def test_a_graph_of_the_gradient_of_the_residual_alone(calls: list[str]) -> None:
    made, x = _block().requires_grad_(False), _x().requires_grad_()
    y = torch.zeros(2, 12, 9, 11)
    last = made.conv1[-1]
    out = pointwise.leave(branches.serving(x), y, x, last.weight, last.bias, made.alpha1)  # type: ignore[arg-type]
    (grad,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    assert torch.equal(grad, torch.ones_like(x)) and calls == ["leave"]


def test_a_norm_without_eps_is_torchs(calls: list[str]) -> None:
    made = _block()
    made.conv1[0].eps = made.conv2[0].eps = 0
    made(_x()).sum().backward()
    assert not calls and all(p.grad is not None and p.grad.isfinite().all() for p in made.parameters())


@pytest.mark.parametrize("threads", [1, 2])
def test_three_training_steps(threads: int, compiled: Library) -> None:
    """Conv-DnCNN, whose operator is torch's on both sides: what differs is the block."""
    x, runs = torch.rand(2, 1, 20, 19, generator=torch.Generator().manual_seed(1)), []
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        for native in (True, False):
            with contextlib.nullcontext() if native else on_torch():
                runs.append(steps(build_model("conv_dncnn", channels=8, blocks=2, seed=0), x))
    finally:
        torch.set_num_threads(before)
    assert_same_steps(*runs)
