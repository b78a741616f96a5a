"""Which of two changes makes the gain of the non-blind network? A 2×2 of data step and operator of the prior.

Main effect of the data step (in features instead of 3 channels) minus main effect of the operator (converse2d instead
of a convolution), dB over seeds. *Holds* if that is positive and both changes together gain anything; *reversed* if it
is negative: then the operator makes the larger part.
"""

from __future__ import annotations

from bench.results.comparison import FEWEST_SEEDS
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import Estimate
from bench.results.verdicts.ladder import Ladder, Rung
from bench.results.verdicts.row_means import row_means
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict, joined
from bench.results.view import signed

TABLE = "usrnet_parts"
TABLES = (TABLE,)
BASE, OPERATOR, DATA_STEP, BOTH = "3 channels, conv", "3 channels, converse", "features, conv", "features, converse"
EFFECTS: dict[str, dict[str, float]] = {
    "data step in features": {BASE: -0.5, OPERATOR: -0.5, DATA_STEP: 0.5, BOTH: 0.5},
    "operator of the prior": {BASE: -0.5, OPERATOR: 0.5, DATA_STEP: -0.5, BOTH: 0.5},
    "interaction": {BASE: 1, OPERATOR: -1, DATA_STEP: -1, BOTH: 1},
    "both together": {BASE: -1, BOTH: 1},
}
"""Weights of the four rows."""


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """One verdict for each rung that has all four networks."""
    return [v for rung in ladder.rungs if (v := _on(claim, rung)) is not None]


def _on(claim: str, rung: Rung) -> Verdict | None:
    means = row_means(rung, TABLE, (BASE, OPERATOR, DATA_STEP, BOTH))
    if means is None:
        return None
    begun, enough = means.begun(claim)
    if not enough or min(means.converged(row) for row in means.means) < FEWEST_SEEDS:
        return begun
    gap, whole = means.contrast({DATA_STEP: 1, OPERATOR: -1}), means.contrast(EFFECTS["both together"])
    p = float(gap.p_outside())
    gains = whole.effect > 0 and float(whole.p_outside()) < ALPHA
    word = CANNOT_TELL
    if p < ALPHA:
        word = "reversed" if gap.effect < 0 else "holds" if gains else CANNOT_TELL
    words = [f"{name} {_db(means.contrast(weights))}" for name, weights in EFFECTS.items()]
    nothing = "" if gains else "both changes together show no gain to explain"
    low, high = (float(x) for x in gap.interval())
    return begun.with_numbers(
        verdict=word,
        effect_db=float(gap.effect),
        low=low,
        high=high,
        p_holm=p,
        comparison="effect of the data step − effect of the operator",
        reason=joined(begun.reason, ", ".join(words), nothing),
    )


def _db(gap: Estimate) -> str:
    low, high = (signed(float(x), 3) for x in gap.interval())
    return f"{signed(float(gap.effect), 3)} [{low}, {high}] dB"
