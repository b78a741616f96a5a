"""Is the border restored as well as the interior? Gain over the input in a border band minus in the interior.

Only one photograph with one released network has been measured, and its noise grows from left to right, so that the
top and bottom bands alone have the interior's noise: a number, no verdict. Source: the analysis ``paper_figure4``.
"""

from __future__ import annotations

from bench.results.findings import network_label
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.verdicts.ladder import Ladder
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict

SOURCE = "paper_figure4"


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """The gain of the top and bottom bands against the interior's."""
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
