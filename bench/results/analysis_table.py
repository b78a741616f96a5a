"""The tidy table of an analysis: the columns that it declares, and which of them are numbers. Torch-free."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.config import analysis_info
from bench.foundation.errors import BenchError

if TYPE_CHECKING:
    import pandas as pd


def read_analysis(path: Path, name: str) -> pd.DataFrame:
    """The table of an analysis.

    Raises:
        BenchError: it cannot be read, has other columns, or a number that is none; by name.
    """
    import pandas as pd

    again = f"delete it and run: python -m bench analyze {name}"
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: cannot be read as a table ({' '.join(str(error).split())}); {again}") from error
    columns = list(analysis_info.available()[name].columns)
    if list(frame.columns) != columns or not len(frame):
        allowed = ", ".join(columns)
        raise BenchError(f"{path}: not the table of {name} (its columns are {allowed}, with a row or more); {again}")
    for column in analysis_info.available()[name].numbers:
        if not (pd.api.types.is_numeric_dtype(frame[column]) and not pd.api.types.is_bool_dtype(frame[column])):
            raise BenchError(f"{path}: column {column!r} holds something that is no number; {again}")
    return frame
