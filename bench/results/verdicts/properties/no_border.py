"""Is the border restored as well as the interior? Gain over the input in a border band minus in the interior.

Trained rows: that difference under the paper's circular padding minus that under every other mode (dB, over seeds),
from what is measured right after the training. *Holds* if it is larger than under every other mode, *reversed* if
smaller than under one of them, after Holm's correction. Of the released network one photograph is measured, whose noise
grows from left to right, so that the top and bottom bands alone have the interior's noise: a number, no verdict (the
analysis ``paper_figure4``).
"""

from __future__ import annotations

import pandas as pd

from bench.results.comparison import FEWEST_SEEDS
from bench.results.findings import network_label
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.verdicts.ladder import Ladder, Rung
from bench.results.verdicts.property_means import best, property_means
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict, joined
from bench.results.view import signed

SOURCE = "paper_figure4"
TABLE = "table2_padding_mode"
TABLES = (TABLE,)


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """One verdict for each rung whose trained rows are measured; without one the released network's number."""
    found = [v for rung in ladder.rungs if (v := _trained(claim, rung, tables)) is not None]
    return found or _released(claim, tables)


def _trained(claim: str, rung: Rung, tables: TidyTables) -> Verdict | None:
    if TABLE not in rung.plan.tables:
        return None
    circular = str(rung.plan.tables[TABLE].default)
    others = [row.id for row in rung.plan.rows[TABLE] if row.id != circular]
    means = property_means(rung, TABLE, [circular, *others], tables.properties, "border", border_deficit)
    if means is None:
        return None
    begun, enough = means.begun(claim)
    if not enough or min(means.converged(row) for row in means.means) < FEWEST_SEEDS:
        return begun
    answer = best(means, circular, others)
    low, high = (float(x) for x in answer.gap.interval())
    bands = ", ".join(f"{row} {signed(float(values.mean()), 3)}" for row, values in means.means.items())
    words = f"gain at the border (8 pixels) minus in the interior (dB): {bands}"
    return begun.with_numbers(
        verdict=answer.word,
        effect_db=float(answer.gap.effect),
        low=low,
        high=high,
        p_holm=answer.p,
        comparison=f"{circular} − {answer.other}",
        reason=joined(begun.reason, words),
    )


def border_deficit(numbers: pd.DataFrame) -> float:
    """Gain over the degraded image (dB) in the border band minus in the interior, mean over images."""
    by_metric = numbers.pivot_table(index=["image", "part"], columns="metric", values="value")
    gain = (by_metric["psnr"] - by_metric["psnr_input"]).unstack("part")
    return float((gain["border"] - gain["interior"]).mean())


def _released(claim: str, tables: TidyTables) -> list[Verdict]:
    frame = tables.analyses.get(SOURCE)
    if frame is None or not len(frame):
        return []
    gain = (frame["psnr"] - frame["psnr_input"]).groupby(frame["region"]).mean()
    if not {"its top and bottom", "interior"} <= set(gain.index):
        return []
    effect = float(gain["its top and bottom"] - gain["interior"])
    network = network_label(str(frame["network"].iloc[0]))
    reason = (
        f"gain of the top and bottom bands minus the interior's, {network} on one photograph: no spread to test; "
        "bands of the trained rows are not measured"
    )
    return [Verdict(claim, verdict=CANNOT_TELL, effect_db=effect, n=1, reason=reason, source=SOURCE)]
