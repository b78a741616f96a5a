"""A table's records as one frame."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from bench.config.plan import Plan
from bench.results.records import Record, records
from bench.results.tidy import Results
from bench.results.validation import validation_records

if TYPE_CHECKING:
    import pandas as pd


def records_frame(plan: Plan, results: Results, table: str) -> pd.DataFrame:
    """`records` as a frame, a column per field."""
    import pandas as pd

    names = [f.name for f in fields(Record)]
    found = records(plan, results, table) if plan.table_tests(table) else validation_records(plan, results, table)
    frame = pd.DataFrame([asdict(r) for r in found], columns=names)
    return frame.astype({"parameters": "Int64"})
