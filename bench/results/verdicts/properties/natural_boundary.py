"""What the circular blur of the published protocol is worth: the same photographs blurred first and cropped after.

PSNR of the core under the natural boundary minus under the circular one, per photograph (kernels averaged first);
the interval is over photographs, since the released networks have no seeds. Source: the analysis ``boundary``.
"""

from __future__ import annotations

from bench.results.findings import network_label
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import paired
from bench.results.verdicts.ladder import Ladder
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict
from bench.results.view import signed

SOURCE = "boundary"


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """The network that loses most; the claim is that none loses anything."""
    frame = tables.analyses.get(SOURCE)
    if frame is None or not len(frame):
        return []
    kind = frame["protocol"].str.contains("natural").map({True: "natural", False: "circular"})
    means = frame.assign(kind=kind).groupby(["network", "image", "kind"], sort=False)["psnr"].mean().unstack()
    found = {str(net): paired(part["natural"], part["circular"]) for net, part in means.groupby(level="network")}
    network = min(found, key=lambda net: float(found[net].effect))
    gap = found[network]
    low, high = (float(x) for x in gap.interval())
    p = float(gap.p_outside())
    word = CANNOT_TELL if p >= ALPHA else "reversed" if gap.effect < 0 else "holds"
    words = ", ".join(f"{network_label(net)} {signed(float(g.effect))} dB" for net, g in found.items())
    reason = f"natural minus circular boundary: {words}; interval over {int(gap.n)} photographs, not over seeds"
    return [Verdict(claim, "", "", "", word, float(gap.effect), low, high, int(gap.n), p, reason=reason, source=SOURCE)]
