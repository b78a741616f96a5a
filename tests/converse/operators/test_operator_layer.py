"""The layer: its options, its state dict, freezing and the plain layer that it can become."""

from __future__ import annotations

import ast
import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune

import converse.operators.converse2d as module
from converse.mathematics.functional import converse2d
from converse.operators.converse2d import Converse2D

pytestmark = pytest.mark.usefixtures("backend")


def _y(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_declaration_is_readable_without_torch() -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text())
    assignment = tree.body[2]
    assert isinstance(assignment, ast.Assign)
    assert ast.literal_eval(assignment.value) == module.OPERATOR
    assert module.OPERATOR["label"] == "Converse"
    assert module.OPERATOR["class"] == "Converse2D"


def test_parameters_and_defaults() -> None:
    layer = Converse2D(4, 5)
    assert {k: tuple(v.shape) for k, v in layer.state_dict().items()} == {
        "weight": (1, 4, 5, 5),
        "bias": (1, 4, 1, 1),
    }
    assert layer.padding == (4, 4)
    assert Converse2D(4, (3, 6)).padding == (2, 5)
    torch.testing.assert_close(layer.weight.sum((2, 3)), torch.ones(1, 4))
    assert (layer.bias == 0).all()
    expected = 1 / (1 + torch.tensor(9.0, dtype=torch.float64).exp()).item() + 1e-5
    assert layer.lam.flatten()[0].item() == pytest.approx(expected, rel=1e-6)


def test_initialisations_differ_as_they_say() -> None:
    def weight(init: str) -> Tensor:
        g = torch.Generator().manual_seed(1)
        return Converse2D(64, 7, init=init, generator=g).weight.detach()

    assert weight("uniform").min() >= 0 and weight("uniform").max() <= 1
    assert abs(weight("uniform").mean() - 0.5) < 0.02
    assert abs(weight("gaussian").mean()) < 0.05 and abs(weight("gaussian").std() - 1) < 0.05
    assert torch.equal(weight("softmax_always"), weight("gaussian"))
    torch.testing.assert_close(weight("gaussian_softmax"), weight("gaussian").flatten(2).softmax(2).view(1, 64, 7, 7))


def test_softmax_always_stays_a_mean() -> None:
    layer = Converse2D(2, 3, init="softmax_always")
    layer(_y(1, 2, 8, 8)).square().sum().backward()
    assert layer.weight.grad is not None
    with torch.no_grad():
        layer.weight -= layer.weight.grad
    torch.testing.assert_close(layer.kernel.sum((2, 3)), torch.ones(1, 2))
    y = _y(1, 2, 8, 8)
    torch.testing.assert_close(layer(y), converse2d(y, layer.kernel, layer.lam, padding=2))


def test_lam_options() -> None:
    y = _y(1, 3, 8, 8)
    shared, fixed = Converse2D(3, 3, lam="shared"), Converse2D(3, 3, lam=0.01)
    assert shared.bias is not None and shared.bias.shape == (1, 1, 1, 1)
    shared(y).square().sum().backward()
    assert shared.bias.grad is not None and shared.bias.grad.shape == (1, 1, 1, 1)
    assert fixed.bias is None and set(fixed.state_dict()) == {"weight"}
    torch.testing.assert_close(fixed(y), converse2d(y, fixed.weight, 0.01, padding=2))
    assert not torch.equal(Converse2D(3, 3, eps=1e-3).lam, Converse2D(3, 3).lam)


def test_options_reach_the_function() -> None:
    y = _y(1, 2, 8, 8)
    for options in ({"x0": "zero"}, {"padding_mode": "reflect"}, {"padding": 0}, {"scale": 2}, {"eps": 1.0}):
        layer = Converse2D(2, 3, generator=torch.Generator().manual_seed(0), **options)
        base = Converse2D(2, 3, generator=torch.Generator().manual_seed(0))
        assert layer(y).shape != base(y).shape or not torch.allclose(layer(y), base(y))


UNDO: dict[str, Callable[[Converse2D], object]] = {
    "train": lambda m: m.train(),
    "unfreeze": lambda m: m.unfreeze(),
    "load": lambda m: m.load_state_dict({k: v + 0.5 for k, v in m.state_dict().items()}),
    "to": lambda m: m.double().float(),
    "data": lambda m: m.weight.data.mul_(1.5),
    "numpy": lambda m: m.weight.detach().numpy().__imul__(1.5),
    "bias": lambda m: m.bias.data.add_(3.0) if m.bias is not None else None,
    "replaced": lambda m: setattr(m, "weight", nn.Parameter(m.weight.detach() * 2)),
}


