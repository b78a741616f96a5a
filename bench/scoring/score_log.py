"""Scores of an evaluation under way: a line per image, so that an interrupted run loses one image.

The first line says what the scores belong to (run, weights, protocol, versions); a log of something else is
begun anew. A line that was cut short in the middle of writing is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.foundation import atomic

Values = dict[str, float | str | None]
"""Metric to its value; a text says why an image has none, and None stands for a run without a network."""
Source = tuple[str, str]
"""sha256 of an image and of a kernel (empty without one): what a score is a score of, whatever the files' names."""
Computed = dict[str, Any]
"""`bench.foundation.provenance.computation`."""


@dataclass(frozen=True)
class Known:
    """What is known of one image, and which computations it came from."""

    values: Values = field(default_factory=dict)
    computed: list[Computed] = field(default_factory=list)
    """Each once; empty where it was not recorded."""

    def over(self, other: Known) -> Known:
        """These values, and those of ``other`` for the metrics that are not among them."""
        if not other.values.keys() - self.values.keys():
            return self
        return Known({**other.values, **self.values}, distinct([*other.computed, *self.computed]))


Scores = dict[Source, Known]


def distinct(computed: Iterable[Computed]) -> list[Computed]:
    """Each computation once, in the order of its first occurrence."""
    return list({json.dumps(one, sort_keys=True): one for one in computed}.values())


@dataclass(frozen=True)
class Case:
    """One image under one kernel, as metric tables name them."""

    image: str
    kernel: str
    source: Source


class ScoreLog:
    """Values by `Source` and how they were computed, kept in a file as they come.

    Args:
        path: the file; `discard` removes it when the evaluation is complete.
        identity: what the scores belong to, as JSON holds it.
        cases: what is to be scored; the log's scores of anything else are dropped.
        known: scores that were measured elsewhere; those of the log come first.
        computed: how this process computes.
    """

    def __init__(
        self, path: Path, identity: Mapping[str, Any], cases: Iterable[Case], known: Scores, computed: Computed
    ) -> None:
        self._path, self._computed = path, computed
        here = read_scores(path, identity)
        self.done: Scores = {}
        lines: list[Any] = [dict(identity)]
        for case in cases:
            found = here.get(case.source, Known()).over(known.get(case.source, Known()))
            if found.values and case.source not in self.done:
                self.done[case.source] = found
                lines.append(_line(case, found))
        atomic.write_bytes(path, "".join(json.dumps(line) + "\n" for line in lines).encode())

    def values(self, case: Case) -> Values:
        """What is known of an image."""
        return self.done.get(case.source, Known()).values

    def add(self, case: Case, values: Values) -> None:
        """Records one image, of which values that were known already are kept; on the disk when this returns."""
        self.done[case.source] = self.done.get(case.source, Known()).over(Known(values, [self._computed]))
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_line(case, self.done[case.source])) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Removes the file."""
        self._path.unlink(missing_ok=True)


def _line(case: Case, known: Known) -> dict[str, Any]:
    return {"image": case.image, "kernel": case.kernel, "source": case.source, **asdict(known)}


def read_scores(path: Path, identity: Mapping[str, Any]) -> Scores:
    """What a log knows by `Source`; nothing where there is no log or it belongs to something else."""
    head, *lines = _whole_lines(path) or [None]
    if head != dict(identity):
        return {}
    return {tuple(line["source"]): Known(line["values"], line.get("computed", [])) for line in lines}


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
