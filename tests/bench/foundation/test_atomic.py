"""Files that are whole or not there: what is left of an interrupted one, and who may read a whole one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.foundation import atomic
from bench.foundation.errors import BenchError


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        atomic.write_bytes(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_the_umask_of_the_process_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that set and restore it can leave each other's value."""

    def never(_: int) -> int:
        raise AssertionError

    monkeypatch.setattr(os, "umask", never)
    assert atomic.write_bytes(tmp_path / "a", b"x")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_is_interrupted_leaves_the_old_file_alone(tmp_path: Path, error: type[BaseException]) -> None:
    atomic.write_bytes(tmp_path / "a", b"old")
    with pytest.raises(error), atomic.writing(tmp_path / "a") as file:
        file.write(b"half")
        raise error
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"old")]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match="cannot be written"):
        atomic.write_bytes(tmp_path / "file" / "a", b"x")
