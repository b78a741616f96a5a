"""Who is best in a column, and whether the lead is more than the noise of the training seeds. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.config import study
from bench.config.evaluation import Evaluation
from bench.config.metric_names import higher_is_better
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.results.comparison import Comparison
from bench.results.left_out import left_out
from bench.results.records import decimals, metrics_of, summary
from bench.results.seed_scores import SeedScores, seed_scores
from bench.results.statistics import decisions, multiplicity
from bench.results.statistics.estimate import Design
from bench.results.tidy import Results
from bench.results.view import signed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Best:
    """Rows with the best mean of one column, and what keeps that from being a ranking."""

    rows: tuple[str, ...] = ()
    note: str = ""
    """Says whom the lead is not significant over."""
    unranked: bool = False
    """One of the two best rows has too few seeds for a verdict."""


NOBODY = Best()


def best_of(
    plan: Plan, results: Results, rows: Sequence[PlannedRow], tests: Sequence[Evaluation]
) -> Mapping[tuple[str, str, str], Best]:
    """The best rows of every column, by (evaluation, kernel, metric)."""
    design = study.of(plan).design(plan.tables[rows[0].table]) if rows else "welch"
    return {
        (test.key, kernel, metric): _best(results, rows, test, metric, kernel, design, seeds)
        for test in tests
        for metric in metrics_of(plan)
        for seeds in [_Seeds(results, test, metric)]
        for kernel in results.kernels(test)
    }


class _Seeds(dict[str, SeedScores]):
    """Row to its scores on one test, for all kernels of the test."""

    def __init__(self, results: Results, test: Evaluation, metric: str) -> None:
        super().__init__()
        self._asked = results, test, metric

    def of(self, row: PlannedRow, kernel: str) -> pd.DataFrame:
        results, test, metric = self._asked
        if row.id not in self:
            self[row.id] = seed_scores(results, row, [test], metric)
        return self[row.id].cell(test.data, kernel).values


def _best(
    results: Results,
    rows: Sequence[PlannedRow],
    test: Evaluation,
    metric: str,
    kernel: str,
    design: Design,
    seeds: _Seeds,
) -> Best:
    """Rows with the best mean, and whether they are better than every other one as verdicts have it.

    Rows that share a run are one result and never each other's runner-up. Fewer than two different results, or means
    over different images: nobody is best.
    """
    found: list[tuple[float, PlannedRow]] = []
    for row in rows:
        got = summary(results, row, test, metric, kernel)
        if got is not None and not math.isnan(got.mean):
            found.append((got.mean, row))
    if len({frozenset(left_out(results, row, test, metric, kernel)) for _, row in found}) > 1:
        return NOBODY
    if len({_run_ids(r) for _, r in found}) < 2:
        return NOBODY
    sign = 1.0 if higher_is_better(metric) else -1.0
    found.sort(key=lambda item: -sign * item[0])
    digits = decimals(metric)
    top = round(found[0][0], digits)
    best = [row for mean, row in found if round(mean, digits) == top]
    others = [row for _, row in found if row not in best and _run_ids(row) != _run_ids(found[0][1])]
    ids = tuple(row.id for row in best)
    if not others:
        return Best(ids)
    mine = seeds.of(best[0], kernel)
    gaps = [Comparison(mine, seeds.of(row, kernel), design) for row in others]
    if not gaps[0].testable:
        return Best(ids, unranked=True)
    tested = [(row, gap) for row, gap in zip(others, gaps, strict=True) if gap.testable]
    effects = sign * np.array([float(gap.estimate.effect) for _, gap in tested])
    p = np.array([gap.p for _, gap in tested])
    if str(decisions.order(effects, p, multiplicity.holm(p))) == "holds":
        return Best(ids)
    level = [row for (row, _), e, q in zip(tested, effects, p, strict=True) if not (e > 0 and q < decisions.ALPHA)]
    return Best(ids, _note(level, others[0], gaps[0], sign, metric))


def _note(level: Sequence[PlannedRow], runner_up: PlannedRow, gap: Comparison, sign: float, metric: str) -> str:
    """Of whom the best row is not significantly ahead, and by how much it leads the next one."""
    digits, unit = decimals(metric), " dB" if metric == "psnr" else ""
    low, high = sorted(sign * end for end in gap.interval() or (math.nan, math.nan))
    return (
        f"no ranking: not significantly better than {', '.join(row.label for row in level)} (lead over "
        f"{runner_up.label} {sign * float(gap.estimate.effect):.{digits}f}{unit}, "
        f"{signed(low, digits)} to {signed(high, digits)}, {gap.n} seeds)"
    )


def _run_ids(row: PlannedRow) -> tuple[str, ...]:
    return tuple(run.id for run in row.runs)
