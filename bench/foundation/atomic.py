"""Files that are either whole or not there."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bench.foundation.errors import BenchError


def write_bytes(path: Path, data: bytes, *, only_if_changed: bool = False) -> bool:
    """Write ``data`` under a temporary name in the same folder, then rename it to ``path``.

    Args:
        path: target; its folder is made.
        data: the whole content.
        only_if_changed: leave a file with the same content alone, so that its mtime stays.

    Returns:
        Whether the file was written.

    Raises:
        BenchError: the disk is full, or the folder cannot be written.
    """
    if only_if_changed and path.is_file() and path.read_bytes() == data:
        return False
    with writing(path) as file:
        file.write(data)
    return True


def write_json(path: Path, data: dict[str, Any], *, only_if_changed: bool = False) -> bool:
    """`write_bytes` of ``data`` as JSON with one space of indentation, in UTF-8."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    return write_bytes(path, text.encode(), only_if_changed=only_if_changed)


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file under a temporary name in the folder of ``path``, which it becomes if the block ends without an error.

    Raises:
        BenchError: the disk is full, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with staged.open("xb") as file:  # with the permissions of any new file, which tempfile's do not have
            try:
                yield file
                file.close()
                os.replace(staged, path)
            except BaseException:
                staged.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise BenchError(
            f"{path}: cannot be written ({error.strerror or error}); is the disk full, or the folder not yours? "
            "(BENCH_DATA moves data/)"
        ) from error
