"""Released checkpoints: the real ones behind the marker, fabricated siblings offline."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from converse import build_model, load_released
from converse.assembly.released import RELEASED, CheckpointError

COUNTS = {
    "converse_dncnn": 796_353,
    "converse_srresnet": 699_072,
    "conversenet": 243_267,
    "converse_usrnet": 307_987,
}


def fabricate(name: str, folder: Path) -> Path:
    """A file as the released one is made: a plain state dict, here of fresh weights."""
    path = folder / f"{name}.pth"
    torch.save(build_model(name, seed=5, **RELEASED[name]).state_dict(), path)
    return path


def mirrored(name: str) -> Path:
    """The released file under BENCH_MIRROR; a missing mirror is a failure that says so."""
    mirror = os.environ.get("BENCH_MIRROR")
    if not mirror:
        pytest.skip("BENCH_MIRROR names no folder")
    found = sorted(Path(mirror).glob(f"*/cszn/ConverseNet/*/model_zoo/{name}.pth"))
    assert found, f"no {name}.pth under BENCH_MIRROR={mirror}"
    return found[0]


@pytest.mark.mirror
@pytest.mark.parametrize("name", RELEASED)
def test_released_weights_load_strictly(name: str) -> None:
    path = mirrored(name)
    model = load_released(name, path)
    assert sum(p.numel() for p in model.parameters()) == COUNTS[name]
    state = torch.load(path, weights_only=True)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("name", RELEASED)
def test_a_fabricated_checkpoint_loads_strictly(name: str, tmp_path: Path) -> None:
    path = fabricate(name, tmp_path)
    model = load_released(name, path)
    assert not model.training
    assert sum(p.numel() for p in model.parameters()) == COUNTS[name]
    state = torch.load(path, weights_only=True)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())


def test_the_released_settings() -> None:
    models = {name: build_model(name, seed=0, **RELEASED[name]) for name in RELEASED}

    def operators(name: str) -> set[tuple[object, ...]]:
        found = [m for m in models[name].modules() if type(m).__name__ == "Converse2D"]
        return {(m.scale, m.kernel_size, m.padding, m.padding_mode, m.eps) for m in found}

    assert operators("converse_dncnn") == {(1, (7, 7), (6, 6), "circular", 1e-5)}
    assert operators("conversenet") == {(1, (3, 3), (2, 2), "circular", 1e-5)}
    assert operators("converse_usrnet") == {(1, (3, 3), (2, 2), "circular", 1e-5)}
    assert operators("converse_srresnet") == {
        (1, (5, 5), (4, 4), "replicate", 1e-5),
        (2, (2, 2), (2, 2), "replicate", 1e-3),
    }
    assert models["converse_usrnet"].d.eps == 1e-3


class Bomb:
    """Unpickling it would create the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_a_malicious_file_is_refused_and_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    for number, write in enumerate((torch.save, lambda o, p: p.write_bytes(pickle.dumps(o, protocol=2)))):
        path = tmp_path / f"evil{number}.pth"
        write({"m_head.0.weight": Bomb(trace)}, path)
        with pytest.raises(CheckpointError, match=f"{path.name}: refused") as caught:
            load_released("converse_dncnn", path)
        assert "\n" not in str(caught.value)
    assert not trace.exists()
    with path.open("rb") as file:  # the bomb is real
        pickle.load(file)
    assert trace.exists()


@pytest.mark.parametrize("keep", [0, 10, 1000, -1000])
def test_a_truncated_file(keep: int, tmp_path: Path) -> None:
    path = fabricate("conversenet", tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"conversenet.pth: (truncated|refused)") as caught:
        load_released("conversenet", path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "no.pth", tmp_path):
        with pytest.raises(CheckpointError, match="no such file"):
            load_released("conversenet", path)


def test_another_networks_file_is_recognised(tmp_path: Path) -> None:
    path = fabricate("conversenet", tmp_path)
    with pytest.raises(CheckpointError, match=r"does not fit .*; it fits conversenet"):
        load_released("converse_dncnn", path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("conv2.bias"), r"1 missing \(conv2.bias\)"),
        (lambda s: s.update(extra=torch.ones(1)), r"1 unexpected \(extra\)"),
        (
            lambda s: s.update({"conv2.bias": torch.ones(4)}),
            r"conv2.bias has shape \(4,\), expected \(3,\)",
        ),
        (lambda s: s.update({"conv2.bias": torch.ones(3, dtype=torch.int64)}), "dtype torch.int64"),
        (lambda s: s["conv2.bias"].fill_(float("nan")), "conv2.bias holds NaN"),
        (lambda s: s.update({"conv2.bias": "three"}), "conv2.bias is a str, expected a tensor"),
    ],
)
def test_a_wrong_state_dict(change: object, message: str, tmp_path: Path) -> None:
    path = fabricate("conversenet", tmp_path)
    state = torch.load(path, weights_only=True)
    change(state)  # type: ignore[operator]
    torch.save(state, path)
    with pytest.raises(CheckpointError, match=message):
        load_released("conversenet", path)


def test_not_a_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "list.pth"
    torch.save([torch.ones(2)], path)
    with pytest.raises(CheckpointError, match="holds a list, expected a state dict"):
        load_released("conversenet", path)


def test_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown released model 'convesenet'; did you mean 'conversenet'"):
        load_released("convesenet", tmp_path)
