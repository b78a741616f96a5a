"""The training photographs of a run in memory, and a packed form of them for machines without the files.

``pack(dataset)`` writes ``<data root>/<name>.npz``: decoded pixels and the hash of the content that
they were read from. Where that file exists it is read instead of the images, so one file can be
carried to another machine; a pack of other content than ``datasets.yaml`` declares is refused.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bench.data.datasets import Dataset, data_root
from bench.data.images import Color, Pixels, as_color, read_images
from bench.foundation import atomic
from bench.foundation.errors import BenchError

_HASH = "content_hash"


def pack_path(name: str, root: Path | None = None) -> Path:
    """``<data root>/<name>.npz``."""
    return (root or data_root()) / f"{name}.npz"


def pack(dataset: Dataset, root: Path | None = None) -> Path:
    """Writes the decoded images of a data set into one file and returns its path.

    Raises:
        BenchError: not fetched, a damaged image, or the file cannot be written.
    """
    pixels = read_images(dataset.files(root))
    arrays = {f"{i:06d}": image for i, image in enumerate(pixels)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays, **{_HASH: np.array(dataset.content_hash(root))})  # type: ignore[arg-type]
    path = pack_path(dataset.name, root)
    atomic.write_bytes(path, buffer.getvalue())
    return path


def training_images(datasets: Iterable[Dataset], color: Color, root: Path | None = None) -> list[Pixels]:
    """All images of the data sets, (H, W, C) uint8, in the order of names; packed ones where there is a pack.

    Raises:
        BenchError: neither fetched nor packed, a pack of other content, a damaged file.
    """
    found: list[Pixels] = []
    for dataset in datasets:
        path = pack_path(dataset.name, root)
        if path.is_file():
            found += [as_color(image, color) for image in _unpack(path, dataset, root)]
        else:
            found += read_images(dataset.files(root), color)
    return found


def _unpack(path: Path, dataset: Dataset, root: Path | None) -> list[Pixels]:
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file[_HASH]) != dataset.content_hash(root):
                raise BenchError(f"{path}: holds another content than data set {dataset.name!r} has; delete it")
            return [file[name] for name in sorted(file.files) if name != _HASH]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BenchError(f"{path}: damaged; delete it ({error})") from error
