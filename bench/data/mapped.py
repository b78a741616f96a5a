"""Arrays in one file that processes of a machine share: written once, mapped into memory, read page by page.

The file is an ordinary ``.npz`` without compression (``numpy.load`` reads it), so that every array lies in it as it
lies in memory. What a process touches is in the system's page cache, once for all of them, and can be dropped.
"""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.foundation import atomic
from bench.foundation.errors import BenchError
from bench.foundation.lifeline import only_worker

MARK = "mark"
"""The member that says what the others were made of."""
WAIT_S = 7200.0
"""Another process may be writing: some thousand photographs take it many minutes."""


def mapped(path: Path, mark: str, make: Callable[[], Iterable[NDArray[Any]]]) -> list[NDArray[Any]]:
    """The arrays of a file, read-only and memory-mapped; it is written first, unless it is there with that mark.

    Args:
        path: the ``.npz`` file.
        mark: names the content; a file with another one, or a damaged one, is written anew.
        make: yields the arrays one after another; no more than one is held.

    Raises:
        BenchError: the file cannot be written, or what ``make`` raises.
    """
    found = _open(path, mark)
    if found is None:
        with only_worker(path.with_suffix(".lock"), f"writing {path}", WAIT_S):
            found = _open(path, mark)  # by whoever held the lock before
            if found is None:
                _write(path, mark, make())
                found = _open(path, mark)
    if found is None:
        raise BenchError(f"{path}: written, but cannot be read back; is the disk sound?")
    return found


def _write(path: Path, mark: str, arrays: Iterable[NDArray[Any]]) -> None:
    with atomic.writing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as bundle:
        _add(bundle, MARK, np.array(mark))
        for index, array in enumerate(arrays):
            _add(bundle, f"{index:06d}", array)


def _add(bundle: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    with bundle.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)


def _open(path: Path, mark: str) -> list[NDArray[Any]] | None:
    """None where there is no whole file with that mark."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as bundle:
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            arrays = {info.filename: _view(pages, info) for info in bundle.infolist()}
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    said = arrays.pop(f"{MARK}.npy", None)
    return list(arrays.values()) if said is not None and str(said) == mark else None


def _view(pages: mmap.mmap, info: zipfile.ZipInfo) -> NDArray[Any]:
    """One member as an array on the mapped pages, no byte of it read yet."""
    at = info.header_offset
    # A local header: 30 bytes, of which the last four are the lengths of a name and of an extra field.
    pages.seek(at + 30 + sum(int.from_bytes(pages[at + i : at + i + 2], "little") for i in (26, 28)))
    version = np.lib.format.read_magic(pages)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(pages)
    return np.ndarray(shape, dtype, pages, pages.tell())
