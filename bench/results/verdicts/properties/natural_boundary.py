"""What the circular blur of the published protocol is worth: the same photographs blurred first and cropped after.

PSNR of the core under the natural boundary minus under the circular one, per photograph (kernels averaged first);
the interval is over photographs, since the released networks have no seeds. Source: the analysis ``boundary``.
"""

from __future__ import annotations

import numpy as np

from bench.results.findings import network_label
from bench.results.statistics import decisions
from bench.results.statistics.estimate import paired
from bench.results.statistics.multiplicity import holm
from bench.results.verdicts.ladder import Ladder
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict
from bench.results.view import signed

SOURCE = "boundary"


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """The network that loses most; the claim is that none loses anything, so one loss is corrected over all of them."""
    frame = tables.analyses.get(SOURCE)
    if frame is None or not len(frame):
        return []
    kind = frame["protocol"].str.contains("natural").map({True: "natural", False: "circular"})
    means = frame.assign(kind=kind).groupby(["network", "image", "kind"], sort=False)["psnr"].mean().unstack()
    found = {str(net): paired(part["natural"], part["circular"]) for net, part in means.groupby(level="network")}
    gaps = list(found.values())
    effects = np.array([float(g.effect) for g in gaps])
    p = np.array([float(g.p_outside()) for g in gaps])
    corrected = holm(p)
    word = str(decisions.order(effects, p, corrected))
    i = decisions.least_favourable(effects, (effects < 0) & (corrected < decisions.ALPHA))
    gap, n = gaps[i], int(gaps[i].n)
    decisive = float(corrected[i] if word == "reversed" else p.max())
    low, high = (float(x) for x in gap.interval())
    words = ", ".join(f"{network_label(net)} {signed(float(g.effect))} dB" for net, g in found.items())
    reason = f"natural minus circular boundary: {words}; interval over {n} photographs, not over seeds"
    return [Verdict(claim, "", "", "", word, float(gap.effect), low, high, n, decisive, reason=reason, source=SOURCE)]
