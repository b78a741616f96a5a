"""Who is best in a column, and whether the lead is more than the noise of the training seeds. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.config.spec import Evaluation
from bench.results.records import decimals, metrics_of, scores, summary
from bench.results.stats import LEVEL, Difference, difference
from bench.results.tidy import Results

LOWER_IS_BETTER = frozenset({"gmsd", "nlpd", "lpips", "dists", "niqe", "brisque", "mad", "pieapp", "piqe", "ilniqe"})
HIGHER_IS_BETTER = frozenset({"psnr", "psnry", "ssim", "ssimc", "ms_ssim", "cw_ssim", "fsim", "vsi", "vif"})
"""Metrics of which a best value is marked; of others nobody is called best."""


@dataclass(frozen=True)
class Best:
    """Rows with the best mean of one column, and what keeps that from being a ranking."""

    rows: tuple[str, ...] = ()
    note: str = ""
    """Says that the lead lies within the interval."""
    unranked: bool = False
    """There is no interval, since one of the two best rows has one seed."""


NOBODY = Best()


def best_of(
    plan: Plan, results: Results, rows: Sequence[PlannedRow], tests: Sequence[Evaluation]
) -> Mapping[tuple[str, str, str], Best]:
    """The best rows of every column, by (evaluation, kernel, metric)."""
    found = {}
    for test in tests:
        for kernel in results.kernels(test):
            for metric in metrics_of(plan):
                best, runner_up, gap = lead(results, rows, test, metric, kernel)
                note = ""
                if runner_up and gap and gap.excludes_zero is False:
                    note = _note(runner_up, gap, metric)
                unranked = gap is not None and gap.half_width is None
                found[test.key, kernel, metric] = Best(tuple(best), note, unranked)
    return found


def _note(runner_up: PlannedRow, gap: Difference, metric: str) -> str:
    digits, unit = decimals(metric), " dB" if metric == "psnr" else ""
    return (
        f"the lead over {runner_up.label} is {abs(gap.mean):.{digits}f}{unit}, less than the "
        f"±{gap.half_width:.{digits}f}{unit} of the {LEVEL:.0%} interval over training seeds "
        f"on these images (n = {gap.n}): no ranking"
    )


def lead(
    results: Results, rows: Sequence[PlannedRow], test: Evaluation, metric: str, kernel: str
) -> tuple[list[str], PlannedRow | None, Difference | None]:
    """Rows with the best mean, the next one, and the paired difference between the two.

    Rows that share a run are one result and never each other's runner-up. Fewer than two different results, or
    a metric whose direction is not known: nobody is best.
    """
    found: list[tuple[float, PlannedRow]] = []
    for row in rows:
        got = summary(results, row, test, metric, kernel)
        if got is not None and not math.isnan(got.mean):
            found.append((got.mean, row))
    if metric not in LOWER_IS_BETTER | HIGHER_IS_BETTER or len({_run_ids(r) for _, r in found}) < 2:
        return [], None, None
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    found.sort(key=lambda item: -sign * item[0])
    digits = decimals(metric)
    top = round(found[0][0], digits)
    best = [row for mean, row in found if round(mean, digits) == top]
    others = [row for _, row in found if row not in best and _run_ids(row) != _run_ids(found[0][1])]
    if not others:
        return [row.id for row in best], None, None
    gap = difference(
        scores(results, best[0], test, metric, kernel),
        scores(results, others[0], test, metric, kernel),
    )
    return [row.id for row in best], others[0], gap


def _run_ids(row: PlannedRow) -> tuple[str, ...]:
    return tuple(run.id for run in row.runs)
