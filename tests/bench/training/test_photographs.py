"""Photographs decoded once and mapped: the same pixels, the same batches, no decoding where there is a pack."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.config.budget import Degradation
from bench.data.datasets import Dataset, load_datasets
from bench.data.images import read_image, write_png
from bench.data.mapped import mapped
from bench.foundation.errors import BenchError
from bench.stages.fetch import fetch
from bench.training.photographs import photographs
from bench.training.sampling import Sampler

DEGRADATIONS = {
    "awgn": Degradation(kind="awgn", sigma=25),
    "blur": Degradation(kind="blur", sigma=2.55, boundary="natural"),
    "bicubic": Degradation(kind="bicubic", scale=4),
}


def photograph(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(height + width).integers(0, 256, (height, width, channels)).astype(np.uint8)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    for i, image in enumerate((photograph(60, 130), photograph(50, 121, channels=1), photograph(64, 128))):
        write_png(tmp_path / "mine" / f"{i}.png", image)
    (tmp_path / "datasets.yaml").write_text("mine:\n  folder: mine\n  split: train\n")
    return load_datasets(tmp_path / "datasets.yaml")["mine"]


@pytest.mark.parametrize("color", ["gray", "rgb"])
@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_batches_from_a_pack_are_the_ones_from_memory(mine: Dataset, kind: str, color: str) -> None:
    given = [read_image(path, color) for path in mine.files()]  # type: ignore[arg-type]
    images, reduce = photographs([mine], color)  # type: ignore[arg-type]
    direct = Sampler(given, DEGRADATIONS[kind], 4, 32, 7)
    for _ in range(2):  # the first makes the pack of the reduced ones, the second finds it
        packed = Sampler(images, DEGRADATIONS[kind], 4, 32, 7, reduce=reduce)
        for step in range(3):
            assert torch.equal(direct.batch(step).degraded, packed.batch(step).degraded)
            assert torch.equal(direct.batch(step).clean, packed.batch(step).clean)
        for one, other in zip(direct.validation(), packed.validation(), strict=True):
            assert torch.equal(one.degraded, other.degraded)


def test_a_pack_stands_for_the_images_and_other_content_is_packed_anew(
    mine: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = photographs([mine], "gray")
    with monkeypatch.context() as patched:
        patched.setattr("bench.training.photographs.read_image", None)  # the pack alone must do
        again, _ = photographs([mine], "gray")
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    write_png(tmp_path / "mine" / "3.png", photograph(60, 120))
    assert len(photographs([mine], "gray")[0]) == 4


def test_a_pack_is_mapped_readable_by_numpy_and_never_written_to(mine: Dataset, tmp_path: Path) -> None:
    images, _ = photographs([mine], "rgb")
    with np.load(tmp_path / "data" / "packs" / "mine.rgb.npz") as file:
        assert np.array_equal(file["000002"], images[2])
    assert not images[0].flags.owndata and not images[0].flags.writeable
    assert sorted(p.suffix for p in (tmp_path / "data" / "packs").iterdir()) == [".lock", ".npz"]


def test_a_damaged_pack_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    mapped(path, "one", lambda: [np.arange(5)])
    path.write_bytes(path.read_bytes()[:50])
    assert np.array_equal(mapped(path, "one", lambda: [np.arange(6)])[0], np.arange(6))


def test_an_interrupted_pack_leaves_nothing(tmp_path: Path) -> None:
    def half() -> object:
        yield np.arange(5)
        raise BenchError("a damaged image")

    with pytest.raises(BenchError, match="a damaged image"):
        mapped(tmp_path / "x.npz", "one", half)  # type: ignore[arg-type]
    assert [p.name for p in tmp_path.iterdir()] == ["x.lock"]


def _make(path: Path) -> int:
    mapped(path, "one", lambda: [np.full(1000, os.getpid())])
    return int(mapped(path, "one", lambda: [])[0][0])


def test_of_many_processes_one_writes(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(_make, [tmp_path / "x.npz"] * 4))) == 1


def test_another_photograph_than_the_declared_one_is_not_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights would stand under the name of the declared one."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    fetch(["embedded_test"], progress=False)
    dataset = load_datasets()["embedded_test"]
    whole, _ = photographs([dataset], "gray")
    path = dataset.files()[-1]
    content = path.read_bytes()
    write_png(path, np.full((64, 64, 1), 128, np.uint8))
    (tmp_path / "packs" / "embedded_test.gray.npz").unlink()
    with pytest.raises(BenchError, match=rf"{path.name}: is not the file that .*: python -m bench fetch embedded_test"):
        photographs([dataset], "gray")
    path.write_bytes(content)
    again, _ = photographs([dataset], "gray")
    assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))


def test_packs_that_cannot_be_written_are_one_line(mine: Dataset, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the data should lie")
    with pytest.raises(BenchError, match="cannot be written"):
        photographs([mine], "gray")
