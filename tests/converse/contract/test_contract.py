"""What every registered operator promises, a plugin's included (``cases.py`` lists them)."""

from __future__ import annotations

import copy
import inspect
import math

import pytest
import torch
from cases import CASES, CHANNELS, DEFAULT, OPERATORS, USABLE, Case
from torch import Tensor, nn

from converse.assembly.contract import problem
from converse.declarations.operator_info import OperatorInfo
from converse.declarations.registry import load_operator

C, H, W = CHANNELS, 9, 8


def build(case: Case, **options: object) -> nn.Module:
    """The operator of a case, or a skip with the operator's own reason."""
    cls = load_operator(case.info)
    settings = {"scale": case.scale, "padding_mode": case.padding_mode, **options}
    if hasattr(cls, "skip"):
        reason = cls.skip(C, case.kernel_size, **settings)
        assert reason is None or (isinstance(reason, str) and reason and "\n" not in reason)
        if reason:
            pytest.skip(f"{case}: {reason}")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(7)
        return cls(C, case.kernel_size, **settings)


def maps(batch: int = 2, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, C, H, W, generator=generator, dtype=torch.float64).to(dtype)


def out_shape(case: Case, batch: int = 2) -> tuple[int, ...]:
    return (batch, C, H * case.scale, W * case.scale)


def test_every_operator_is_usable_and_covered() -> None:
    assert {case.info.name for case in DEFAULT} == {info.name for info in USABLE}
    assert not [info.error for info in OPERATORS.values() if info.error]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shape_dtype_finite_and_input_untouched(case: Case) -> None:
    operator, y = build(case), maps()
    before = y.clone()
    x = operator(y)
    assert x.shape == out_shape(case) and x.dtype == y.dtype
    assert torch.isfinite(x).all()
    assert torch.equal(y, before)
    assert torch.equal(operator(y), x), "not deterministic"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_float32_agrees_with_float64(case: Case) -> None:
    operator = build(case)
    x = operator(maps())
    exact = copy.deepcopy(operator).double()(maps(dtype=torch.float64))
    assert exact.dtype == torch.float64
    # Algorithm 1 is known to lose up to 2e-4 with softmax kernels (operator.md); others 1e-5.
    bound = 1e-3 if case.info.name == "algorithm1" else 1e-5
    assert (x - exact).norm() <= bound * exact.norm()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_samples_are_independent(case: Case) -> None:
    operator, y = build(case), maps(3)
    one_by_one = torch.cat([operator(sample) for sample in y.split(1)])
    torch.testing.assert_close(operator(y), one_by_one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_memory_layout_does_not_matter(case: Case) -> None:
    operator, y = build(case), maps()
    want = operator(y)
    strided = torch.stack((y, -y), dim=-1)[..., 0]
    for other in (y.contiguous(memory_format=torch.channels_last), strided):
        torch.testing.assert_close(operator(other), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_empty_batch(case: Case) -> None:
    assert build(case)(maps(0)).shape == out_shape(case, 0)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_meta_device_gives_the_shape(case: Case) -> None:
    operator = build(case).to("meta")
    assert operator(torch.empty(2, C, H, W, device="meta")).shape == out_shape(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_parameter_gets_a_finite_gradient(case: Case) -> None:
    operator, y = build(case), maps().requires_grad_()
    weights = maps(1, seed=1).sum() * torch.arange(1, math.prod(out_shape(case)) + 1)
    (operator(y).flatten() * torch.sin(weights)).sum().backward()
    assert y.grad is not None and torch.isfinite(y.grad).all() and y.grad.abs().sum() > 0
    gradients = {name: p.grad for name, p in operator.named_parameters()}
    assert all(g is not None and torch.isfinite(g).all() for g in gradients.values()), gradients
    if case.info.trains and case.kernel_size != 1:
        assert any(g is not None and g.abs().sum() > 0 for g in gradients.values())


@pytest.mark.parametrize("case", DEFAULT, ids=str)
def test_gradients_are_the_derivatives(case: Case) -> None:
    operator = build(case).double()
    names, values = zip(*operator.named_parameters(), strict=True)

    def call(y: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(operator, dict(zip(names, parameters, strict=True)), y)

    y = maps(1, torch.float64)[..., :4, :5].clone().requires_grad_()
    assert torch.autograd.gradcheck(call, (y, *values))


@pytest.mark.parametrize("case", DEFAULT, ids=str)
def test_copies_and_state_dicts_give_the_same_output(case: Case) -> None:
    operator, y = build(case), maps()
    want = operator(y)
    assert torch.equal(copy.deepcopy(operator)(y), want)
    other = build(case)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    assert not torch.equal(other(y), want)
    other.load_state_dict(operator.state_dict(), strict=True)
    assert torch.equal(other(y), want)


@pytest.mark.parametrize("case", DEFAULT, ids=str)
def test_autocast_and_bfloat16(case: Case) -> None:
    operator, y = build(case), maps()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = operator(y)
    assert x.shape == out_shape(case) and torch.isfinite(x).all()
    low = copy.deepcopy(operator).bfloat16()(y.bfloat16())
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(low.float(), operator(y), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("info", USABLE, ids=lambda info: info.name)
def test_skip_takes_what_the_constructor_takes(info: OperatorInfo) -> None:
    """``skip(channels, kernel_size, scale=…, padding_mode=…, option=…)``: a reason in one line, or None."""
    cls = load_operator(info)
    if not hasattr(cls, "skip"):
        return
    parameters = inspect.signature(cls).parameters
    options = {name: parameters[name].default for name in info.options}
    reason = cls.skip(C, 3, scale=1, padding_mode="circular", **options)
    assert reason is None or (isinstance(reason, str) and reason and "\n" not in reason)


@pytest.mark.parametrize("info", USABLE, ids=lambda info: info.name)
def test_one_small_instance_says_the_same(info: OperatorInfo) -> None:
    """What ``doctor`` asks (`converse.assembly.contract.problem`)."""
    assert problem(info) == ""


@pytest.mark.parametrize("info", USABLE, ids=lambda info: info.name)
def test_declaration_matches_the_class(info: OperatorInfo) -> None:
    cls = load_operator(info)
    parameters = inspect.signature(cls).parameters
    assert parameters["scale"].default == 1 and parameters["padding_mode"].default == "circular"
    for option in info.options:
        assert parameters[option].default is not inspect.Parameter.empty, option
    with pytest.raises(TypeError):
        cls(C, 3, no_such_option=1)
    if not info.supports("spatial", 1):
        assert info.supports("upsampler", 2)


@pytest.mark.parametrize("case", [c for c in DEFAULT if not c.info.external], ids=str)
def test_a_scale_that_is_not_declared_is_refused(case: Case) -> None:
    wrong = 0 if case.info.scales == "any" else 1 + max(map(int, case.info.scales))
    with pytest.raises(ValueError, match="scale"):
        load_operator(case.info)(C, case.kernel_size, scale=wrong)
