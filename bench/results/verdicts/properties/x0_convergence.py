"""Does a start at zero converge more slowly? Ratio of the steps that both need to a fixed validation loss.

The loss is fixed by the runs themselves: the highest of their final validation losses, which all of them reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bench.results.comparison import FEWEST_SEEDS
from bench.results.statistics.curves import steps_to
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import estimate
from bench.results.verdicts.ladder import Ladder, Rung
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import NO_VERDICT, Verdict, joined

ROWS = {"table3_x0_denoising": ("zero", "y"), "table3_x0_sr": ("zero", "interp")}
"""Table to the start at zero and the paper's own start."""


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """One verdict per rung; of two tasks the one that is less in favour."""
    found = []
    for rung in ladder.rungs:
        mine = [v for table in ROWS if (v := _on(claim, rung, table, tables.curves)) is not None]
        found += sorted(mine, key=lambda v: ("reversed", NO_VERDICT, CANNOT_TELL, "holds").index(v.verdict))[:1]
    return found


def _on(claim: str, rung: Rung, table: str, curves: Mapping[str, Any]) -> Verdict | None:
    sides = [rung.scores(table, row) for row in ROWS[table]]
    if any(side is None for side in sides):
        return None
    losses = [[_losses(curves[run]) for run in side.runs if run in curves] for side in sides if side is not None]
    if not all(losses):
        return None
    level = max(float(curve["val_loss"].iloc[-1]) for side in losses for curve in side)
    logs = [np.log2([steps_to(c["step"], c["val_loss"], level) for c in side]) for side in losses]
    n = min(len(side) for side in logs)
    declared = rung.declared(table)
    task = rung.plan.tables[table].task
    blank = Verdict(claim, rung.name, n=n, complete=declared is not None and n >= declared)
    few = "" if blank.complete else f"{n} of {declared} declared seeds"
    if n < FEWEST_SEEDS:
        times = f"{2 ** float(np.mean(logs[0]) - np.mean(logs[1])):.2f}"
        words = f"{task}: {times} times the steps; {n} seeds: a difference, no verdict"
        return blank.with_numbers(verdict=NO_VERDICT, reason=words)
    gap = estimate(rung.study.design(rung.plan.tables[table]), logs[0][:n], logs[1][:n])
    low, high = (2 ** float(x) for x in gap.interval())
    p = float(gap.p_outside())
    word = CANNOT_TELL if p >= ALPHA else "holds" if gap.effect > 0 else "reversed"
    ratio = (
        f"{task}: {2 ** float(gap.effect):.2f} times the steps to the same validation loss (95%: {low:.2f}–{high:.2f})"
    )
    return blank.with_numbers(verdict=word, p_holm=p, reason=joined(few, ratio))


def _losses(curve: Any) -> pd.DataFrame:
    numbers = curve[["step", "val_loss"]].apply(pd.to_numeric, errors="coerce")
    return pd.DataFrame(numbers).dropna()
