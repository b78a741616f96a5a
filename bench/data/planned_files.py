"""The files that scores and trainings are named after, each read only if it still has the bytes that it is named by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from bench.data.datasets import Dataset
from bench.data.file_hashes import sha256_file
from bench.data.scored_content import named_hashes, row_names, scored
from bench.foundation.errors import BenchError

Content = TypeVar("Content")


class PlannedFile(NamedTuple):
    """A file of a data set, and what identifies it."""

    path: Path
    sha256: str
    dataset: str
    """Its data set's name."""

    def read(self, reader: Callable[[Path], Content]) -> Content:
        """What ``reader`` makes of the file.

        Raises:
            BenchError: the reader's, or it is another file than was planned: its numbers would stand for another's.
        """
        content = reader(self.path)
        if sha256_file(self.path) != self.sha256:
            raise BenchError(
                f"{self.path}: is not the file that datasets.yaml or its folder's list has: "
                f"python -m bench fetch {self.dataset}"
            )
        return content


class PlannedFiles(NamedTuple):
    """Images and kernels of a test by the names that metric tables give them, in the order of scoring."""

    images: dict[str, PlannedFile]
    kernels: dict[str, PlannedFile]
    """Empty where the protocol takes none."""


def planned_files(
    datasets: Mapping[str, Dataset],
    data: str,
    kernels: str | None = None,
    *,
    subset: str | None = None,
    only: Sequence[str] | None = None,
    content: str,
) -> PlannedFiles:
    """The files of a test on the disk.

    Args:
        datasets: every data set by name.
        data: the images' data set.
        kernels: the kernels' data set.
        subset: some of the images (`bench.data.subsets`).
        only: some of the kernels, by `row_names`.
        content: `bench.data.scored_content.Scored.identity` when the test was planned.

    Raises:
        BenchError: a file is missing, which is so said before anything is scored, or other files were planned.
    """
    there = {path.name: path for path in datasets[data].files()}
    found = scored(datasets, data, kernels, subset=subset, only=only)
    if found.identity != content or found.images is None or found.kernels is None:
        raise BenchError(f"{data}: its files changed after this was planned; start again")
    names, called = row_names(found.images), row_names(named_hashes(datasets[str(kernels)]) or () if kernels else ())
    taps = {called[name]: (datasets[str(kernels)].file(name), sha) for name, sha in found.kernels.items()}
    return PlannedFiles(
        {names[name]: PlannedFile(there[name], sha, data) for name, sha in found.images.items()},
        {name: PlannedFile(path, sha, str(kernels)) for name, (path, sha) in taps.items()},
    )
