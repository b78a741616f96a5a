"""What is wrong with timings and with tables of analyses in contributed evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.config import analysis_info
from bench.foundation.errors import nearest
from bench.results.contributed_cells import ANY, FILLED, KINDS, Row, cells_of

TIMED = ("median_s", "iqr_s", "repeats")


def timing_faults(rows: Sequence[Row]) -> Iterator[str]:
    """What is wrong with rows of throughput.csv, with what they time."""
    named = [(", ".join(row[c] for c in ("kind", "case", "name", "pass")), "", row) for row in rows]
    yield from cells_of(named, KINDS["throughput.csv"], FILLED["throughput.csv"])
    for name, _, row in named:
        if row["status"] == "ok":
            yield from cells_of([(name, "", row)], {}, TIMED)
        elif row["status"] in KINDS["throughput.csv"]["status"].words:
            if not row.get("reason"):
                yield f"{name}: status {row['status']!r} has no reason (allowed: why there is no number)"
            if row["median_s"]:
                yield f"{name}: status {row['status']!r} has a time (allowed: none)"


def analysis_faults(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> Iterator[str]:
    """What is wrong with the table of an analysis.

    Args:
        path: ``analyses/<name>-<ten hex digits>.csv``.
        rows: what it holds.
        columns: its header.
    """
    known: Mapping[str, analysis_info.AnalysisInfo] = analysis_info.available()
    name, _, digits = path.stem.rpartition("-")
    if name not in known or not re.fullmatch("[0-9a-f]{10}", digits):
        yield f"is named by no analysis{nearest(name, known)} (allowed: NAME-TENHEXDIGITS.csv of {', '.join(known)})"
        return
    declared = list(known[name].columns)
    if list(columns) != declared:
        yield f"columns {', '.join(columns)} are not those of {name} (allowed: {', '.join(declared)})"
        return
    if not rows:
        yield "has no rows"
    numbers = known[name].numbers
    filled = [column for column in numbers if column not in known[name].may_be_empty]
    named = [(row[declared[0]], f"row {i} ({_words(row, numbers)})", row) for i, row in enumerate(rows, 1)]
    yield from cells_of(named, dict.fromkeys(numbers, ANY), filled)


def _words(row: Row, numbers: Sequence[str]) -> str:
    return " ".join(text for column, text in row.items() if column not in numbers and text)
