"""Does the inverse hold the detail that convolution lost? ‖Y − X* ⊗ K‖ / ‖Y‖ inside the released networks.

A small error says that X* explains Y; that X* looks sharper is figure 2 of the paper. Source: the analysis
``reconvolution``, layer by layer.
"""

from __future__ import annotations

from bench.results.findings import network_label
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.verdicts.ladder import Ladder
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict

SOURCE = "reconvolution"


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """The layers' re-convolution errors; whether they amount to detail is not decided by a number."""
    frame = tables.analyses.get(SOURCE)
    if frame is None or not len(frame):
        return []
    words, medians = [], []
    for network, part in frame.groupby("network", sort=False):
        by_layer = part.groupby("layer")["error"].mean()
        medians.append(by_layer.median())
        words.append(f"{network_label(str(network))} {by_layer.median():.2g} (largest {by_layer.max():.2g})")
    n = int(frame["image"].nunique())
    reason = f"re-convolution error, median over layers: {', '.join(words)}; n counts photographs"
    number = f"{min(medians):.0%} to {max(medians):.0%} of ‖Y‖, by network"
    return [Verdict(claim, verdict=CANNOT_TELL, n=n, reason=reason, number=number, source=SOURCE)]
