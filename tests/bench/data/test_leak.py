"""Leak guard: a training photograph of a test set is recognised by content, whatever its name and form."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import catalogue, download_entry, public_mirror
from PIL import Image
from tiny_training import clouds

from bench.data.datasets import Dataset, load_datasets
from bench.data.images import Pixels, write_png
from bench.data.leak import THRESHOLD, overlaps, refuse_overlap
from bench.data.leak_pairs import cleared, refuse_leak
from bench.foundation.errors import BenchError
from bench.stages.fetch import fetch


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    root = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_DATA", str(root))
        fetch(["embedded"], progress=False)
        return {s: load_datasets()[f"embedded_{s}"].files(root) for s in ("train", "test")}


def _gray(image: Image.Image) -> Image.Image:
    return image.convert("L")


def _crop(image: Image.Image) -> Image.Image:
    return image.crop((0, 0, image.width - 7, image.height - 5))


FORMS: dict[str, tuple[str, Callable[[Image.Image], Image.Image]]] = {
    "the same": ("x.png", lambda i: i),
    "gray": ("x.png", _gray),
    "jpeg": ("x.jpg", lambda i: i.convert("RGB")),
    "gray, cropped to a multiple": ("x.png", lambda i: _crop(_gray(i))),
    "rotated, cropped, jpeg": ("x.jpg", lambda i: _crop(i.convert("RGB")).rotate(90, expand=True)),
    "turned upside down": ("x.png", lambda i: i.rotate(180)),
    "mirrored": ("x.png", lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "reduced": ("x.png", lambda i: i.resize((i.width * 2 // 3, i.height * 2 // 3), Image.Resampling.BICUBIC)),
    "noisy": (
        "x.png",
        lambda i: Image.fromarray(
            np.uint8(np.clip(np.asarray(i) + np.random.default_rng(0).normal(0, 15, np.shape(i)), 0, 255))
        ),
    ),
    "darker, less contrast": ("x.png", lambda i: i.point(lambda v: v * 0.6 + 10)),
}


@pytest.mark.parametrize(("name", "change"), FORMS.values(), ids=FORMS.keys())
def test_every_form_of_a_test_photograph_is_found(
    tmp_path: Path, embedded: dict[str, list[Path]], name: str, change: Callable[[Image.Image], Image.Image]
) -> None:
    for photo in embedded["test"]:
        other = tmp_path / f"{photo.stem}_{name}"
        with Image.open(photo) as image:
            change(image).save(other)
        found = overlaps([*embedded["train"], other], embedded["test"])
        assert [(a, b) for a, b, _ in found] == [(other, photo)]
        # The order of the two lists must not matter.
        assert [(a, b) for a, b, _ in overlaps(embedded["test"], [other])] == [(photo, other)]


def test_embedded_training_set_is_clean(embedded: dict[str, list[Path]]) -> None:
    assert overlaps(embedded["train"], embedded["test"]) == []
    refuse_overlap(embedded["train"], embedded["test"])


def test_training_on_a_test_photograph_is_refused(embedded: dict[str, list[Path]]) -> None:
    with pytest.raises(BenchError, match=r"astronaut\.png: is the test image .*\(and 2 more\).*leave_out") as caught:
        refuse_overlap(embedded["test"], embedded["test"])
    assert "\n" not in str(caught.value)


def test_flat_images_match_nothing(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        Image.new("L", (64, 64), 128).save(path)
    assert overlaps(paths[:1], paths[1:]) == []
    assert overlaps([], paths) == overlaps(paths, []) == []


def test_thumbnails_are_remembered_until_the_file_changes(tmp_path: Path, embedded: dict[str, list[Path]]) -> None:
    photo, cache = tmp_path / "photo.png", tmp_path / "cache" / "signatures.npz"
    photo.write_bytes(embedded["test"][0].read_bytes())
    assert len(overlaps([photo], embedded["test"], cache)) == 1
    written = cache.stat().st_mtime_ns
    assert len(overlaps([photo], embedded["test"], cache)) == 1
    assert cache.stat().st_mtime_ns == written
    photo.write_bytes(embedded["train"][0].read_bytes())
    assert overlaps([photo], embedded["test"], cache) == []
    cache.write_bytes(b"PK damaged")
    assert overlaps([photo], embedded["test"], cache) == []


def test_a_file_moved_into_the_place_of_another_is_looked_at_again(
    tmp_path: Path, embedded: dict[str, list[Path]]
) -> None:
    """It has the size and the mtime of the one before."""
    photo, other, cache = tmp_path / "photo.png", tmp_path / "other.png", tmp_path / "cache.npz"
    write_png(photo, np.full((64, 64), 128, np.uint8))
    other.write_bytes(embedded["test"][0].read_bytes())
    size = max(path.stat().st_size for path in (photo, other))
    for path in (photo, other):  # what follows the end of a PNG is not read
        path.write_bytes(path.read_bytes().ljust(size, b"\0"))
        os.utime(path, ns=(10**18, 10**18))
    assert overlaps([photo], embedded["test"], cache) == []
    other.replace(photo)
    assert len(overlaps([photo], embedded["test"], cache)) == 1


def test_what_cannot_be_read_matches_nothing(tmp_path: Path, embedded: dict[str, list[Path]]) -> None:
    """Training and evaluation name it; one bad file must not keep the others from being compared."""
    (tmp_path / "half.png").write_bytes(embedded["test"][0].read_bytes()[:5000])
    bad = [tmp_path / "gone.png", tmp_path / "half.png"]
    assert overlaps(bad, embedded["test"], tmp_path / "cache.npz") == []
    found = overlaps([*bad, embedded["test"][0]], embedded["test"], tmp_path / "cache.npz")
    assert [pair[0] for pair in found] == [embedded["test"][0]]
    (tmp_path / "half.png").write_bytes(embedded["test"][0].read_bytes())
    assert len(overlaps(bad, embedded["test"], tmp_path / "cache.npz")) == 1


def _sets(root: Path) -> dict[str, Dataset]:
    """A training and a test set that are declared with sha256 and share one of two photographs."""
    entries = []
    for name, seeds in (("ours", (1, 2)), ("theirs", (2, 3))):
        for seed in seeds:
            write_png(root / name / f"{seed}.png", clouds(96, 96, seed=seed))
        files = {f"{seed}.png": (root / name / f"{seed}.png").read_bytes() for seed in seeds}
        entries.append(download_entry(name, "https://files.invalid/set", files))
    return load_datasets(catalogue(root, *entries))


@pytest.mark.parametrize("damage", ["truncated", "another"])
def test_a_pair_is_not_cleared_by_a_file_that_was_not_compared(tmp_path: Path, damage: str) -> None:
    """A clearance is named after the declared bytes: once those are fetched, the pair must be compared."""
    sets = _sets(tmp_path)
    pair, photo = (sets["ours"], sets["theirs"]), tmp_path / "theirs" / "2.png"
    declared = photo.read_bytes()
    if damage == "truncated":
        photo.write_bytes(declared[:3000])
    else:
        write_png(photo, clouds(96, 96, seed=9))
    refuse_leak(*pair, tmp_path)
    assert not cleared(*pair, tmp_path)
    photo.write_bytes(declared)
    with pytest.raises(BenchError, match=r"ours/2\.png: is the test image .*theirs/2\.png"):
        refuse_leak(*pair, tmp_path)


def test_a_pair_is_not_cleared_while_a_file_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where memory ran out: the bytes are the declared ones."""
    sets = _sets(tmp_path)
    clean = sets["theirs"].model_copy(update={"leave_out": {"2.png": "in ours"}})
    with monkeypatch.context() as patch:
        patch.setattr("bench.data.leak.thumbnail", _out_of_memory)
        refuse_leak(sets["ours"], clean, tmp_path)
    assert not cleared(sets["ours"], clean, tmp_path)
    refuse_leak(sets["ours"], clean, tmp_path)
    assert cleared(sets["ours"], clean, tmp_path)


