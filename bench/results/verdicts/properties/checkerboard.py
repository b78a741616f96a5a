"""Does the transposed convolution leave a checkerboard, and the others not? Energy at the stride's frequency.

Per seed: dB of the energy that the transposed convolution puts at the stride's frequencies on a constant image, minus
the reverse convolution's: of whole trained networks, measured right after their training, and of untrained upsamplers
(the analysis ``checkerboard``), which count while no trained one is measured. An artifact must be one that an image can
show: what is significantly below `VISIBLE_DB` is none, however much more of it there is than in another network.
"""

from __future__ import annotations

import pandas as pd

from bench.results.comparison import FEWEST_SEEDS
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import Estimate, paired
from bench.results.verdicts.ladder import Ladder, Rung
from bench.results.verdicts.property_means import best, property_means
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import NO_VERDICT, Verdict, joined
from bench.results.view import signed

SOURCE = "checkerboard"
TABLE = "table6_upsampling"
TABLES = (TABLE,)
VISIBLE_DB = -48.0
"""Share of energy of a checkerboard of half a level of 8 bits on a constant of 0.5: (1/510 / 0.5)^2 is -48 dB."""
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
    answer, level = best(means, CONVT, [CONVERSE]), means.contrast({CONVT: 1.0})
    word, p = _word(answer.word, answer.p, level)
    shares = []
    for row in rung.plan.rows[TABLE]:
        frames = [tables.properties[key] for run in row.runs if (key := (run.id, "checkerboard")) in tables.properties]
        if frames:
            shares.append(f"{row.id} {_shares(pd.concat(frames))}")
    words = (
        "share of the energy at the stride's frequencies, trained (dB; on a constant / a ramp / photographs, next to "
        f"the clean ones' own): {', '.join(shares)}; {CONVT} {signed(float(answer.gap.effect), 1)} dB to {CONVERSE}; "
        f"an image shows it from {signed(VISIBLE_DB, 0)} on (half a level of 8 bits)"
    )
    return begun.with_numbers(
        verdict=word,
        p_holm=p,
        comparison=f"{CONVT} − {CONVERSE}",
        number=f"{signed(float(level.effect), 0)} dB (seen from {signed(VISIBLE_DB, 0)})",
        reason=joined(begun.reason, words),
    )


def _word(compared: str, p: float, level: Estimate) -> tuple[str, float]:
    """*Holds*: there is more of it than in the other, and it can be seen; *reversed*: it cannot, or there is less."""
    unseen = float(level.p_below(VISIBLE_DB))
    if unseen < ALPHA:
        return "reversed", unseen
    seen = float(level.p_above(VISIBLE_DB))
    if compared == "holds" and seen >= ALPHA:
        return CANNOT_TELL, seen
    return compared, max(p, seen) if compared == "holds" else p


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
    gap = paired(level["convt"], level["converse2d"])  # of feature maps: what an image would show is not known
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
