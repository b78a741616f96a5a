"""datasets.yaml: what it says, what is refused, and what identifies a set's content."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fabricated_sets import ROOT, catalogue, download_entry, entry, sha256

from bench.data.datasets import data_root, load_datasets, manifest_path, resolve
from bench.data.file_hashes import hash_folder
from bench.foundation.errors import BenchError

BASE = "https://files.invalid/set"


def test_the_catalogue_has_what_the_tables_need() -> None:
    found = load_datasets()
    counts = {"set12": 12, "bsd68": 68, "set5": 5, "set14": 14, "bsd100": 100, "urban100": 100}
    counts |= {"bsds500_train": 200, "bsds500_test": 200, "released_weights": 4, "blur_kernels": 5}
    counts |= {"div2k_train": 800, "div2k_valid": 100, "flickr2k": 2650, "wed": 4744}
    assert {n: found[n].count for n in counts} == counts
    assert all(d.licence and d.citation for d in found.values())
    assert all(len(d.hashes) == d.count for d in found.values() if d.archive is None)


def test_groups_are_names_for_fetch() -> None:
    def names(*words: str) -> list[str]:
        return [d.name for d in resolve(words)]

    assert names("embedded") == ["embedded_test", "embedded_train", "embedded_kernels"]
    assert names("released") == ["released_weights"]
    assert names("set12", "all_test")[:2] == ["set12", "bsd68"]
    with pytest.raises(BenchError, match=r"unknown data set 'bsds68'; did you mean 'bsd68'\?"):
        resolve(["bsds68"])


def test_both_views_of_the_motorcycle_stay_on_one_side() -> None:
    found = load_datasets()
    views = {"motorcycle_left.png", "motorcycle_right.png"}
    assert views <= set(found["embedded_train"].hashes)
    assert not set(found["embedded_test"].hashes) & set(found["embedded_train"].hashes)


def test_the_set5_photograph_in_bsds500_is_left_out() -> None:
    assert list(load_datasets()["bsds500_train"].leave_out) == ["302003.jpg"]


def test_reading_the_catalogue_loads_nothing_heavy() -> None:
    """The Snakefile does it every time it is parsed."""
    code = (
        "import sys; from bench.data.datasets import load_datasets; load_datasets(); "
        "print([m for m in ('torch', 'numpy', 'scipy', 'skimage', 'PIL', 'pooch', 'requests') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


GOOD = f"  download:\n    url: {BASE}\n    sha256:\n      a.png: {sha256(b'a')}\n"
BAD = {
    "unknown key": ("x: {split: test, folder: /tmp, licnce: a}", r":1: unknown key 'licnce'.*did you mean 'licence'"),
    "unknown nested key": (
        entry("x", GOOD.replace("sha256:", "sha265:"), 1),
        r":8: unknown key 'sha265'.*mean 'sha256'",
    ),
    "duplicate key": ("x: {split: test, folder: /tmp, split: train}", r":1: duplicate key 'split'"),
    "duplicate name": ("x: {split: test, folder: /tmp}\nx: {split: test, folder: /tmp}", r":2: duplicate key 'x'"),
    "bad split": ("x:\n  split: tset\n  folder: /tmp", r":2: split in x: .*'train', 'test'"),
    "no source": (entry("x", "", 1), r":1: .*one source of download, .*not none"),
    "two sources": (entry("x", GOOD + "  folder: /tmp\n", 1), r"not download and folder"),
    "no licence": (f"x:\n  split: test\n  count: 1\n{GOOD}", r"licence and citation needed"),
    "short hash": (entry("x", GOOD.replace(sha256(b"a"), "abc"), 1), r":9: a\.png in x\.download\.sha256: "),
    "wrong count": (entry("x", GOOD, 2), r":3: count: 2, but 1 hashes are given"),
    "file name that leaves the folder": (entry("x", GOOD.replace("a.png", "../a.png"), 1), r":9: "),
    "no such list": (entry("x", f"  download: {{url: {BASE}, list: nowhere.sha256}}\n", 1), r"no such file .*nowhere"),
    "leaves out what is not there": (
        entry("x", GOOD + "  leave_out: {b.png: why}\n", 1),
        r":10: no file 'b\.png' in x",
    ),
    "group called like a set": (entry("x", GOOD + "  groups: [x]\n", 1), r":10: group 'x' is also the name"),
    "not a mapping": ("- x", r":1: a mapping"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_bad_entries_are_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BenchError, match=message) as caught:
        load_datasets(catalogue(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "datasets.yaml:" in str(caught.value)


@pytest.mark.parametrize("line", ["abc  a.png", f"{sha256(b'a')}  a.png\n{sha256(b'b')}  a.png"])
def test_bad_hash_lists_name_their_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "list.sha256").write_text(line)
    text = entry("x", f"  download: {{url: {BASE}, list: list.sha256}}\n", 1)
    with pytest.raises(BenchError, match=r"list\.sha256:\d: "):
        load_datasets(catalogue(tmp_path, text))


def test_content_hash_is_known_without_the_data_and_ignores_names(tmp_path: Path) -> None:
    one, two = (
        load_datasets(catalogue(tmp_path, download_entry("x", BASE, files)))["x"].content_hash(tmp_path / "none")
        for files in ({"a.png": b"1", "b.png": b"2"}, {"z.png": b"1", "c.png": b"2"})
    )
    other = load_datasets(catalogue(tmp_path, download_entry("x", BASE, {"a.png": b"1", "b.png": b"3"})))["x"]
    assert one == two != other.content_hash(tmp_path / "none")
    left = load_datasets(
        catalogue(tmp_path, download_entry("x", BASE, {"a.png": b"1", "b.png": b"2"}) + "  leave_out: {b.png: why}\n")
    )["x"]
    assert left.content_hash(tmp_path / "none") != one


def folder_set(tmp_path: Path, extra: str = "") -> Path:
    photos = tmp_path / "photos"
    photos.mkdir(exist_ok=True)
    (photos / "b.png").write_bytes(b"2")
    (photos / "a.JPG").write_bytes(b"1")
    (photos / "notes.txt").write_text("no image")
    return catalogue(tmp_path, f"mine:\n  folder: photos\n  split: test\n{extra}")


def test_a_folder_of_ones_own_is_three_lines(tmp_path: Path) -> None:
    mine = load_datasets(folder_set(tmp_path))["mine"]
    assert [p.name for p in mine.files()] == ["a.JPG", "b.png"]
    before = mine.content_hash(tmp_path / "data")
    assert mine.content_hash(tmp_path / "data") == before
    (tmp_path / "photos" / "b.png").write_bytes(b"other")
    assert mine.content_hash(tmp_path / "data") != before


def test_names_that_change_the_order_in_which_a_training_draws_are_other_content(tmp_path: Path) -> None:
    mine, photos = load_datasets(folder_set(tmp_path))["mine"], tmp_path / "photos"
    before = mine.content_hash(tmp_path / "data")
    (photos / "a.JPG").rename(photos / "aa.JPG")
    assert mine.content_hash(tmp_path / "data") == before
    (photos / "aa.JPG").rename(photos / "c.JPG")
    assert mine.content_hash(tmp_path / "data") != before


def test_folder_hashes_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = load_datasets(folder_set(tmp_path))["mine"]
    before = mine.content_hash(tmp_path / "data")

    def never(path: Path) -> str:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr("bench.data.file_hashes.sha256_file", never)
    assert mine.content_hash(tmp_path / "data") == before
    monkeypatch.setattr("bench.data.file_hashes._KNOWN", {})  # as another process
    assert mine.content_hash(tmp_path / "data") == before


def test_where_nothing_can_be_remembered_folders_are_hashed_all_the_same(tmp_path: Path) -> None:
    mine = load_datasets(folder_set(tmp_path))["mine"]
    (tmp_path / "data").write_text("a file, so that nothing can be written below it")
    before = mine.content_hash(tmp_path / "data")
    (tmp_path / "photos" / "b.png").write_bytes(b"other")
    changed = mine.content_hash(tmp_path / "data")
    assert changed != before and changed == mine.content_hash(tmp_path / "elsewhere")


def test_a_folder_can_leave_images_out(tmp_path: Path) -> None:
    mine = load_datasets(folder_set(tmp_path, "  leave_out: {b.png: blurred}\n"))["mine"]
    assert [p.name for p in mine.files()] == ["a.JPG"]
    wrong = load_datasets(folder_set(tmp_path, "  leave_out: {c.png: blurred}\n"))["mine"]
    with pytest.raises(BenchError, match=r"leave_out names 'c\.png'"):
        wrong.files()


@pytest.mark.parametrize("make", [False, True])
def test_missing_and_empty_folders(tmp_path: Path, make: bool) -> None:
    if make:
        (tmp_path / "gone").mkdir()
    mine = load_datasets(catalogue(tmp_path, "mine: {folder: gone, split: test}"))["mine"]
    with pytest.raises(BenchError, match=r"gone: no image in this folder" if make else r"gone: no such folder"):
        mine.files()


def test_what_is_not_fetched_says_how_to_fetch_it(tmp_path: Path) -> None:
    found = load_datasets()
    for name in ("set12", "div2k_valid"):
        with pytest.raises(BenchError, match=f"python -m bench fetch {name}"):
            found[name].files(tmp_path)


def test_data_root_is_moved_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BENCH_DATA", raising=False)
    assert data_root() == Path("data")
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    assert manifest_path("set12") == tmp_path / "set12.json"


def test_what_is_no_file_is_not_waited_for_and_a_damaged_memory_is_forgotten(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "folder_hashes.json").write_text("[]")
    found = hash_folder([tmp_path / "a.png", tmp_path / "pipe.png"], tmp_path)
    assert found == {"a.png": hashlib.sha256(b"a").hexdigest(), "pipe.png": "unreadable"}
