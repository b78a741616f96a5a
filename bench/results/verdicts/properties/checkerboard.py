"""Does the transposed convolution leave a checkerboard, and the others not? Energy at the stride's frequency.

Per initial seed: log10 of the energy that the transposed convolution puts at the stride's frequencies on a constant
image, minus the reverse convolution's. Source: the analysis ``checkerboard``, untrained upsamplers; trained ones are
measured right after their training.
"""

from __future__ import annotations

from bench.results.comparison import FEWEST_SEEDS
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import paired
from bench.results.verdicts.ladder import Ladder
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import NO_VERDICT, Verdict

SOURCE = "checkerboard"


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """The transposed convolution against the reverse one, at initialisation."""
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
    return [
        Verdict(claim, verdict=word if n >= FEWEST_SEEDS else NO_VERDICT, n=n, p_holm=p, reason=reason, source=SOURCE)
    ]
