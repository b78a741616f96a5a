"""sha256 of files: computed, remembered for folders, and read from ``sha256sum -c`` lists."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from stat import S_ISREG

from bench.foundation import atomic
from bench.foundation.errors import BenchError
from bench.foundation.strict_yaml import read_text

_MEMORY = "folder_hashes.json"
_LINE = re.compile(r"([0-9a-f]{64}) [ *]([A-Za-z0-9_][^/\\]*)")


def read_list(path: Path) -> dict[str, str]:
    """File name → sha256 of a ``sha256sum -c`` list, sorted by name.

    Raises:
        BenchError: the list cannot be read, or a line of it is malformed or names a file twice.
    """
    lines = read_text(path).splitlines()
    hashes: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in hashes:
            what = "a duplicate name" if match else "not '<sha256>  <name>'"
            raise BenchError(f"{path}:{number}: {what}: {line!r}")
        hashes[match[2]] = match[1]
    return dict(sorted(hashes.items()))


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remembered_sha256(path: Path, root: Path) -> str | None:
    """sha256 of one file of the user's, remembered as `hash_folder` does; None where there is no such file."""
    return hash_folder([path], root)[path.name] if path.is_file() else None


def file_key(path: Path) -> str:
    """What a memory of a file's content goes by: path, size, mtime and ctime.

    A file that is moved into another's place keeps its mtime, but not its ctime.

    Raises:
        OSError: there is no such file, or what is there is none.
    """
    stat = path.stat()
    if not S_ISREG(stat.st_mode):  # reading a pipe would wait for ever
        raise OSError(f"{path} is no file")
    return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ctime_ns}"


_KNOWN: dict[str, str] = {}
"""`file_key` to sha256: what this process has asked for."""


def hash_folder(paths: Sequence[Path], root: Path) -> dict[str, str]:
    """File name → sha256, remembered in ``<root>/folder_hashes.json`` by `file_key`.

    A file that cannot be read counts by a constant: who reads it names it, and the other files' work goes on. Where
    ``root`` cannot be written (others own it), only this process remembers.
    """
    hashes: dict[str, str] = {}
    memory: dict[str, str] | None = None
    fresh = False
    for path in paths:
        try:
            key = file_key(path)
            if key not in _KNOWN:
                memory = _remembered(root) if memory is None else memory
                if key not in memory:
                    memory[key], fresh = sha256_file(path), True
                _KNOWN[key] = memory[key]
            hashes[path.name] = _KNOWN[key]
        except OSError:
            hashes[path.name] = "unreadable"
    if fresh:
        with contextlib.suppress(BenchError):
            atomic.write_bytes(root / _MEMORY, json.dumps(memory, indent=1, sort_keys=True).encode())
    return hashes


def _remembered(root: Path) -> dict[str, str]:
    """What is remembered in a folder; nothing where that cannot be read."""
    try:
        memory = json.loads((root / _MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}
