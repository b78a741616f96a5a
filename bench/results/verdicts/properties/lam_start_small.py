"""Does a small start of λ help, and is it stable? The paper's start against every larger one (dB, over seeds).

*Holds* if the paper's start is better than every larger one. *Reversed* if, after Holm's correction over both
questions, some larger one is better or has the smaller spread over seeds (Brown and Forsythe). Where fewer than three
seeds of a row converge, Fisher's exact test of the diverged ones stands in for the mean. Data fidelity is a number
beside the verdict: the re-convolution error ‖Y − X* ⊗ K‖ / ‖Y‖, median over the network's layers and images.
"""

from __future__ import annotations

import numpy as np

from bench.results.comparison import FEWEST_SEEDS
from bench.results.statistics import decisions
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import Estimate
from bench.results.statistics.multiplicity import holm
from bench.results.statistics.stability import diverged_more, spreads_differ
from bench.results.verdicts.ladder import Ladder, Rung
from bench.results.verdicts.property_means import property_means
from bench.results.verdicts.row_means import RowMeans, row_means
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict, joined

TABLE = "lambda_start"
TABLES = (TABLE,)


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """One verdict for each rung that has the table; the effect is that of the least favourable larger start."""
    return [v for rung in ladder.rungs if (v := _on(claim, rung, tables)) is not None]


def _on(claim: str, rung: Rung, tables: TidyTables) -> Verdict | None:
    if TABLE not in rung.plan.tables:
        return None
    small = str(rung.plan.tables[TABLE].default)
    larger = [row.id for row in rung.plan.rows[TABLE] if row.id != small and not row.reference]
    means = row_means(rung, TABLE, [small, *larger])
    if means is None:
        return None
    begun, enough = means.begun(claim)
    if not enough:
        return begun
    gaps = {row: means.contrast({small: 1, row: -1}) for row in larger}
    better = [_better(means, small, row, gaps[row], 1) for row in larger]
    worse = [_better(means, small, row, gaps[row], -1) for row in larger]
    wider = [_wider(means, small, row) for row in larger]
    against = holm([*worse, *wider])
    word = "holds" if max(better) < ALPHA else "reversed" if np.nanmin(against) < ALPHA else CANNOT_TELL
    calmer = [row for row, p in zip(larger, against[len(larger) :], strict=True) if p < ALPHA]
    row = larger[decisions.least_favourable([g.effect for g in gaps.values()], against[: len(larger)] < ALPHA)]
    words = (
        f"least favourable of {len(larger)} starts: {row}",
        f"standard deviation over seeds {_sd(means, small)} dB, from {row} {_sd(means, row)} dB",
        _fidelity(rung, (small, row), tables),
        f"significantly less spread from {', '.join(calmer)}" if calmer else "",
    )
    found = begun.with_numbers(
        verdict=word,
        p_holm=float(np.nanmin(against) if word == "reversed" else max(better)),
        comparison=f"{small} − {row}",
        reason=joined(begun.reason, *words),
    )
    low, high = (float(x) for x in gaps[row].interval())
    return found.with_numbers(effect_db=float(gaps[row].effect), low=low, high=high) if low == low else found


def _fidelity(rung: Rung, rows: tuple[str, str], tables: TidyTables) -> str:
    means = property_means(rung, TABLE, rows, tables.properties, "reconvolution", lambda f: float(f["value"].median()))
    if means is None:
        return ""
    small, other = (f"{means.means[row].mean():.1e}" for row in rows)
    return f"re-convolution error {small}, from {rows[1]} {other}"


def _better(means: RowMeans, small: str, row: str, gap: Estimate, sign: int) -> float:
    """p-value for the small start being better (sign 1) or worse (−1) than another one."""
    if min(means.converged(r) for r in (small, row)) < FEWEST_SEEDS:
        return diverged_more(*(means.diverged(r) for r in ((row, small) if sign > 0 else (small, row))))
    return float(gap.p_outside()) if sign * gap.effect > 0 else 1.0


def _wider(means: RowMeans, small: str, row: str) -> float:
    """p-value for the small start having the larger spread."""
    p = spreads_differ(means.means[small], means.means[row])
    return p if p != p or means.means[small].std() > means.means[row].std() else 1.0


def _sd(means: RowMeans, row: str) -> str:
    return f"{means.means[row].std():.3f}"
