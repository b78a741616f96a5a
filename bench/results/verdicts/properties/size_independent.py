"""Are the same pixels restored alike inside maps of different size? One clear counterexample answers.

A photograph that a released network improves inside the smallest map and leaves worse than its input inside the
largest is one. Source: the analysis ``size_dependence``.
"""

from __future__ import annotations

from bench.results.findings import network_label
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.verdicts.ladder import Ladder
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict

SOURCE = "size_dependence"


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """The network and photograph with the largest loss from the smallest map to the largest."""
    frame = tables.analyses.get(SOURCE)
    if frame is None or not len(frame):
        return []
    series = frame.fillna({"kernel": ""}).groupby(["network", "image", "kernel"], sort=False)
    ends = [(name, p.iloc[0], p.iloc[-1]) for name, p in ((n, g.sort_values(["height", "width"])) for n, g in series)]
    (network, image, kernel), small, large = min(ends, key=lambda e: float(e[2]["psnr"] - e[1]["psnr"]))
    turned = small["psnr"] > small["psnr_input"] and large["psnr"] < large["psnr_input"]
    where = f"{network_label(str(network))}, {image}{f', {kernel}' if kernel else ''}"
    reason = (
        f"largest change from {small['height']}×{small['width']} to {large['height']}×{large['width']}: {where}, "
        f"{small['psnr']:.2f} to {large['psnr']:.2f} dB (input {large['psnr_input']:.2f}); "
        f"{len(ends)} series of released networks, n counts them"
    )
    effect = float(large["psnr"] - small["psnr"])
    return [
        Verdict(
            claim,
            verdict="reversed" if turned else CANNOT_TELL,
            effect_db=effect,
            n=len(ends),
            reason=reason,
            source=SOURCE,
        )
    ]
