"""What rows reach on the validation strip of the training photographs: how a recipe is chosen, never a test set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.results.captions import lost_seeds
from bench.results.curves import curves_by_run
from bench.results.records import Record, parameters
from bench.results.stats import summarise
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


def correlation_over_seeds(scores: Mapping[str, Scores]) -> float | None:
    """Correlation of two rows over their seeds, pooled over all pairs of rows: mean covariance by mean variance.

    Three seeds say nothing of one pair; the pairs of a dozen rows together say whether pairing by seed can pay.

    Args:
        scores: of the rows; those without every seed of the others are left out.

    Returns:
        In [-1, 1]; None with fewer than two rows of two seeds, or without any spread.
    """
    seeds = set().union(*scores.values()) if scores else set()
    whole = [[s[seed] for seed in sorted(seeds)] for s in scores.values() if set(s) == seeds]
    if len(whole) < 2 or len(seeds) < 2:
        return None
    centred = [[v - math.fsum(row) / len(row) for v in row] for row in whole]
    variance = math.fsum(v * v for row in centred for v in row) / len(centred)
    pairs = list(combinations(centred, 2))
    covariance = math.fsum(a * b for x, y in pairs for a, b in zip(x, y, strict=True)) / len(pairs)
    return max(-1.0, min(1.0, covariance / variance)) if variance > 0 else None


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
