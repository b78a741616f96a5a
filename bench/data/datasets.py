"""``datasets.yaml`` as typed entries: what there is, where it lies on disk, what identifies it.

Torch-free and quick: the Snakefile reads it every time it is parsed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from bench.data.dataset_sources import Archive, Download, FileName, Package, Sha256
from bench.data.file_hashes import hash_folder, read_list
from bench.data.image_folder import images_in, kernels_in
from bench.foundation import strict_yaml
from bench.foundation.errors import BenchError, nearest
from bench.foundation.strict_model import Strict

CATALOGUE = Path(__file__).resolve().parents[2] / "datasets.yaml"


class Dataset(Strict):
    """One entry of ``datasets.yaml``: exactly one source, and what a reader must know about it."""

    split: Literal["train", "test", "weights", "kernels"]
    count: Annotated[int, Field(ge=1)] | None = None
    licence: str | None = None
    citation: str | None = None
    note: str | None = None
    groups: list[str] = Field(default_factory=list)
    leave_out: dict[str, str] = Field(default_factory=dict)
    """File → why it is fetched but not used (a photograph of a test set, found by `bench.data.leak`)."""
    download: Download | None = None
    archive: Archive | None = None
    package: Package | None = None
    generated: dict[FileName, Sha256] | None = None
    folder: str | None = None
    _name: str = PrivateAttr(default="")
    _base: Path = PrivateAttr(default=CATALOGUE.parent)
    _hashes: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _one_source(self) -> Dataset:
        sources = ("download", "archive", "package", "generated", "folder")
        given = [s for s in sources if getattr(self, s) is not None]
        if len(given) != 1:
            raise ValueError(f"one source of {', '.join(sources)} is needed, not {' and '.join(given) or 'none'}")
        missing = [k for k in ("count", "licence", "citation") if getattr(self, k) is None]
        if self.folder is None and missing:
            raise ValueError(f"{' and '.join(missing)} needed (only an entry with folder goes without)")
        return self

    @property
    def name(self) -> str:
        """Its key in ``datasets.yaml``."""
        return self._name

    @property
    def hashes(self) -> dict[str, str]:
        """File name → sha256 as declared, sorted by name; empty for archives and folders."""
        return self._hashes

    def content_hash(self, root: Path | None = None) -> str:
        """Identity of the content: a sha256 over the sorted sha256 of the files.

        Known from ``datasets.yaml`` without touching the data; an archive counts by its own hash
        (by its url where none is published, so that a run's identity does not change with the
        download), and a folder of the user's by the bytes of its files in the order of their names, which is that in
        which a training draws them; remembered (`bench.data.file_hashes.file_key`).

        Args:
            root: the data root, where folder hashes are remembered; default `data_root`.
        """
        if self.archive is not None:
            parts = [self.archive.hash or self.archive.url, self.archive.members, *sorted(self.leave_out)]
        elif self.folder is not None:
            parts = [*hash_folder(self.folder_files(), root or data_root()).values()]
        else:
            parts = sorted(sha for name, sha in self._hashes.items() if name not in self.leave_out)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def directory(self, root: Path | None = None) -> Path:
        """Where its files lie: ``<root>/<name>``, or the user's own folder."""
        if self.folder is not None:
            return self._base / Path(self.folder).expanduser()
        return (root or data_root()) / self._name

    def files(self, root: Path | None = None) -> list[Path]:
        """Its files on disk in order of their names, without those that ``leave_out`` names.

        Raises:
            BenchError: not fetched yet, or a file is missing.
        """
        if self.folder is not None:
            return self.folder_files()
        names = list(self._hashes) if self.archive is None else self._unpacked(root)
        paths = [self.directory(root) / n for n in self.keep(names)]
        for path in paths:
            if not path.is_file():
                raise BenchError(f"{path}: missing; run: python -m bench fetch {self._name}")
        return paths

    def file(self, name: str, root: Path | None = None) -> Path:
        """One file by its name.

        Raises:
            BenchError: no such file in the set (with the nearest one), or not fetched yet.
        """
        by_name = {p.name: p for p in self.files(root)}
        if name not in by_name:
            raise BenchError(f"{self._name} has no file {name!r}{nearest(name, by_name)}")
        return by_name[name]

    def keep(self, names: Sequence[str]) -> list[str]:
        """``names`` without those that ``leave_out`` names.

        Raises:
            BenchError: ``leave_out`` names a file that is not among them.
        """
        for left in self.leave_out:
            if left not in names:
                raise BenchError(f"{self._name}: leave_out names {left!r}, which is not there{nearest(left, names)}")
        return [n for n in names if n not in self.leave_out]

    def folder_files(self) -> list[Path]:
        """Images, or blur kernels, directly inside the user's folder, sorted by name, without those left out."""
        folder = self.directory()
        try:
            names = [path.name for path in (kernels_in if self.split == "kernels" else images_in)(folder)]
        except BenchError as error:
            raise BenchError(f"{error} (data set {self._name!r} in datasets.yaml)") from error
        return [folder / n for n in self.keep(names)]

    def _unpacked(self, root: Path | None) -> list[str]:
        listed = manifest_files(self._name, root)
        if listed is None:
            path = manifest_path(self._name, root)
            raise BenchError(f"{path}: missing or damaged; run: python -m bench fetch {self._name}")
        return list(listed)


