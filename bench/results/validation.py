"""What rows reach on the validation strip of the training photographs: how a recipe is chosen, never a test set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations

from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.results.captions import lost_seeds
from bench.results.curves import curves_by_run
from bench.results.mean_sd import summarise
from bench.results.records import Record, parameters
from bench.results.tidy import Results

Scores = dict[int, float]
"""Seed to PSNR (dB) of the last validation."""


def validation_scores(results: Results, rows: Sequence[PlannedRow]) -> dict[str, Scores]:
    """Row to its scores; a seed that diverged or has no curve is left out.

    Raises:
        BenchError: a curve that cannot be read, by name.
    """
    ended = {r.id for row in rows for r in row.runs if results.status(r.id).status == "trained"}
    last = {}
    for run_id, curve in curves_by_run(ended).items():
        values = curve["val_psnr"].dropna()
        if len(values):
            last[run_id] = float(values.iloc[-1])
    return {row.id: {r.train.seed: last[r.id] for r in row.runs if r.train and r.id in last} for row in rows}


def correlation_over_seeds(groups: Iterable[Sequence[Scores]]) -> float | None:
    """Correlation of two rows over their seeds, pooled over the pairs in every group: mean covariance by mean variance.

    Three seeds say nothing of one pair; a dozen pairs together say whether pairing by seed can pay.

    Args:
        groups: rows that would be compared with each other (one budget); of a group those without every seed of the
            others are left out.

    Returns:
        In [-1, 1]; None without a pair of rows of two seeds, or without any spread.
    """
    products, squares = [], []
    for group in groups:
        seeds = sorted(set().union(*group))
        whole = [[scores[seed] for seed in seeds] for scores in group if set(scores) == set(seeds)]
        centred = [[v - math.fsum(row) / len(row) for v in row] for row in whole if len(whole) > 1]
        squares += [math.fsum(v * v for v in row) for row in centred]
        products += [math.fsum(a * b for a, b in zip(x, y, strict=True)) for x, y in combinations(centred, 2)]
    if not any(squares):
        return None
    pooled = math.fsum(products) / len(products) / (math.fsum(squares) / len(squares))
    return max(-1.0, min(1.0, pooled))


def validation_records(plan: Plan, results: Results, table: str) -> list[Record]:
    """One number a row, of a table that no test set is asked of: PSNR (dB) on the validation strip.

    Raises:
        BenchError: a training curve that cannot be read, by name.
    """
    scores = validation_scores(results, plan.rows[table])
    found = []
    for row in plan.rows[table]:
        got = summarise(list(scores[row.id].values())) if scores[row.id] else None
        status, reason = _training_status(results, row, set(scores[row.id]))
        where = sorted({str(s) for run in row.runs for s in results.runs.loc[results.runs["run"] == run.id, "source"]})
        found.append(
            Record(
                table=row.table,
                row=row.id,
                label=row.label,
                reference=row.reference,
                dataset="validation strip",
                subset="",
                kernel="",
                protocol="as in training",
                metric="val_psnr",
                mean=got.mean if got else None,
                sd=got.sd if got else None,
                n=got.n if got else 0,
                seeds=len([r for r in row.runs if r.train]),
                parameters=parameters(results, row),
                paper=None,
                difference=None,
                differs="",
                status=status,
                reason=reason,
                source=", ".join(w for w in where if w),
            )
        )
    return found


def _training_status(results: Results, row: PlannedRow, seeds: set[int]) -> tuple[str, str]:
    if row.skipped is not None or not row.runs:
        return "skipped", row.skipped or "nothing to run"
    lost = []
    for run in row.runs:
        seed, state = run.train.seed if run.train else 0, results.status(run.id)
        if seed not in seeds:
            diverged = state.status == "diverged"
            lost.append((seed, f"diverged: {state.reason}" if diverged else "no validation"))
    reasons = lost_seeds(lost)
    return ("ok", f"mean without {reasons}" if lost else "") if seeds else ("missing", reasons)
