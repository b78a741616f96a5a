"""Does a start at zero converge more slowly? Ratio of the steps that both need to a fixed validation loss.

The loss is fixed by the runs themselves: the highest of their final validation losses, which all of them reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bench.results.comparison import FEWEST_SEEDS
from bench.results.seed_scores import SeedScores
from bench.results.statistics.curves import steps_to
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import estimate
from bench.results.verdicts.ladder import Ladder, Rung
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import NO_VERDICT, NOT_MEASURED, Verdict, joined

ROWS = {"table3_x0_denoising": ("zero", "y"), "table3_x0_sr": ("zero", "interp")}
"""Table to the start at zero and the paper's own start."""
TABLES = tuple(ROWS)


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """One verdict per rung; of two tasks the one less in favour, provisional while the other is not measured."""
    order = ("reversed", NO_VERDICT, CANNOT_TELL, "holds", NOT_MEASURED)
    found = []
    for rung in ladder.rungs:
        mine = {t: v for t in ROWS if (v := _on(claim, rung, t, tables.curves)) is not None}
        if not mine:
            continue
        worst = min(mine.values(), key=lambda v: order.index(v.verdict))
        left = [t for t in ROWS if t in rung.plan.tables and (t not in mine or mine[t].verdict == NOT_MEASURED)]
        if left and worst.verdict != NOT_MEASURED:
            words = ", ".join(f"{rung.plan.tables[t].task}: not measured" for t in left)
            worst = worst.with_numbers(complete=False, reason=joined(worst.reason, words))
        found.append(worst)
    return found


def _on(claim: str, rung: Rung, table: str, curves: Mapping[str, Any]) -> Verdict | None:
    sides = [side for row in ROWS[table] if (side := rung.scores(table, row)) is not None]
    losses = [_curves(rung, side, curves) for side in sides]
    known = [curve for side in losses for curve in side if curve is not None]
    if len(sides) < len(ROWS[table]) or not known:
        return None
    level = max(float(curve["val_loss"].iloc[-1]) for curve in known)
    logs = [np.log2([np.nan if c is None else steps_to(c["step"], c["val_loss"], level) for c in s]) for s in losses]
    gap = estimate(rung.study.design(rung.plan.tables[table]), *logs)
    n, declared, task = int(gap.n), rung.declared(table), rung.plan.tables[table].task
    settled = min(sum(c is not None for c in s) + len(side.diverged) for s, side in zip(losses, sides, strict=True))
    blank = Verdict(claim, rung.name, n=n, complete=declared is not None and settled >= declared, source=table)
    lost = joined(*(f"seed {seed} of {side.row} diverged" for side in sides for seed in side.diverged))
    if not n:
        word = CANNOT_TELL if settled else NOT_MEASURED
        return blank.with_numbers(verdict=word, reason=joined(f"{task}: no seed of both rows has a curve", lost))
    if n < FEWEST_SEEDS:
        seeds = f"{n} seed{'' if n == 1 else 's'}"
        words = f"{task}: {2 ** float(gap.effect):.2f} times the steps; {seeds}: a difference, no verdict"
        return blank.with_numbers(verdict=NO_VERDICT, reason=joined(words, lost))
    few = "" if blank.complete else f"{settled} of {declared} declared seeds"
    low, high = (2 ** float(x) for x in gap.interval())
    p = float(gap.p_outside())
    word = CANNOT_TELL if p >= ALPHA else "holds" if gap.effect > 0 else "reversed"
    ratio = (
        f"{task}: {2 ** float(gap.effect):.2f} times the steps to the same validation loss (95%: {low:.2f}–{high:.2f})"
    )
    number = f"{2 ** float(gap.effect):.2f} × steps"
    return blank.with_numbers(verdict=word, p_holm=p, number=number, reason=joined(few, ratio, lost))


def _curves(rung: Rung, side: SeedScores, curves: Mapping[str, Any]) -> list[pd.DataFrame | None]:
    """Validation losses seed by seed; None where a seed has none, or diverged."""
    found = []
    for run in side.runs:
        there = run in curves and rung.results.status(run).status not in ("diverged", "skipped")
        losses = _losses(curves[run]) if there else None
        found.append(losses if losses is not None and len(losses) else None)
    return found


def _losses(curve: Any) -> pd.DataFrame:
    numbers = curve[["step", "val_loss"]].apply(pd.to_numeric, errors="coerce")
    return pd.DataFrame(numbers).dropna()
