"""Scores of an evaluation under way: a line per image, so that an interrupted run loses one image.

The first line says what the scores belong to (weights, data, metrics); a log of something else is
begun anew. A line that was cut short in the middle of writing is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.foundation import atomic

Values = dict[str, float | None]


class ScoreLog:
    """Values by (image, kernel), kept in a file as they come.

    Args:
        path: the file; `discard` removes it when the evaluation is complete.
        identity: what the scores belong to, as JSON holds it.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self._path = path
        self._identity = dict(identity)
        self.done = read_scores(path, identity)
        self._rewrite()

    def take(self, scores: Mapping[tuple[str, str], Values]) -> None:
        """Takes over scores that were measured elsewhere; those that are here already stay."""
        self.done = {**scores, **self.done}
        self._rewrite()

    def _rewrite(self) -> None:
        whole = [
            self._identity,
            *({"image": i, "kernel": k, "values": v} for (i, k), v in self.done.items()),
        ]
        text = "".join(json.dumps(line) + "\n" for line in whole)
        atomic.write_bytes(self._path, text.encode())

    def add(self, image: str, kernel: str, values: Values) -> None:
        """Records one image; on the disk when this returns."""
        self.done[image, kernel] = values
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"image": image, "kernel": kernel, "values": values}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Removes the file."""
        self._path.unlink(missing_ok=True)


def read_scores(path: Path, identity: Mapping[str, Any]) -> dict[tuple[str, str], Values]:
    """Values by (image, kernel) of a log; none where there is no log or it belongs to something else."""
    head, *lines = _whole_lines(path) or [None]
    if head != dict(identity):
        return {}
    return {(line["image"], line["kernel"]): line["values"] for line in lines}


def _whole_lines(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    found = []
    for line in text.split("\n")[:-1]:  # what stands behind the last newline is no whole line
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found
