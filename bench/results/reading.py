"""Tidy files as pandas frames, with all their text as text."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

from bench.foundation.errors import BenchError

if TYPE_CHECKING:
    import pandas as pd

NAMING = ("run", "evaluation", "kind", "case", "name", "pass", "image", "kernel", "metric", "step")
"""Columns that say which row of a file one is."""


def read_csv(path: Path | IO[bytes], columns: tuple[str, ...]) -> pd.DataFrame:
    """A tidy file with all its text as text.

    Raises:
        BenchError: it cannot be read, or a column is missing.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False)
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: not a table that can be read ({error}); delete it and run again") from error
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise BenchError(f"{path}: column {missing[0]!r} is missing; delete it and run again")
    return frame


def csv_text(frame: pd.DataFrame, float_format: str | None = None) -> str:
    """A frame as tidy CSV, its numbers as they are or in a format such as ``%.5f``."""
    return str(frame.to_csv(index=False, lineterminator="\n", float_format=float_format))


def number(frame: pd.DataFrame, *columns: str, place: str = "") -> pd.DataFrame:
    """The frame with some columns of text as numbers; nan where a cell is empty.

    Args:
        frame: as `read_csv` gives it.
        columns: of it.
        place: file, for messages.

    Raises:
        BenchError: a cell that is no number, with its row.
    """
    import pandas as pd

    found = {}
    for column in columns:
        text = frame[column].where(frame[column] != "")
        try:
            found[column] = pd.to_numeric(text)
        except (ValueError, TypeError):
            wrong = frame[text.notna() & pd.to_numeric(text, errors="coerce").isna()]
            row = wrong.iloc[0] if len(wrong) else frame.iloc[0]
            words = [str(row[c]) for c in NAMING if c in frame.columns and str(row[c])]
            about = ", ".join(filter(None, (place, " ".join(words))))
            raise BenchError(f"{about}: {column} {str(row[column])[:80]!r} is no number") from None
    return frame.assign(**found)
