"""Stage fetch: data sets from ``datasets.yaml`` to the data folder, every byte checked.

The manifest ``<root>/<name>.json`` is written last: where it exists, the set is complete, and
everything downstream depends on it. A second fetch checks the hashes, needs no network and leaves
the manifest alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bench.data import archives, kernels
from bench.data.datasets import Dataset, data_root, load_datasets, manifest_path, resolve
from bench.data.download import download, mirror
from bench.data.file_hashes import sha256_file
from bench.foundation import atomic
from bench.foundation.errors import BenchError


def fetch(names: Sequence[str], *, jobs: int = 4, progress: bool = True, catalogue: Path | None = None) -> None:
    """Bring data sets to `bench.data.datasets.data_root`, from ``BENCH_MIRROR`` first.

    Args:
        names: data sets or groups (``embedded``, ``released``, ``all_test``, …).
        jobs: files fetched (or checked) at the same time.
        progress: a progress bar per data set on stderr.
        catalogue: another ``datasets.yaml``.

    Raises:
        BenchError: unknown name, wrong hash, missing file or mirror, full disk, no network: file,
            URL and remedy. Sets and files fetched until then stay.
    """
    if jobs < 1:
        raise BenchError(f"jobs={jobs}: at least one is needed")
    chosen = resolve(names, load_datasets(catalogue))
    root = data_root()
    for dataset in chosen:
        _fetch_one(dataset, root, jobs, progress)


def _fetch_one(dataset: Dataset, root: Path, jobs: int, progress: bool) -> None:
    if dataset.archive is not None:
        files, extra = _fetch_archive(dataset, root, jobs, progress)
    elif dataset.folder is not None:
        files, extra = _describe(dataset.folder_files(), jobs, dataset.name, progress), {}
    else:
        _fetch_files(dataset, root, jobs, progress)
        directory = dataset.directory(root)
        files = [
            {"file": name, "bytes": (directory / name).stat().st_size, "sha256": sha}
            for name, sha in dataset.hashes.items()
        ]
        extra = {}
    manifest = {
        "name": dataset.name,
        "split": dataset.split,
        "content_hash": dataset.content_hash(root),
        "licence": dataset.licence,
        "citation": dataset.citation,
        "leave_out": dataset.leave_out,
        **extra,
        "files": files,
    }
    atomic.write_json(manifest_path(dataset.name, root), manifest, only_if_changed=True)


def _fetch_files(dataset: Dataset, root: Path, jobs: int, progress: bool) -> None:
    """Every file whose hash is declared: from the mirror or the network, from a package, or generated."""
    directory = dataset.directory(root)
    bring = _bringer(dataset)

    def one(name: str) -> None:
        target, sha = directory / name, dataset.hashes[name]
        if not (target.is_file() and sha256_file(target) == sha):
            bring(name, target, sha)

    _in_parallel(one, list(dataset.hashes), jobs, dataset.name, progress)


def _bringer(dataset: Dataset) -> Callable[[str, Path, str], None]:
    """How one file of this data set is made: (name, target, sha256) → None."""
    if dataset.download is not None:
        base, place = dataset.download.url.rstrip("/"), mirror()
        return lambda name, target, sha: download(f"{base}/{name}", target, f"sha256:{sha}", place)
    if dataset.package is not None:
        folder = _package_folder(dataset)
        return lambda name, target, sha: _copy(folder / name, target, sha)
    return _generate


def _package_folder(dataset: Dataset) -> Path:
    """The folder inside the installed package, found without importing it."""
    assert dataset.package is not None
    module, _, inside = dataset.package.folder.partition("/")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise BenchError(f"{dataset.name}: the package {module} is not installed (pip install scikit-image)")
    return Path(spec.origin).parent / inside


def _copy(source: Path, target: Path, sha: str) -> None:
    try:
        data = source.read_bytes()
    except OSError as error:
        raise BenchError(f"{source}: cannot be read ({error.strerror}); reinstall scikit-image") from error
    _write(
        target,
        data,
        sha,
        f"{source}; this version of the package has another file (constraints.txt pins it)",
    )


def _generate(name: str, target: Path, sha: str) -> None:
    if name not in kernels.EMBEDDED:
        raise BenchError(f"bench/data/kernels.py does not make {name!r} (it makes: {', '.join(kernels.EMBEDDED)})")
    _write(
        target,
        kernels.embedded_bytes(name),
        sha,
        "bench/data/kernels.py; correct datasets.yaml if this is meant",
    )


def _write(target: Path, data: bytes, sha: str, source: str) -> None:
    if hashlib.sha256(data).hexdigest() != sha:
        raise BenchError(f"{target}: wrong sha256 from {source}, expected {sha[:12]}…")
    atomic.write_bytes(target, data)


def _fetch_archive(
    dataset: Dataset, root: Path, jobs: int, progress: bool
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Download, check, unpack, delete the archive. Returns the manifest's ``files`` and ``archive``."""
    archive = dataset.archive
    assert archive is not None and dataset.count is not None
    done = _manifest(dataset, root)
    if done is not None and _intact(dataset, root, done["files"], jobs, progress):
        return done["files"], {"archive": done["archive"]}
    path = root / "archives" / archive.url.rsplit("/", 1)[1]
    _check_space(dataset, root, path)
    lock = root / f"{dataset.name}.lock"
    known = archive.hash or _locked(lock)
    download(archive.url, path, known, mirror(), progress=progress)
    archives.unpack(path, archive.members, dataset.directory(root), dataset.count)
    if known is None:  # recorded only now, so that a broken first download cannot lock out a good one
        known = f"sha256:{sha256_file(path)}"
        atomic.write_bytes(lock, f"{known}  {archive.url}\n".encode())
    unpacked = sorted(dataset.directory(root).iterdir())
    dataset.keep([p.name for p in unpacked])  # says so at once if leave_out names a file that is not there
    files = _describe(unpacked, jobs, dataset.name, progress)
    path.unlink()
    how = "published" if archive.hash else f"recorded at the first download ({lock.name}); no hash is published"
    return files, {"archive": {"url": archive.url, "hash": known, "hash_source": how}}


