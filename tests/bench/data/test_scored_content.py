"""What a test scores is an identity: every image, its name and its kernels count, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import catalogue, download_entry, photograph

from bench.data.datasets import load_datasets
from bench.data.images import write_png
from bench.data.kernel_files import load_kernel
from bench.data.planned_files import planned_files
from bench.data.scored_content import row_names, scored


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for i, name in enumerate("abc"):
        write_png(tmp_path / "mine" / f"{name}.png", photograph(16, 16, seed=i))
    return tmp_path


def identity(root: Path, subset: str | None = None, leave_out: str = "", only: list[str] | None = None) -> str:
    mine = "mine:\n  folder: mine\n  split: test\n" + (f"  leave_out: {{{leave_out}: why}}\n" if leave_out else "")
    taps = download_entry("taps", "https://files.invalid/set", {"k1.npy": b"1", "k2.npy": b"2"})
    sets = load_datasets(catalogue(root, mine, taps))
    return scored(sets, "mine", "taps", subset=subset, only=only, root=root / "data").identity


CHANGES: dict[str, Callable[[Path], object]] = {
    "added": lambda folder: write_png(folder / "d.png", photograph(16, 16, seed=9)),
    "removed": lambda folder: (folder / "b.png").unlink(),
    "swapped": lambda folder: write_png(folder / "b.png", photograph(16, 16, seed=9)),
    "renamed": lambda folder: (folder / "b.png").rename(folder / "z.png"),
    "exchanged": lambda folder: [
        (folder / "a.png").rename(folder / "t"),
        (folder / "b.png").rename(folder / "a.png"),
        (folder / "t").rename(folder / "b.png"),
    ],
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_a_folder_is_other_content(root: Path, change: str) -> None:
    before = identity(root)
    assert identity(root) == before
    CHANGES[change](root / "mine")
    assert identity(root) != before


def test_a_subset_hangs_on_its_own_images_only(root: Path) -> None:
    before = identity(root, "first1")
    write_png(root / "mine" / "c.png", photograph(16, 16, seed=9))
    assert identity(root, "first1") == before
    write_png(root / "mine" / "a.png", photograph(16, 16, seed=9))
    assert identity(root, "first1") != before


def test_what_is_left_out_and_the_kernels_count(root: Path) -> None:
    assert len({identity(root), identity(root, leave_out="b.png"), identity(root, only=["k1"])}) == 3


def test_an_archive_has_one_identity_before_and_after_it_is_unpacked(root: Path) -> None:
    zipped = (
        "zipped:\n  split: test\n  count: 1\n  licence: none\n  citation: none\n  archive:\n"
        "    url: https://files.invalid/a.zip\n    members: '*.png'\n    hash: null\n"
    )
    sets = load_datasets(catalogue(root, zipped))
    before = scored(sets, "zipped", root=root)
    (root / "zipped.json").write_text('{"files": [{"file": "x.png", "sha256": "12"}]}')
    after = scored(sets, "zipped", root=root)
    assert before.identity == after.identity and before.cases() is None and after.cases() == [("x", "")]


@pytest.mark.parametrize(
    ("files", "rows"),
    [
        (["a.png", "b.png"], ["a", "b"]),
        (["a.jpg", "a.png", "b.png"], ["a.jpg", "a.png", "b"]),
        (["x.jpg", "x.jpg.png", "x.png"], ["x.jpg", "x.jpg.png", "x.png"]),
        (["x", "x.png"], ["x", "x.png"]),
    ],
)
def test_every_file_has_a_row_of_its_own(files: list[str], rows: list[str]) -> None:
    assert [*row_names(files).values()] == rows


def test_kernels_of_ones_own_in_any_format(tmp_path: Path) -> None:
    """Two of one stem are two; what is no kernel's suffix is none."""
    write_png(tmp_path / "mine" / "a.png", photograph(16, 16, seed=0))
    folder = tmp_path / "taps"
    folder.mkdir()
    np.save(folder / "box.npy", np.full((3, 3), 1 / 9))
    np.savetxt(folder / "box.txt", np.ones((3, 3)))
    write_png(folder / "line.png", np.full((1, 5), 9, np.uint8))
    (folder / "notes.md").write_text("none")
    sets = load_datasets(catalogue(tmp_path, "mine: {folder: mine, split: test}\ntaps: {folder: taps, split: kernels}"))
    test = scored(sets, "mine", "taps", root=tmp_path / "data")
    assert test.cases() == [("a", "box.npy"), ("a", "box.txt"), ("a", "line")]
    files = planned_files(sets, "mine", "taps", content=test.identity).kernels
    assert {name: file.read(load_kernel).shape for name, file in files.items()} == {
        "box.npy": (3, 3), "box.txt": (3, 3), "line": (1, 5),
    }  # fmt: skip
    assert files["line"].read(load_kernel).sum() == pytest.approx(1)
    one = scored(sets, "mine", "taps", only=["box.txt"], root=tmp_path / "data")
    assert [*planned_files(sets, "mine", "taps", only=["box.txt"], content=one.identity).kernels] == ["box.txt"]
