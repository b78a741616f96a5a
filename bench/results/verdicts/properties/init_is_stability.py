"""Is the ranking of the starts the operator's own, or that of float32 arithmetic in the paper's Algorithm 1?

Softmax start minus another one (dB), once with the exact operator and once with Algorithm 1. The ranking is the
operator's (*holds*) if with the exact formula the softmax start is better than every other one. It is the arithmetic's
(*reversed*) if for some start, after Holm's correction, the exact formula leaves less than half of Algorithm 1's gap,
or turns it around. Where fewer than three seeds of a row converge, Fisher's exact test of the diverged ones decides.
"""

from __future__ import annotations

import numpy as np

from bench.results.comparison import FEWEST_SEEDS
from bench.results.statistics import decisions
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import Estimate
from bench.results.statistics.multiplicity import holm
from bench.results.statistics.stability import diverged_more
from bench.results.verdicts.ladder import Ladder, Rung
from bench.results.verdicts.published_gaps import published_gap
from bench.results.verdicts.row_means import RowMeans, row_means
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict, joined
from bench.results.view import signed

TABLE, PUBLISHED = "init_arithmetic", "table1_init"
TABLES = (TABLE,)
BEST, STARTS = "gaussian_softmax", ("gaussian", "uniform")


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """One verdict for each rung that has the table; the effect is the exact gap of the least favourable start."""
    return [v for rung in ladder.rungs if (v := _on(claim, rung)) is not None]


def _on(claim: str, rung: Rung) -> Verdict | None:
    rows = [f"{start}{how}" for how in ("", "_published") for start in (BEST, *STARTS)]
    means = row_means(rung, TABLE, rows)
    if means is None:
        return None
    begun, enough = means.begun(claim)
    if not enough:
        return begun
    exact = {start: means.contrast({BEST: 1, start: -1}) for start in STARTS}
    rough = {start: means.contrast({f"{BEST}_published": 1, f"{start}_published": -1}) for start in STARTS}
    own = [_operators(means, start, exact[start]) for start in STARTS]
    other = holm([_arithmetics(means, start, exact[start], rough[start]) for start in STARTS])
    word = "holds" if max(own) < ALPHA else "reversed" if np.nanmin(other) < ALPHA else CANNOT_TELL
    words = [f"softmax minus {start}: exact {_db(exact[start])}, Algorithm 1 {_db(rough[start])}" for start in STARTS]
    start = STARTS[decisions.least_favourable([gap.effect for gap in exact.values()], other < ALPHA)]
    found = begun.with_numbers(
        verdict=word,
        p_holm=float(max(own) if word != "reversed" else np.nanmin(other)),
        comparison=f"{BEST} − {start}",
        reason=joined(begun.reason, *words),
        published_db=_published(rung, start),
        number=f"{_gap(exact[start])} exact, {_gap(rough[start])} Algorithm 1",
    )
    low, high = (float(x) for x in exact[start].interval())
    return found.with_numbers(effect_db=float(exact[start].effect), low=low, high=high) if low == low else found


def _operators(means: RowMeans, start: str, gap: Estimate) -> float:
    """p-value for the softmax start being better, or more stable, with the exact formula."""
    if min(means.converged(row) for row in (BEST, start)) < FEWEST_SEEDS:
        return diverged_more(means.diverged(start), means.diverged(BEST))
    return _above(gap)


def _arithmetics(means: RowMeans, start: str, exact: Estimate, rough: Estimate) -> float:
    """p-value for the gap being the arithmetic's; two ways to be so, each counted twice."""
    rows = [f"{row}{how}" for how in ("", "_published") for row in (BEST, start)]
    if min(means.converged(row) for row in rows) < FEWEST_SEEDS:
        return diverged_more(means.diverged(f"{start}_published"), means.diverged(start))
    excess = means.contrast({f"{BEST}_published": 1, f"{start}_published": -1, BEST: -2, start: 2})
    most = max(_above(rough), _above(excess))
    turned = float(exact.p_outside()) if exact.effect < 0 else 1.0
    return min(1.0, 2 * min(most, turned))


def _above(gap: Estimate) -> float:
    """Two-sided p-value of a positive effect, 1 of any other."""
    return float(gap.p_outside()) if gap.effect > 0 else 1.0


def _db(gap: Estimate) -> str:
    return f"{signed(float(gap.effect), 3)} dB" if np.isfinite(gap.effect) else "no number"


def _gap(gap: Estimate) -> str:
    return signed(float(gap.effect)) if np.isfinite(gap.effect) else "–"


def _published(rung: Rung, start: str) -> float | None:
    if PUBLISHED not in rung.plan.tables or {BEST, start} - {row.id for row in rung.plan.rows[PUBLISHED]}:
        return None
    return published_gap(rung.plan, PUBLISHED, BEST, start, rung.cells(TABLE, [BEST]))
