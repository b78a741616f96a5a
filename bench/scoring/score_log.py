"""Scores of an evaluation under way: a line per image, so that an interrupted run loses one image.

The first line says what the scores belong to (run, weights, protocol, versions); a log of something else is
begun anew. A line that was cut short in the middle of writing is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.foundation import atomic

Values = dict[str, float | str | None]
"""Metric to its value; a text says why an image has none, and None stands for a run without a network."""
Source = tuple[str, str]
"""sha256 of an image and of a kernel (empty without one): what a score is a score of, whatever the files' names."""
Scores = dict[Source, Values]


@dataclass(frozen=True)
class Case:
    """One image under one kernel, as metric tables name them."""

    image: str
    kernel: str
    source: Source


class ScoreLog:
    """Values by `Source`, kept in a file as they come.

    Args:
        path: the file; `discard` removes it when the evaluation is complete.
        identity: what the scores belong to, as JSON holds it.
        cases: what is to be scored; the log's scores of anything else are dropped.
        known: scores that were measured elsewhere; those of the log come first.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], cases: Iterable[Case], known: Scores) -> None:
        self._path = path
        here = read_scores(path, identity)
        self.done: Scores = {}
        lines: list[Any] = [dict(identity)]
        for case in cases:
            values = {**known.get(case.source, {}), **here.get(case.source, {})}
            if values and case.source not in self.done:
                self.done[case.source] = values
                lines.append(_line(case, values))
        atomic.write_bytes(path, "".join(json.dumps(line) + "\n" for line in lines).encode())

    def add(self, case: Case, values: Values) -> None:
        """Records one image; on the disk when this returns."""
        self.done[case.source] = {**self.done.get(case.source, {}), **values}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_line(case, self.done[case.source])) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Removes the file."""
        self._path.unlink(missing_ok=True)


def _line(case: Case, values: Values) -> dict[str, Any]:
    return {"image": case.image, "kernel": case.kernel, "source": case.source, "values": values}


def read_scores(path: Path, identity: Mapping[str, Any]) -> Scores:
    """Values by `Source` of a log; none where there is no log or it belongs to something else."""
    head, *lines = _whole_lines(path) or [None]
    if head != dict(identity):
        return {}
    return {(line["source"][0], line["source"][1]): line["values"] for line in lines}


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