@pytest.mark.parametrize("undo", UNDO)
@pytest.mark.parametrize("scale", [1, 2])
def test_freeze_is_never_stale(undo: str, scale: int) -> None:
    y = _y(2, 3, 12, 11)
    layer = Converse2D(3, 5, scale=scale, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        before = layer(y)
        assert layer.freeze((12, 11)) is layer
        assert layer._frozen is not None
        torch.testing.assert_close(layer(y), before, rtol=0, atol=1e-6 * before.abs().max().item())
        assert layer(_y(2, 3, 9, 9)).shape[-1] == 9 * scale
        UNDO[undo](layer)
        truth = converse2d(y, layer.kernel, layer.lam, scale=scale, padding=4)
        torch.testing.assert_close(layer(y), truth, rtol=0, atol=1e-6)


class _Gain(nn.Module):
    """A parametrization whose only state is a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gain", torch.tensor(1.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gain


def _masked(layer: nn.Module) -> None:
    prune.random_unstructured(layer, "weight", amount=0.4)


# What the weights are made of before freezing -> what changes afterwards.
MADE_OF: dict[str, tuple[Callable[[Converse2D], object], Callable[[Converse2D], object]]] = {
    "pruned": (lambda m: None, _masked),
    "pruned again": (_masked, _masked),
    "pruned, mask edited": (_masked, lambda m: m.weight_mask.zero_()),
    "pruned, original edited": (_masked, lambda m: m.weight_orig.mul_(2)),
    "pruned for good": (_masked, lambda m: prune.remove(m, "weight") and m.weight.mul_(2)),
    "buffer of the kernel": (
        lambda m: parametrize.register_parametrization(m, "weight", _Gain()),
        lambda m: m.parametrizations.weight[0].gain.fill_(2.0),
    ),
    "buffer of lam": (
        lambda m: parametrize.register_parametrization(m, "bias", _Gain()),
        lambda m: (m.parametrizations.bias[0].gain.fill_(-1.0), m.parametrizations.bias.original.add_(3.0)),
    ),
    "orthogonal": (parametrizations.orthogonal, lambda m: m.parametrizations.weight.original.add_(0.5)),
    "spectral norm": (
        lambda m: parametrizations.spectral_norm(m).eval(),
        lambda m: m.parametrizations.weight[0]._v.copy_(m.parametrizations.weight[0]._v.roll(1)),
    ),
    "weight norm": (parametrizations.weight_norm, lambda m: m.parametrizations.weight.original0.mul_(2)),
    "parametrization taken off": (
        lambda m: parametrize.register_parametrization(m, "weight", _Gain()),
        lambda m: (parametrize.remove_parametrizations(m, "weight"), m.weight.mul_(2)),
    ),
    "eps": (lambda m: None, lambda m: setattr(m, "eps", 0.1)),
    "padding mode": (lambda m: None, lambda m: setattr(m, "padding_mode", "reflect")),
    "x0": (lambda m: None, lambda m: setattr(m, "x0", "zero")),
}


@pytest.mark.parametrize("made_of", MADE_OF)
def test_a_frozen_layer_sees_through_whatever_its_weights_are_made_of(made_of: str) -> None:
    prepare, change = MADE_OF[made_of]
    torch.manual_seed(0)
    y, layer = _y(2, 6, 12, 11), Converse2D(6, 3).eval()
    with torch.no_grad():
        prepare(layer)
        before = layer(y)
        layer.freeze((12, 11))
        torch.testing.assert_close(layer(y), before, rtol=1e-5, atol=1e-5)
        change(layer)
        after = layer(y)
        setting = {"padding": layer.padding, "padding_mode": layer.padding_mode, "x0": layer.x0}
        truth = converse2d(y, layer.kernel, layer.lam, **setting)
        torch.testing.assert_close(after, truth, rtol=0, atol=1e-6)
        assert not torch.allclose(after, before), "the change is one that shows"


def test_freeze_serves_only_without_gradients_and_by_torch(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Converse2D(2, 3).eval().freeze((8, 8))
    assert layer._frozen is not None
    calls = []
    real = type(layer._frozen).apply
    monkeypatch.setattr(type(layer._frozen), "apply", lambda self, y: calls.append(1) or real(self, y))
    y = _y(1, 2, 8, 8)
    layer(y).sum().backward()
    assert layer.weight.grad is not None and not calls
    with torch.no_grad():
        layer(y)
        layer(y.double())
        layer(y[..., :7])
    assert len(calls) == (1 if backend == "torch" else 0), "the compiled operator is faster than reading"


def test_freeze_refuses() -> None:
    with pytest.raises(ValueError, match="training mode"):
        Converse2D(2, 3).freeze((8, 8))
    with pytest.raises(ValueError, match="bicubic"):
        Converse2D(2, 3, scale=2, x0="bicubic").eval().freeze((8, 8))
    with pytest.raises(ValueError, match="padding: 2 is too large"):
        Converse2D(2, 3).eval().freeze((1, 8))


@pytest.mark.parametrize("size", [1, 2, (1, 2)])
@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("x0", ["zero", "nearest"])
def test_to_conv_transpose_is_exact(size: int | tuple[int, int], scale: int, x0: str) -> None:
    g = torch.Generator().manual_seed(0)
    layer = Converse2D(3, size, scale=scale, x0=x0, init="gaussian", generator=g)
    if max(layer.kernel_size) > scale:
        with pytest.raises(ValueError, match="exceeds the scale"):
            layer.to_conv_transpose()
        return
    plain = layer.to_conv_transpose()
    assert type(plain) is nn.ConvTranspose2d
    for mode in ("zeros", "circular", "reflect", "replicate"):
        layer.padding_mode = mode
        torch.testing.assert_close(plain(_y(2, 3, 5, 6)), layer(_y(2, 3, 5, 6)))


def test_to_conv_transpose_says_why_not() -> None:
    for layer, why in (
        (Converse2D(2, 3, scale=3), "neighbouring blocks"),
        (Converse2D(2, 3, scale=2), "exceeds the scale"),
        (Converse2D(2, 2, scale=2, x0="bilinear"), "bilinear"),
    ):
        with pytest.raises(ValueError, match=why):
            layer.to_conv_transpose()


def test_deepcopy_pickle_and_replica() -> None:
    y = _y(1, 2, 8, 8)
    layer = Converse2D(2, 3, lam="shared").eval().freeze((8, 8))
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(twin(y), layer(y))
        with torch.no_grad():
            twin.weight.mul_(2)
            assert not torch.allclose(twin(y), layer(y))
    replica = layer._replicate_for_data_parallel()
    replica.weight = layer.weight * 1.0
    replica.bias = layer.bias * 1.0
    assert replica._frozen is None and layer._frozen is not None
    torch.testing.assert_close(replica(y), layer(y))
    assert "kernel" not in repr(layer.state_dict().keys())
    assert "lam='shared'" in repr(layer)
