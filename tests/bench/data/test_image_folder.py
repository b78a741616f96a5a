"""Which files of a folder are images, and that any name is taken."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import photograph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data.decoding import decode
from bench.data.image_folder import images_in
from bench.data.images import read_image, write_png
from bench.foundation.errors import BenchError

PHOTO = photograph(8, 10)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_hidden_files_and_folders_are_no_images_and_a_dead_link_is_one(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.png"):
        write_png(tmp_path / name, PHOTO)
    for name in ("._a.png", ".a.png", "Thumbs.db", ".DS_Store", "a.png.txt"):
        (tmp_path / name).write_bytes(b"no image")
    (tmp_path / "folder.png").mkdir()
    assert [p.name for p in images_in(tmp_path)] == ["a.png", "b.PNG"]
    (tmp_path / "c.png").symlink_to(tmp_path / "nowhere.png")
    assert [p.name for p in images_in(tmp_path)] == ["a.png", "b.PNG", "c.png"]
    with pytest.raises(BenchError, match=r"c\.png: a link to a file that is not there"):
        decode(tmp_path / "c.png")
    with pytest.raises(BenchError, match="no image in this folder"):
        images_in(tmp_path / "folder.png")
    with pytest.raises(BenchError, match="no such folder"):
        images_in(tmp_path / "nowhere")


@QUICK
@given(stem=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_name_is_found(tmp_path: Path, stem: str) -> None:
    folder = tmp_path / "names"
    folder.mkdir(exist_ok=True)
    path = folder / f"{stem}.png"
    try:
        path.touch()
        write_png(path, PHOTO)
    except OSError:  # longer than the file system takes
        return
    if stem.startswith("."):
        path.unlink()
        return
    assert images_in(folder) == [path] and np.array_equal(read_image(path), PHOTO)
    path.unlink()


def test_a_name_that_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.png")).touch()
    with pytest.raises(BenchError, match=r"caf\\xe9\.png is not UTF-8"):
        images_in(tmp_path)