def data_root() -> Path:
    """The folder for fetched data: ``BENCH_DATA``, or ``data`` in the working directory."""
    return Path(os.environ.get("BENCH_DATA") or "data").expanduser()


def manifest_path(name: str, root: Path | None = None) -> Path:
    """``<root>/<name>.json``: written last by fetch, so that it says that the set is complete."""
    return (root or data_root()) / f"{name}.json"


def manifest_files(name: str, root: Path | None = None) -> dict[str, str] | None:
    """File name → sha256 as a fetched set's manifest lists them; None where there is none that can be read."""
    try:
        entries = json.loads(manifest_path(name, root).read_text(encoding="utf-8"))["files"]
        return {str(entry["file"]): str(entry["sha256"]) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def load_datasets(path: Path | None = None) -> dict[str, Dataset]:
    """Every entry of ``datasets.yaml``, validated.

    Raises:
        BenchError: anything wrong in the file, with file, line and nearest valid name.
    """
    document = strict_yaml.load(path or CATALOGUE)
    if not isinstance(document.data, dict):
        raise document.error((), "a mapping of names to data sets is expected")
    found: dict[str, Dataset] = {}
    for name, data in document.data.items():
        at = (name,)
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", str(name)):
            raise document.error(at, f"{name!r}: a name is made of a-z, 0-9, _ and -")
        entry = strict_yaml.validate(document, Dataset, data, at)
        entry._name, entry._base = str(name), document.path.resolve().parent
        entry._hashes.update(_declared(entry, document, at))
        if entry.count is not None and entry._hashes and len(entry._hashes) != entry.count:
            raise document.error((*at, "count"), f"count: {entry.count}, but {len(entry._hashes)} hashes are given")
        for file in entry.leave_out if entry._hashes else ():
            if file not in entry._hashes:
                hint = nearest(file, entry._hashes)
                raise document.error((*at, "leave_out", file), f"no file {file!r} in {name}{hint}")
        found[str(name)] = entry
    _check_groups(document, found)
    return found


def resolve(names: Sequence[str], datasets: dict[str, Dataset] | None = None) -> list[Dataset]:
    """Entries by name or by group (``embedded``, ``released``, ``all_test``, …), each once.

    Raises:
        BenchError: an unknown name, with the nearest valid one.
    """
    known = load_datasets() if datasets is None else datasets
    groups = sorted({g for d in known.values() for g in d.groups})
    chosen: dict[str, Dataset] = {}
    for name in names:
        members = [known[name]] if name in known else [d for d in known.values() if name in d.groups]
        if not members:
            allowed = [*known, *groups]
            raise BenchError(f"unknown data set {name!r}{nearest(name, allowed)} (allowed: {', '.join(allowed)})")
        chosen.update({d.name: d for d in members})
    return list(chosen.values())


def _check_groups(document: strict_yaml.Document, found: dict[str, Dataset]) -> None:
    for name, entry in found.items():
        for i, group in enumerate(entry.groups):
            if group in found:
                raise document.error((name, "groups", i), f"group {group!r} is also the name of a data set")


def _declared(entry: Dataset, document: strict_yaml.Document, at: tuple[Any, ...]) -> dict[str, str]:
    """File name → sha256 from whichever place the entry gives them in, sorted by name."""
    if entry.download is not None and entry.download.list is not None:
        path = entry._base / entry.download.list
        if not path.is_file():
            raise document.error((*at, "download", "list"), f"list: no such file {path}")
        return read_list(path)
    if entry.download is not None:
        hashes = dict(entry.download.sha256 or {})
    elif entry.package is not None:
        hashes = {n: p.sha256 for n, p in entry.package.files.items()}
    else:
        hashes = dict(entry.generated or {})
    return dict(sorted(hashes.items()))
