"""Does the transposed convolution leave a checkerboard, and the others not? Energy at the stride's frequency.

Per seed: dB of the energy that the transposed convolution puts at the stride's frequencies on a constant image, minus
the reverse convolution's: of whole trained networks, measured right after their training, and of untrained upsamplers
(the analysis ``checkerboard``), which count while no trained one is measured.
"""

from __future__ import annotations

import pandas as pd

from bench.results.comparison import FEWEST_SEEDS
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import paired
from bench.results.verdicts.ladder import Ladder, Rung
from bench.results.verdicts.property_means import best, property_means
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import NO_VERDICT, Verdict, joined
from bench.results.view import signed

SOURCE = "checkerboard"
TABLE = "table6_upsampling"
TABLES = (TABLE,)
CONVT, CONVERSE = "ConvT", "Converse2D"


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """The transposed convolution against the reverse one: trained on each rung, or at initialisation."""
    found = [v for rung in ladder.rungs if (v := _trained(claim, rung, tables)) is not None]
    return found or _untrained(claim, tables)


def _trained(claim: str, rung: Rung, tables: TidyTables) -> Verdict | None:
    if {CONVT, CONVERSE} - {row.id for row in rung.plan.rows.get(TABLE, ())}:
        return None
    means = property_means(rung, TABLE, [CONVT, CONVERSE], tables.properties, "checkerboard", on_constant)
    if means is None:
        return None
    begun, enough = means.begun(claim)
    if not enough or min(means.converged(row) for row in means.means) < FEWEST_SEEDS:
        return begun
    answer = best(means, CONVT, [CONVERSE])
    shares = []
    for row in rung.plan.rows[TABLE]:
        frames = [tables.properties[key] for run in row.runs if (key := (run.id, "checkerboard")) in tables.properties]
        if frames:
            shares.append(f"{row.id} {_shares(pd.concat(frames))}")
    words = (
        "share of the energy at the stride's frequencies, trained (dB; on a constant / a ramp / photographs, next to "
        f"the clean ones' own): {', '.join(shares)}"
    )
    return begun.with_numbers(
        verdict=answer.word,
        p_holm=answer.p,
        comparison=f"{CONVT} − {CONVERSE}",
        number=f"{signed(float(answer.gap.effect), 0)} dB of share",
        reason=joined(begun.reason, words),
    )


def on_constant(numbers: pd.DataFrame) -> float:
    """Share (dB) on a constant image."""
    return float(numbers.loc[(numbers["image"] == "constant") & (numbers["metric"] == "share_db"), "value"].mean())


def _shares(numbers: pd.DataFrame) -> str:
    own = numbers[numbers["metric"] == "share_db"]
    made = ("constant", "ramp")
    parts = [own.loc[own["image"] == image, "value"].mean() for image in made]
    target = numbers.loc[numbers["metric"] == "share_db_target", "value"].mean()
    photographs = own.loc[~own["image"].isin(made), "value"].mean()
    return f"{parts[0]:.0f} / {parts[1]:.0f} / {photographs:.1f} ({target:.1f})"


def _untrained(claim: str, tables: TidyTables) -> list[Verdict]:
    frame = tables.analyses.get(SOURCE)
    if frame is None or not len(frame):
        return []
    level = frame[frame["image"] == "constant"].pivot_table(index="seed", columns="upsampler", values="share_db")
    if not {"convt", "converse2d"} <= set(level.columns):
        return []
    gap = paired(level["convt"], level["converse2d"])
    p, n = float(gap.p_outside()), int(gap.n)
    word = CANNOT_TELL if p >= ALPHA else "holds" if gap.effect > 0 else "reversed"
    shares = ", ".join(f"{name} {value:.0f}" for name, value in level.mean().items())
    reason = (
        f"share of the energy at the stride's frequencies on a constant image, at initialisation (dB): {shares}; "
        "trained upsamplers are not measured"
    )
    verdict = word if n >= FEWEST_SEEDS else NO_VERDICT
    number = f"{signed(float(gap.effect), 0)} dB of share"
    return [Verdict(claim, verdict=verdict, n=n, p_holm=p, reason=reason, number=number, source=SOURCE)]
