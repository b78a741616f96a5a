"""The rungs of the study with their results: what claims are judged on. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.config import claims, study
from bench.config.claims import Claims
from bench.config.loading import load_plan, preset_names
from bench.config.plan import Plan
from bench.config.study import Study
from bench.foundation.errors import BenchError
from bench.results.comparison import Comparison
from bench.results.seed_scores import SeedScores, seed_scores
from bench.results.tidy import Results

if TYPE_CHECKING:
    from collections.abc import Callable

COMPUTE = "training_macs"
"""Column of ``runs.csv``: multiply–accumulates of the training."""
Cell = tuple[str, str]
"""Data set and kernel (empty where there is none)."""


@dataclass(frozen=True)
class Rung:
    """One budget: its plan and what was measured of it."""

    name: str
    plan: Plan
    results: Results
    study: Study

    def scores(self, table: str, row: str, metric: str = "psnr") -> SeedScores | None:
        """A row's scores on the table's tests, of the declared seeds; None where the rung has no such row."""
        key = (table, row, metric)
        if key not in self._scores:
            planned = next((r for r in self.plan.rows.get(table, ()) if r.id == row), None)
            found = None
            if planned is not None and planned.runs and all(run.train for run in planned.runs):
                tests = self.plan.table_tests(table)
                found = seed_scores(self.results, planned, tests, metric, self.declared(table))
            self._scores[key] = found
        return self._scores[key]

    @cached_property
    def _scores(self) -> dict[tuple[str, str, str], SeedScores | None]:
        return {}

    def declared(self, table: str) -> int | None:
        """Seeds declared for a table."""
        return self.study.declared(self.name, table, self.plan.tables[table].task)

    def compare(self, table: str, first: str, second: str, cell: Cell | None = None) -> Comparison | None:
        """Two rows over everything, or in one cell; None where either row is not there."""
        sides = [self.scores(table, row) for row in (first, second)]
        if any(side is None for side in sides):
            return None
        a, b = (side.cell(*cell) if cell else side for side in sides if side is not None)
        return Comparison(a.values, b.values, self.study.design(self.plan.tables[table]))

    def cells(self, table: str, rows: Sequence[str]) -> list[Cell]:
        """Data sets and kernels that any of the rows was scored on, in the order of the results."""
        found: dict[Cell, None] = {}
        for row in rows:
            side = self.scores(table, row)
            if side is not None and len(side.values):
                levels = (side.values.index.get_level_values(level) for level in ("dataset", "kernel"))
                found |= dict.fromkeys((str(d), str(k)) for d, k in zip(*levels, strict=True))
        return list(found)

    @cached_property
    def compute(self) -> float | None:
        """Training compute of a run, the median over the rung's runs; None where none records it."""
        runs = self.results.runs
        if COMPUTE not in runs.columns:
            return None
        values = [float(v) for v in runs[COMPUTE] if str(v) not in ("", "nan", "None")]
        return median(values) if values else None


@dataclass(frozen=True)
class Ladder:
    """All rungs from the smallest compute to the largest, and the claims."""

    rungs: tuple[Rung, ...]
    claims: Claims


def load_ladder(
    config: Path, results: Callable[[Plan], Results], plugins: Sequence[str] = (), anew: Sequence[str] = ()
) -> Ladder:
    """The study of a configuration folder.

    Args:
        config: the folder.
        results: gives the results of a plan, e.g. `bench.results.tidy.load`.
        plugins: operator files, whose rows take part.
        anew: runs for which committed evidence does not count.

    Raises:
        BenchError: anything wrong in the configuration, with file and line.
    """
    plan_of = {}
    known = study.load(config, preset_names(config))
    for rung in known.rungs.values():
        plan_of[rung.preset] = replace(load_plan(rung.preset, plugins=plugins, config=config), anew=tuple(anew))
    found = claims.load(config)
    rows: dict[str, tuple[str, ...]] = {}
    for plan in plan_of.values():
        rows |= {table: tuple(r.id for r in entries) for table, entries in plan.rows.items()}
    if plan_of:
        found.check_rows(rows)
    elif found.by_id:
        raise BenchError(f"{config}: claims.yaml without study.yaml: no rung says on which budgets they are judged")
    rungs = tuple(Rung(name, plan_of[r.preset], results(plan_of[r.preset]), known) for name, r in known.rungs.items())
    return Ladder(rungs, found)
