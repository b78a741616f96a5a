"""What was measured of trained networks beside their scores, as one number per seed and row. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.results.statistics import decisions
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import Estimate
from bench.results.statistics.multiplicity import holm
from bench.results.verdicts.ladder import Rung
from bench.results.verdicts.row_means import RowMeans

Measured = Mapping[tuple[str, str], Any]
"""(run, property) to its numbers (`bench.results.properties`)."""


def property_means(
    rung: Rung, table: str, rows: Sequence[str], measured: Measured, name: str, one: Callable[[Any], float]
) -> RowMeans | None:
    """A property of rows of a table; None where the rung has not all of them in its plan, or no number of any.

    Args:
        rung: whose rows.
        table: of the rows.
        rows: by id.
        measured: numbers by run and property.
        name: which property.
        one: from the numbers of one network to the one that counts.
    """
    planned = {row.id: row for row in rung.plan.rows.get(table, ())}
    scores = {row: side for row in rows if (side := rung.scores(table, row)) is not None}
    if len(scores) < len(rows):
        return None
    found = {
        row: {
            run.train.seed: one(measured[run.id, name])
            for run in planned[row].runs
            if run.train and run.id in scores[row].runs and (run.id, name) in measured
        }
        for row in rows
    }
    if not any(found.values()):
        return None
    unmeasured = {
        row: tuple(int(s) for s in side.values.columns if s not in (*found[row], *side.missing))
        for row, side in scores.items()
    }
    seeds = sorted({seed for by_seed in found.values() for seed in by_seed})
    means = {row: pd.Series(by_seed, dtype=float).reindex(seeds) for row, by_seed in found.items()}
    return RowMeans(rung, table, scores, means, unmeasured)


@dataclass(frozen=True)
class Best:
    """Whether one row is above every other one, and the comparison that this hangs on."""

    word: str
    p: float
    other: str
    gap: Estimate


def best(means: RowMeans, first: str, others: Sequence[str]) -> Best:
    """*Holds* if every comparison passes at 5 %; *reversed* if one is the other way round after Holm's correction."""
    gaps = {row: means.contrast({first: 1, row: -1}) for row in others}
    p = [float(gap.p_outside()) for gap in gaps.values()]
    above = [value if gap.effect > 0 else 1.0 for value, gap in zip(p, gaps.values(), strict=True)]
    below = holm([value if gap.effect < 0 else 1.0 for value, gap in zip(p, gaps.values(), strict=True)])
    word = "holds" if max(above) < ALPHA else "reversed" if np.nanmin(below) < ALPHA else CANNOT_TELL
    row = others[decisions.least_favourable([gap.effect for gap in gaps.values()], below < ALPHA)]
    return Best(word, float(np.nanmin(below) if word == "reversed" else max(above)), row, gaps[row])