def _locked(lock: Path) -> str | None:
    """The hash that the first download recorded."""
    if not lock.is_file():
        return None
    text = lock.read_text(encoding="utf-8").split()
    if not text or not text[0].startswith("sha256:"):
        raise BenchError(
            f"{lock}: damaged; it holds the hash of the first download: restore it, or delete it to record anew"
        )
    return text[0]


def _check_space(dataset: Dataset, root: Path, path: Path) -> None:
    """Refuse to start what the disk cannot hold: the archive and its unpacked images."""
    assert dataset.archive is not None
    size = dataset.archive.bytes
    if size is None:
        return
    root.mkdir(parents=True, exist_ok=True)
    needed = size * (1 if path.is_file() else 2)
    free = shutil.disk_usage(root).free
    if free < needed:
        raise BenchError(
            f"{root}: {dataset.name} needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; "
            f"free space, or set BENCH_DATA to a larger disk ({dataset.archive.url})"
        )


def _manifest(dataset: Dataset, root: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(manifest_path(dataset.name, root).read_text(encoding="utf-8"))
        return data if data["content_hash"] == dataset.content_hash(root) and data["files"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _intact(dataset: Dataset, root: Path, files: list[dict[str, Any]], jobs: int, progress: bool) -> bool:
    directory = dataset.directory(root)
    paths = [directory / entry["file"] for entry in files]
    return all(p.is_file() for p in paths) and _describe(paths, jobs, dataset.name, progress) == files


def _describe(paths: Sequence[Path], jobs: int, name: str, progress: bool) -> list[dict[str, Any]]:
    """The manifest's entry of every file, from its bytes."""

    def one(path: Path) -> dict[str, Any]:
        return {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256_file(path)}

    return _in_parallel(one, list(paths), jobs, name, progress)


def _in_parallel(work: Callable[[Any], Any], items: Sequence[Any], jobs: int, name: str, progress: bool) -> list[Any]:
    """``work`` over ``items`` in threads, in order; the first error ends it, and the rest is dropped."""
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            bar = tqdm(futures, desc=name, unit="file", disable=not progress, leave=False)
            return [future.result() for future in bar]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
