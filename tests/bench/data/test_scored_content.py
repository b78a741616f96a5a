"""What a test scores is an identity: every image, its name and its kernels count, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fabricated_sets import catalogue, download_entry, photograph

from bench.data.datasets import load_datasets
from bench.data.images import write_png
from bench.data.scored_content import scored


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
