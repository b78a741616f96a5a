"""The rows of one table compared on one of its tests, as its axis declares. Torch-free."""

from __future__ import annotations

from bench.config import study
from bench.config.evaluation import Evaluation
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.foundation.errors import BenchError
from bench.results.comparison import Comparison
from bench.results.seed_scores import seed_scores
from bench.results.tidy import Results


def default_row(plan: Plan, table: str) -> PlannedRow:
    """The row that the others of a table are compared with.

    Raises:
        BenchError: the table names none.
    """
    name = plan.tables[table].default
    if name is None:
        raise BenchError(f"config/tables.yaml: table {table!r} has a figure of differences but names no default row")
    return next(row for row in plan.rows[table] if row.id == name)


def against_default(
    plan: Plan, results: Results, table: str, test: Evaluation
) -> dict[str, tuple[PlannedRow, Comparison | None]]:
    """Every row with a network but the default, by id, minus the default (None without a result).

    A row that was loaded is not compared with one that was trained here: its network and its training are others.
    """
    design = study.of(plan).design(plan.tables[table])
    default = default_row(plan, table)
    base = seed_scores(results, default, [test]).values
    found: dict[str, tuple[PlannedRow, Comparison | None]] = {}
    for row in plan.rows[table]:
        if row.reference or row.id == default.id or row.loaded != default.loaded:
            continue
        gap = Comparison(seed_scores(results, row, [test]).values, base, design)
        found[row.id] = (row, gap if gap.effect is not None else None)
    return found
