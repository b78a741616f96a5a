"""torch.func over the operator, recorders that cannot take it, and integers of NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jacrev, jvp, vmap

from converse import Converse2D, build_model

LAYERS = {
    "stride 1": {"kernel_size": 3, "padding": 2, "padding_mode": "reflect"},
    "pattern": {"kernel_size": 2, "scale": 2},
    "filter": {"kernel_size": 3, "scale": 2, "x0": "zero"},
    "prior": {"kernel_size": 3, "scale": 2, "x0": "bicubic"},
    "blocks": {"kernel_size": 3, "scale": 3, "x0": "bilinear"},
}
ADVICE = r"cannot be recorded by torch.fx or torch.jit: export it with torch.export, or .*to_conv_transpose"


def build(name: str) -> Converse2D:
    return Converse2D(3, **LAYERS[name], generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("name", LAYERS)
def test_vmap_is_a_loop(name: str) -> None:
    layer, y = build(name), maps(4, 2, 3, 6, 5)
    torch.testing.assert_close(vmap(layer)(y), torch.stack([layer(t) for t in y]))


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_each_sample(name: str) -> None:
    layer, y = build(name), maps(4, 3, 6, 5)

    def loss(parameters: dict[str, Tensor], y: Tensor) -> Tensor:
        return functional_call(layer, parameters, (y[None],)).square().sum()

    parameters = dict(layer.named_parameters())
    each = vmap(grad(loss), in_dims=(None, 0))(parameters, y)
    for i, sample in enumerate(y):
        layer.zero_grad()
        loss(parameters, sample).backward()
        for key, parameter in parameters.items():
            torch.testing.assert_close(each[key][i], parameter.grad)


@pytest.mark.parametrize("name", ["pattern", "blocks"])
def test_cotangents_that_are_transformed(name: str) -> None:
    """A graph of before: vmapped and dual cotangents go through it."""
    layer, y = build(name), maps(1, 3, 4, 5).requires_grad_()
    asked, out = [y, *layer.parameters()], layer(y)
    several = maps(2, *out.shape, seed=2)

    def back(cotangent: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(out, asked, cotangent, retain_graph=True)

    each = vmap(back)(several)
    for i, cotangent in enumerate(several):
        torch.testing.assert_close([g[i] for g in each], list(back(cotangent)))
    with forward_ad.dual_level():
        dual = back(forward_ad.make_dual(several[0], several[1]))
        tangents = [forward_ad.unpack_dual(g).tangent for g in dual]
    torch.testing.assert_close(tangents, list(back(several[1])))


@pytest.mark.parametrize("name", LAYERS)
def test_jacobian_and_directional_derivative(name: str) -> None:
    layer, y, direction = build(name), maps(1, 3, 4, 5), maps(1, 3, 4, 5, seed=1)
    want = torch.autograd.functional.jacobian(layer, y)
    torch.testing.assert_close(jacrev(layer)(y), want)
    torch.testing.assert_close(jvp(layer, (y,), (direction,))[1], torch.tensordot(want, direction, 4))


@pytest.mark.parametrize("name", ["stride 1", "filter"])
@torch.no_grad()
def test_a_frozen_layer_under_vmap(name: str) -> None:
    layer, y = build(name).eval().freeze((6, 5)), maps(2, 1, 3, 6, 5)
    torch.testing.assert_close(vmap(layer)(y), torch.stack([layer(t) for t in y]))


@pytest.mark.parametrize("name", LAYERS)
def test_torch_fx_is_one_line_that_names_the_way_out(name: str) -> None:
    with pytest.raises(TypeError, match=ADVICE) as caught:
        torch.fx.symbolic_trace(nn.Sequential(build(name)))
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", LAYERS)
def test_torch_jit_records_what_is_free_of_ffts_and_names_the_way_out(name: str, tmp_path: Path) -> None:
    layer, y = build(name), maps(1, 3, 6, 5)
    if max(layer.kernel_size) > layer.scale:
        with pytest.raises(RuntimeError, match=ADVICE):
            torch.jit.trace(layer, y)
        return
    torch.jit.trace(layer, y).save(str(tmp_path / "layer.pt"))
    torch.testing.assert_close(torch.jit.load(str(tmp_path / "layer.pt"))(y), layer(y))


def test_integers_of_numpy() -> None:
    layer = Converse2D(np.int64(4), np.int32(3), scale=np.uint8(2), padding=np.int64(1), lam=np.float32(0.5))
    assert layer(torch.rand(1, 4, 5, 5)).shape == (1, 4, 10, 10)
    assert "4, (3, 3), scale=2, padding=(1, 1)" in repr(layer)
    small = build_model("converse_dncnn", channels=np.int64(4), blocks=np.int16(1), kernel_size=np.int64(3))
    assert small.spec.settings["channels"] == 4 and type(small.spec.settings["channels"]) is int
    for wrong in (True, np.bool_(True), np.float32(2), 2.0):
        with pytest.raises(TypeError, match="channels: expected an integer"):
            Converse2D(wrong, 3)
