"""Checkpoints: whole or refused, equal bytes for equal content, the predecessor kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.foundation.errors import BenchError
from bench.models import checkpoint
from bench.models.checkpoint import DamagedFile, load, load_state, read_weights, save, save_state

TENSORS = {
    "b.weight": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "a": torch.tensor(3, dtype=torch.int64),
    "c": torch.zeros(0),
}
META = {"step": 7, "rows": [{"loss": 0.1, "val": None}], "name": "σ"}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.safetensors"
    save(path, TENSORS, META)
    tensors, meta = load(path)
    assert meta == META and list(sorted(tensors)) == sorted(TENSORS)
    assert all(torch.equal(tensors[n], t) and tensors[n].dtype == t.dtype for n, t in TENSORS.items())


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    save(tmp_path / "1", TENSORS, META)
    save(tmp_path / "2", dict(reversed(TENSORS.items())), dict(reversed(META.items())))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize("end", [0, 5, 60, -40, -1])
def test_a_file_cut_short_is_refused(tmp_path: Path, end: int) -> None:
    path = tmp_path / "x.safetensors"
    save(path, TENSORS, META)
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(DamagedFile, match=r"x\.safetensors"):
        load(path)


def test_altered_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save(path, TENSORS, META)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedFile, match="checksum"):
        load(path)


def test_foreign_and_missing_files_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(TENSORS, tmp_path / "foreign")
    with pytest.raises(DamagedFile, match="not a whole checkpoint of this benchmark"):
        load(tmp_path / "foreign")
    with pytest.raises(DamagedFile, match="cannot be read"):
        load(tmp_path / "missing")


def steps(path: Path, said: list[str]) -> int | None:
    found = load_state(path, said.append)
    return None if found is None else int(found[1]["step"])


def test_the_newest_whole_state_counts(tmp_path: Path) -> None:
    path, said = tmp_path / "state.safetensors", list[str]()
    assert steps(path, said) is None
    for step in (1, 2, 3):
        save_state(path, TENSORS, {"step": step})
        assert steps(path, said) == step
    assert said == []
    path.write_bytes(path.read_bytes()[:100])
    assert steps(path, said) == 2 and len(said) == 1
    path.unlink()  # killed between the two renames
    assert steps(path, said) == 2
    checkpoint.previous(path).write_bytes(b"")
    assert steps(path, said) is None
    (tmp_path / ".next-state.safetensors.abc").write_bytes(b"half")
    save_state(path, TENSORS, {"step": 4})
    checkpoint.delete_state(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_plain_state_dicts_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".pth"):
        torch.save(TENSORS, path)
    else:
        save(path, TENSORS, {})
    assert torch.equal(read_weights(path)["b.weight"], TENSORS["b.weight"])
    path.write_bytes(path.read_bytes()[:80])
    with pytest.raises(BenchError, match=r"w\.[a-z]+: "):
        read_weights(path)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('executed')",))


@pytest.mark.parametrize("content", [_Evil(), torch.nn.Linear(1, 1)])
def test_pickles_of_other_things_are_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "w.pth"
    torch.save(content, path)
    with pytest.raises(BenchError, match=r"w\.pth: refused, not plain weights"):
        read_weights(path)


def test_a_file_replaced_while_it_is_read_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader beside a running trainer never sees the header of one state with the data of another."""
    path = tmp_path / "state.safetensors"
    save(path, {"a": torch.zeros(9)}, {"step": 1})
    read = Path.read_bytes

    def replaced(self: Path) -> bytes:
        found = read(self)
        save(path, {"a": torch.ones(9)}, {"step": 2})
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", replaced)
        tensors, meta = load(path)
    assert meta == {"step": 1} and torch.equal(tensors["a"], torch.zeros(9))
    assert load(path)[1] == {"step": 2}