def _out_of_memory(path: Path, side: int) -> Pixels:
    raise BenchError(f"{path}: out of memory while it was read")


@pytest.mark.mirror
def test_real_sets(tmp_path: Path) -> None:
    """Needs BENCH_MIRROR. Offline sibling: `test_every_form_of_a_test_photograph_is_found`."""
    host = public_mirror() / "raw.githubusercontent.com"
    train = sorted(host.glob("BIDS/BSDS500/*/BSDS500/data/images/*/*.jpg"))
    bsd100 = sorted(host.glob("jbhuang0604/SelfExSR/*/data/BSD100/image_SRF_4/*.png"))
    bsd68 = sorted(host.glob("cszn/DnCNN/*/testsets/BSD68/*.png"))
    others = sorted([*host.glob("cszn/DnCNN/*/testsets/Set12/*.png"), *host.glob("jbhuang0604/*/*/data/[SU]*/*/*.png")])
    assert (len(train), len(bsd100), len(bsd68), len(others)) == (400, 100, 68, 131)
    cache = tmp_path / "signatures.npz"
    found = overlaps(train, [*bsd100, *bsd68, *others], cache)
    assert [(a.name, b.parts[-3], b.name) for a, b, _ in found] == [("302003.jpg", "Set5", "img_005_SRF_4_HR.png")]
    # BSD68 (gray) lies in BSD100 (colour); as a val JPEG would, the colour image is recognised.
    jpegs = []
    for path in bsd100:
        jpegs.append(tmp_path / f"{path.stem}.jpg")
        with Image.open(path) as image:
            image.save(jpegs[-1], quality=75)
    found = overlaps(jpegs, bsd68, cache)
    assert {b for _, b, _ in found} == set(bsd68) and len(found) == 68
    assert min(score for _, _, score in found) > THRESHOLD + 0.1
