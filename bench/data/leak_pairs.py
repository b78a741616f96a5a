"""One training set against one test set, compared once: what is cleared is remembered by the content of both."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bench.data.datasets import Dataset, data_root
from bench.data.file_hashes import hash_folder
from bench.data.leak import THRESHOLD, refuse_overlap, unreadable
from bench.data.scored_content import named_hashes
from bench.foundation import atomic


def cleared(train: Dataset, test: Dataset, root: Path | None = None) -> bool:
    """Whether the two, as they are now, have been compared and share no photograph."""
    return _clearance(train, test, root or data_root()).is_file()


def refuse_leak(train: Dataset, test: Dataset, root: Path | None = None) -> None:
    """Refuses to score on a test set that shares a photograph with a training set, whatever their names.

    What is damaged, or not the file that is declared, was not compared: then nothing is cleared, and the pair is
    compared again once it is fetched.

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
    ours, theirs, cache = train.files(place), test.files(place), place / "thumbnails.npz"
    whole = _as_declared(train, place) and _as_declared(test, place) and not unreadable([*ours, *theirs], cache)
    refuse_overlap(ours, theirs, cache)
    if whole:
        record = {"train": train.name, "test": test.name, "threshold": THRESHOLD}
        atomic.write_bytes(clearance, (json.dumps(record) + "\n").encode())


def _as_declared(dataset: Dataset, root: Path) -> bool:
    """Whether the bytes on the disk are those that a clearance would be named after."""
    return hash_folder(dataset.files(root), root) == named_hashes(dataset, root)


def _clearance(train: Dataset, test: Dataset, root: Path) -> Path:
    content = json.dumps([train.content_hash(root), test.content_hash(root), THRESHOLD])
    name = f"{train.name}-{test.name}-{hashlib.sha256(content.encode()).hexdigest()[:10]}.json"
    return root / "leaks" / name
