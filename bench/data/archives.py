"""Unpacking: the members that match a pattern, as flat files, all of them or none, never outside
the folder.
"""

from __future__ import annotations

import lzma
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from bench.data.download import disk_error
from bench.foundation.errors import BenchError

DAMAGED = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)
"""What the readers of Python raise where an archive is damaged, encrypted or compressed in a way that they lack."""
Member = tuple[str, Callable[[], IO[bytes]]]


def unpack(archive: Path, pattern: str, target: Path, count: int) -> None:
    """Unpack the regular files whose path matches ``pattern`` as ``target/<base name>``.

    They are unpacked beside ``target`` and the folder is renamed at the end, so a folder that
    exists is complete.

    Args:
        archive: .zip, .tar (also compressed) or .rar (needs ``bsdtar`` or ``unrar``).
        pattern: shell pattern over the member's path (``*`` also matches ``/``).
        target: folder to make; replaced if it exists.
        count: how many members must match.

    Raises:
        BenchError: a damaged archive, an unsafe path, another number of members, a full disk, no
            tool for a .rar.
    """
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        with _open(archive, work) as members:
            for path, opener in members:
                if not fnmatchcase(path, pattern):
                    continue
                out = work / "out" / _safe_name(archive, path)
                if out.exists():
                    raise BenchError(f"{archive}: two members are called {out.name}")
                out.parent.mkdir(exist_ok=True)
                with opener() as source, out.open("xb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
        found = len(list((work / "out").iterdir())) if (work / "out").is_dir() else 0
        if found != count:
            raise BenchError(f"{archive}: {found} members match {pattern!r}, expected {count} (datasets.yaml)")
        if target.exists():
            shutil.rmtree(target)
        (work / "out").rename(target)
    except OSError as error:
        if error.errno is not None:
            raise disk_error(target, error) from error
        raise _damaged(archive, error) from error  # of bz2 and gzip
    except DAMAGED as error:
        raise _damaged(archive, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _damaged(archive: Path, error: Exception) -> BenchError:
    reason = (str(error).splitlines() or ["it ends early"])[0]
    return BenchError(f"{archive}: damaged archive ({reason}); delete it and fetch again")


def _safe_name(archive: Path, path: str) -> str:
    """The base name of a member, refused if its path is meant to leave the folder."""
    pure = PurePosixPath(path.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or ":" in pure.parts[0] or pure.name.startswith("."):
        raise BenchError(f"{archive}: unsafe path {path!r} in the archive; nothing was unpacked")
    return pure.name


@contextmanager
def _open(archive: Path, work: Path) -> Iterator[Iterator[Member]]:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            yield _zip_members(archive, opened)
    elif archive.suffix == ".rar":
        yield _rar_members(archive, work / "rar")
    else:
        with tarfile.open(archive) as opened:
            yield _tar_members(archive, opened)


def _zip_members(archive: Path, opened: zipfile.ZipFile) -> Iterator[Member]:
    for info in opened.infolist():
        if (info.external_attr >> 16) & 0o170000 == 0o120000:
            raise BenchError(f"{archive}: {info.filename!r} is a link; nothing was unpacked")
        if not info.is_dir():
            yield info.filename, lambda info=info: opened.open(info)  # type: ignore[misc]


def _tar_members(archive: Path, opened: tarfile.TarFile) -> Iterator[Member]:
    for info in opened:
        if info.islnk() or info.issym() or info.isdev():
            raise BenchError(f"{archive}: {info.name!r} is a link or a device; nothing was unpacked")
        if info.isfile():
            yield info.name, lambda info=info: opened.extractfile(info)  # type: ignore[misc]


def _rar_members(archive: Path, folder: Path) -> Iterator[Member]:
    """No Python reader for .rar: an external tool unpacks into a scratch folder; links there are not followed."""
    folder.mkdir()
    tools = {
        "bsdtar": ["-x", "-f", str(archive), "-C", str(folder)],
        "unrar": ["x", "-idq", "-y", str(archive), f"{folder}/"],
    }
    tool = next((t for t in tools if shutil.which(t)), None)
    if tool is None:
        raise BenchError(
            f"{archive}: unpacking a .rar needs bsdtar (package libarchive-tools) or unrar; "
            "install one and fetch again (the download is kept), "
            "or unpack it by hand and declare its folder in datasets.yaml"
        )
    done = subprocess.run([tool, *tools[tool]], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise BenchError(f"{archive}: {tool} failed ({reason[0]}); delete the archive and fetch again")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), lambda path=path: path.open("rb")  # type: ignore[misc]
