"""What a report must own up to: rows that were skipped, diverged, failed or never ran. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

from bench.config.plan import Plan
from bench.results.records import row_status, tests_of
from bench.results.tidy import Results


@dataclass(frozen=True)
class Failure:
    """One row of one table that has no number, or not all of them."""

    table: str
    row: str
    status: str
    """``skipped``, ``diverged`` or ``missing``; ``partial`` where some seeds are there; ``not used``: a file."""
    reason: str


def failures(plan: Plan, results: Results) -> list[Failure]:
    """Every row that is not whole, in the order of the tables; each once."""
    found: dict[Failure, None] = {}
    for table, rows in plan.rows.items():
        for row in rows:
            for test in tests_of(plan, table):
                status, reason = row_status(results, row, test)
                if status != "ok" or reason:
                    found[Failure(table, row.label, "partial" if status == "ok" else status, reason)] = None
    for table in plan.rows:
        for run in plan.table_runs(table):
            for test in plan.table_tests(table, run.task):
                if (run.id, test.key) in results.sources and (run.id, test.key) in results.faults:
                    found[Failure("results", run.id, "not used", results.faults[run.id, test.key])] = None
    return list(found)
