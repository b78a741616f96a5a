"""Tidy files as pandas frames, with all their text as text."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

from bench.foundation.errors import BenchError

if TYPE_CHECKING:
    import pandas as pd


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


def number(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The frame with some columns of text as numbers; nan where a cell is empty."""
    import pandas as pd

    return frame.assign(**{c: pd.to_numeric(frame[c].where(frame[c] != "")) for c in columns})
