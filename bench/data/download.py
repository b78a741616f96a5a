"""One file from a mirror or the network: hash-checked, retried, whole or not there (by pooch).

``BENCH_MIRROR`` is a folder or a base URL laid out as ``<host>/<path>``. It is asked first; what it
does not hold comes from the origin. A mirror that holds other bytes is an error, not a reason to go
on quietly.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.foundation.errors import BenchError

RETRIES = 3
"""Further attempts over a network; pooch waits 1, 2, 3, … seconds before them."""
TIMEOUT = 30.0
"""Seconds without a byte before an attempt is given up."""


@dataclass(frozen=True)
class Mirror:
    """``BENCH_MIRROR``: one of the two, or neither."""

    folder: Path | None = None
    url: str | None = None

    def in_folder(self, url: str) -> Path | None:
        """The copy of ``url`` in the folder, if there is one."""
        if self.folder is None:
            return None
        path = self.folder / url.split("://", 1)[1]
        return path if path.is_file() else None


def mirror() -> Mirror:
    """The mirror that ``BENCH_MIRROR`` names.

    Raises:
        BenchError: it names a folder that is not there.
    """
    text = os.environ.get("BENCH_MIRROR", "").strip()
    if not text:
        return Mirror()
    if text.startswith(("http://", "https://")):
        return Mirror(url=text.rstrip("/"))
    folder = Path(text.removeprefix("file://")).expanduser()
    if not folder.is_dir():
        raise BenchError(f"BENCH_MIRROR={text}: no such folder; correct it, or unset it to use the network")
    return Mirror(folder=folder)


class _Source:
    """A pooch downloader that asks the mirror, then the origin, and remembers who answered."""

    def __init__(self, mirror: Mirror, progress: bool) -> None:
        self.mirror = mirror
        self.progress = progress
        self.answered = ""

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        import requests

        # pooch made it for its owner alone; made anew it has the permissions of any file: a data folder may be shared.
        Path(output_file).unlink()
        copy = self.mirror.in_folder(url)
        if copy is not None:
            self.answered = str(copy)
            shutil.copyfile(copy, output_file)
            return
        if self.mirror.url is not None:
            try:
                self._http(f"{self.mirror.url}/{url.split('://', 1)[1]}", output_file, pooch)
                return
            except requests.exceptions.RequestException:
                pass  # the origin is asked instead, and its error is told
        self._http(url, output_file, pooch)

    def _http(self, url: str, output_file: str, pooch: Any) -> None:
        from pooch import HTTPDownloader

        self.answered = url
        HTTPDownloader(timeout=TIMEOUT, progressbar=self.progress)(url, output_file, pooch)


def download(url: str, target: Path, known_hash: str | None, mirror: Mirror, *, progress: bool = False) -> None:
    """Bring ``url`` to ``target`` unless it is there already with the right hash.

    Args:
        url: the origin.
        target: the file to make; other bytes under that name are replaced.
        known_hash: ``sha256:…``, ``md5:…`` or None (then a file that exists is kept).
        mirror: from `mirror`.
        progress: a progress bar over the bytes.

    Raises:
        BenchError: wrong hash, missing file, full disk or no network, with file, URL and remedy.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.ERROR)
    source = _Source(mirror, progress)
    one = pooch.create(
        path=target.parent,
        base_url="",
        registry={target.name: known_hash},
        urls={target.name: url},
        retry_if_failed=0 if mirror.in_folder(url) else RETRIES,
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        one.fetch(target.name, downloader=source)
    except requests.exceptions.HTTPError as error:
        status = error.response.status_code if error.response is not None else "?"
        raise BenchError(f"{target}: {url} answers {status}; {_remedy(url, mirror)}") from error
    except requests.exceptions.RequestException as error:
        reason = type(error).__name__
        raise BenchError(f"{target}: no answer from {url} ({reason}); {_remedy(url, mirror)}") from error
    except OSError as error:
        raise disk_error(target, error, url) from error
    except ValueError as error:
        if "hash" not in str(error):
            raise BenchError(f"{target}: {url}: {error}") from error
        kind, expected = (known_hash or ":").split(":", 1)
        raise BenchError(
            f"{target}: wrong {kind} from {source.answered}, expected {expected[:12]}…; "
            f"the copy is damaged or was changed: replace it, or fetch from another place (BENCH_MIRROR; origin: {url})"
        ) from error


def disk_error(path: Path, error: OSError, url: str = "") -> BenchError:
    """One line for a full or unwritable disk."""
    origin = f" (from {url})" if url else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return BenchError(f"{path}: the disk is full{origin}; free space, or set BENCH_DATA to a larger disk")
    return BenchError(f"{path}: cannot be written{origin}: {error.strerror or error}; set BENCH_DATA to another folder")


def _remedy(url: str, mirror: Mirror) -> str:
    place = url.split("://", 1)[1]
    asked = f" ({mirror.folder or mirror.url} has no {place})" if mirror.folder or mirror.url else ""
    return f"check the network, or set BENCH_MIRROR to a folder or URL that holds {place}{asked}"
