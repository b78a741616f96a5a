"""Weights as the field ships them: every wrapper and nesting gives the same network, all else is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from converse.assembly.weights import AVERAGED, KEYS, CheckpointError, fill, read

State = dict[str, torch.Tensor]


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 3))


def same(model: nn.Module, state: State) -> bool:
    return all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.sampled_from(KEYS), max_size=3),
    wrappers=st.lists(st.sampled_from(["module.", "_orig_mod."]), max_size=3),
    beside=st.booleans(),
)
def test_every_wrapper_and_nesting_gives_the_same_weights(keys: list[str], wrappers: list[str], beside: bool) -> None:
    state, model = network(1).state_dict(), network()
    content: Any = {"".join(wrappers) + name: value for name, value in state.items()}
    for key in reversed(keys):
        content = {key: content} | ({"epoch": 3, "optimizer": {"state": {}}} if beside else {})
    remark = fill(model, content)
    assert same(model, state)
    assert all(key in remark for key in keys) and all(wrapper in remark for wrapper in wrappers)
    assert bool(remark) == bool(keys or wrappers)
    assert ("moving average" in remark) == any(key in AVERAGED for key in keys)


@pytest.mark.parametrize("average", AVERAGED)
def test_the_average_comes_first(average: str) -> None:
    raw, averaged, model = network(1).state_dict(), network(2).state_dict(), network()
    assert "the moving average" in fill(model, {"params": raw, "state_dict": raw, average: averaged})
    assert same(model, averaged)


def test_a_compiled_part_of_a_network() -> None:
    state, model = network(1).state_dict(), network()
    inside = {name.replace(".", "._orig_mod.", 1): value for name, value in state.items()}
    assert "_orig_mod." in fill(model, {"params": inside}) and same(model, state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_are_converted_and_said(dtype: torch.dtype) -> None:
    state, model = network(1).state_dict(), network()
    cast = {n: v.to(dtype) if v.is_floating_point() else v for n, v in state.items()}
    assert f"stored as {str(dtype).removeprefix('torch.')}" in fill(model, cast)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, cast[name].to(value.dtype), rtol=0, atol=0)


KINDS = [torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool, torch.complex32, torch.complex64]
KINDS += [torch.complex128, torch.float8_e4m3fn, torch.float8_e5m2]


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"params": {f"module.{n}": v for n, v in s.items()}}])
def test_what_is_no_float_is_refused(dtype: torch.dtype, wrap: Callable[[State], Any]) -> None:
    state = network(1).state_dict()
    with pytest.raises(CheckpointError, match=rf"0\.weight has dtype {dtype}, expected torch.float32.*bfloat16"):
        fill(network(), wrap({n: v.to(dtype) for n, v in state.items()}))


def test_a_counter_stays_a_whole_number() -> None:
    state = network(1).state_dict()
    state["1.num_batches_tracked"] = torch.tensor(1.5)
    with pytest.raises(CheckpointError, match=r"1\.num_batches_tracked has dtype torch.float32, expected torch.int64"):
        fill(network(), state)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite(value: float) -> None:
    state = {f"module.{name}": tensor for name, tensor in network(1).state_dict().items()}
    state["module.0.bias"][1] = value
    with pytest.raises(CheckpointError, match=r"module\.0\.bias holds NaN or infinity"):
        fill(network(), state)


def test_what_is_missing_is_said_in_the_files_names() -> None:
    state = {f"module.{name}": tensor for name, tensor in network(1).state_dict().items()}
    for name in ("0.weight", "0.bias", "2.weight", "2.bias"):
        state[f"module.{name}x"] = state.pop(f"module.{name}")
    with pytest.raises(CheckpointError) as caught:
        fill(network(), {"state_dict": state})
    assert str(caught.value) == (
        "under 'state_dict': 4 missing (module.0.weight, module.0.bias, module.2.weight, …), "
        "4 unexpected (module.0.weightx, module.0.biasx, module.2.weightx, …)"
    )


@pytest.mark.parametrize(
    ("wrap", "hint"),
    [
        (lambda s: {f"net.body.{n}": v for n, v in s.items()}, "under the prefix 'net.body.' would fit"),
        (lambda s: {"g": s, "d": {"x": torch.ones(1)}}, "under the key 'g' would fit"),
        (lambda s: {"networks": {"g": {f"module.{n}": v for n, v in s.items()}}}, "the key 'networks.g' would fit"),
        (
            lambda s: {"state_dict": {f"g.{n}": v for n, v in s.items()} | {"d.x": torch.ones(1)}},
            "its entries of 'state_dict' under the prefix 'g.' would fit",
        ),
    ],
)
def test_the_key_or_prefix_that_would_fit_is_named(wrap: Callable[[State], Any], hint: str) -> None:
    with pytest.raises(CheckpointError, match=hint):
        fill(network(), wrap(network(1).state_dict()))


def _scripted(path: Path) -> None:
    torch.jit.script(network()).save(str(path))


@pytest.mark.parametrize(
    "write",
    [
        lambda p: torch.save(network(), p),
        lambda p: torch.save({"state_dict": network().state_dict(), "best": np.float64(31.2)}, p),
        lambda p: torch.save({"params": network().state_dict(), "opt": Path("x")}, p),
        lambda p: torch.save(network(), p, _use_new_zipfile_serialization=False),
        _scripted,
    ],
    ids=["whole module", "numpy scalar", "path", "old format", "TorchScript"],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_objects_are_no_plain_weights_and_nobody_is_told_to_run_them(tmp_path: Path, write: Any) -> None:
    write(tmp_path / "own.pth")
    with pytest.raises(
        CheckpointError, match=r"own\.pth: refused, not plain weights.*save model\.state_dict"
    ) as caught:
        read(tmp_path / "own.pth")
    text = str(caught.value)
    assert "\n" not in text and "weights_only" not in text and "add_safe_globals" not in text and len(text) < 400


@pytest.mark.parametrize("content", [[torch.ones(2)], torch.ones(2), {}, {"epoch": 3}, 5], ids=repr)
def test_no_state_dict_at_all(content: Any) -> None:
    with pytest.raises(CheckpointError, match="expected a state dict"):
        fill(network(), content)
