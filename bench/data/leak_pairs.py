"""One training set against one test set, compared once: what is cleared is remembered by the content of both."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bench.data.datasets import Dataset, data_root
from bench.data.leak import THRESHOLD, refuse_overlap
from bench.foundation import atomic


def cleared(train: Dataset, test: Dataset, root: Path | None = None) -> bool:
    """Whether the two, as they are now, have been compared and share no photograph."""
    return _clearance(train, test, root or data_root()).is_file()


def refuse_leak(train: Dataset, test: Dataset, root: Path | None = None) -> None:
    """Refuses to score on a test set that shares a photograph with a training set, whatever their names.

    Args:
        train: fetched.
        test: fetched.
        root: the data root.

    Raises:
        BenchError: the most similar pair; or one of the sets is not here to be compared.
    """
    place = root or data_root()
    clearance = _clearance(train, test, place)
    if clearance.is_file():
        return
    refuse_overlap(train.files(place), test.files(place), place / "thumbnails.npz")
    record = {"train": train.name, "test": test.name, "threshold": THRESHOLD}
    atomic.write_bytes(clearance, (json.dumps(record) + "\n").encode())


def _clearance(train: Dataset, test: Dataset, root: Path) -> Path:
    content = json.dumps([train.content_hash(root), test.content_hash(root), THRESHOLD])
    name = f"{train.name}-{test.name}-{hashlib.sha256(content.encode()).hexdigest()[:10]}.json"
    return root / "leaks" / name
