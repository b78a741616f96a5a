"""The verdicts as tidy files: what is judged, the runs behind it, the single comparisons, the spread."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bench.results.reading import csv_text
from bench.results.verdicts import comparisons, runs_table, spread, verdict
from bench.results.verdicts.judge import Judgement

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "verdicts.csv": verdict.COLUMNS,
    "verdict_runs.csv": runs_table.COLUMNS,
    "comparisons.csv": comparisons.COLUMNS,
    "spread.csv": spread.COLUMNS,
}
"""What the columns of every file mean."""


def verdict_files(found: Judgement) -> dict[str, bytes]:
    """The content of every file of `COLUMNS`."""
    frames = {
        "verdicts.csv": verdicts_frame(found),
        "verdict_runs.csv": runs_table.runs_frame(found),
        "comparisons.csv": found.comparisons,
        "spread.csv": found.spread,
    }
    return {name: as_csv(frame) for name, frame in frames.items()}


def as_csv(frame: pd.DataFrame) -> bytes:
    """A frame as it is written, numbers to six digits."""
    return csv_text(frame, float_format="%.6g").encode()


def verdicts_frame(found: Judgement) -> pd.DataFrame:
    """One row per verdict; the verdict says there that it is provisional."""
    columns = list(verdict.COLUMNS)
    rows = [{c: v.words if c == "verdict" else getattr(v, c) for c in columns} for v in found.verdicts]
    return pd.DataFrame(rows, columns=columns)
