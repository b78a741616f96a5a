"""What a test scores: which files of a data set, under which kernels, and the identity of their bytes. Torch-free."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from bench.data.datasets import Dataset, data_root, manifest_files
from bench.data.file_hashes import hash_folder
from bench.data.subsets import chosen


@dataclass(frozen=True)
class Scored:
    """File name → sha256, in the order in which the files are scored; None for an archive that is not unpacked."""

    images: Mapping[str, str] | None
    kernels: Mapping[str, str] | None
    """Empty where the protocol has no kernel."""
    identity: str
    """Ten hex digits over names and bytes: other images, another order or another name is other content."""

    def cases(self) -> list[tuple[str, str]] | None:
        """(image, kernel) of every score, as metric tables name them; None where the files are not known yet."""
        if self.images is None or self.kernels is None:
            return None
        images = row_names(self.images)
        kernels = [*row_names(self.kernels).values()] or [""]
        return [(images[name], kernel) for name in self.images for kernel in kernels]


def scored(
    datasets: Mapping[str, Dataset],
    data: str,
    kernels: str | None = None,
    *,
    subset: str | None = None,
    only: Sequence[str] | None = None,
    root: Path | None = None,
) -> Scored:
    """The files of a test (`bench.config.evaluation.Evaluation`), known without fetching them.

    Args:
        datasets: every data set by name.
        data: the images' data set.
        kernels: the kernels' data set.
        subset: `bench.data.subsets.chosen`.
        only: some of the kernels, by `row_names`.
        root: the data root.

    Raises:
        BenchError: a folder of the user's that is not there, a bad subset.
    """
    images = named_hashes(datasets[data], root)
    if images is not None:
        images = {name: images[name] for name in chosen(list(images), subset)}
    taps: dict[str, str] | None = {}
    if kernels is not None:
        taps = named_hashes(datasets[kernels], root)
        if taps is not None and only is not None:
            called = row_names(taps)
            taps = {name: sha for name, sha in taps.items() if called[name] in only}
    parts = [_part(datasets[data], images, subset)]
    if kernels is not None:
        parts.append(_part(datasets[kernels], taps, only))
    return Scored(images, taps, hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:10])


def named_hashes(dataset: Dataset, root: Path | None = None) -> dict[str, str] | None:
    """File name → sha256 of the files of a data set that are used, in order of their names.

    As declared, of a folder of the user's as they are on the disk, of an archive as they were unpacked; None for an
    archive that is not fetched yet.
    """
    if dataset.folder is not None:
        return hash_folder(dataset.folder_files(), root or data_root())
    if dataset.archive is None:
        return {name: dataset.hashes[name] for name in dataset.keep(list(dataset.hashes))}
    found = manifest_files(dataset.name, root)
    return None if found is None else {name: found[name] for name in dataset.keep(list(found))}


def _part(dataset: Dataset, files: Mapping[str, str] | None, choice: str | Sequence[str] | None) -> list[object]:
    if files is None or dataset.archive is not None:  # by its own hash, the same before and after it is unpacked
        return [dataset.content_hash(), choice]
    return [*files.items()]


def row_names(files: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """File name → how metric tables name it: its stem, or the whole name where another file has that stem or name."""
    stems = [PurePath(name).stem for name in files]
    taken = {stem for stem in stems if stems.count(stem) > 1} | {*files}
    return {name: name if stem in taken else stem for name, stem in zip(files, stems, strict=True)}
