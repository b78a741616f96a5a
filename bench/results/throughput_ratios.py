"""What a timing is held against: Algorithm 1, depthwise convolutions, and what the machine can do. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.config.timed_variants import CONVOLUTIONS, COPY, PASSED, PRODUCT
from bench.results.columns import WHERE

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "algorithm1"
ON_ALGORITHM1 = " on Algorithm 1"
"""Suffix of a model that was timed a second time with its operator replaced by the paper's Algorithm 1."""


@dataclass(frozen=True)
class Ratios:
    """One timing against the others of its case, pass and machine; None: not to be said.

    The first three are None as well where the results of either side were not right (column ``gate``).
    """

    speedup: float | None = None
    """Algorithm 1's time over this one."""
    relative: float | None = None
    """This time over that of the circularly padded depthwise convolution, contiguous: what the operator replaces."""
    fastest: float | None = None
    """This time over that of the fastest of the four depthwise convolutions."""
    of_copy: float | None = None
    """Time to copy the bytes that the pass must move, over this time."""
    of_peak: float | None = None
    """Operations in a second over those of a matrix product."""
    withheld: Mapping[str, str] = field(default_factory=dict)
    """Which of the first three is not told because of the other side, and why."""


def ratios(row: Any, peers: pd.DataFrame) -> Ratios:
    """Of one timing (a row of throughput.csv), given all of its case, pass and machine."""
    known = {str(r["name"]): r for r in peers.to_dict("records") if r["status"] == "ok" and r["median_s"] > 0}
    mine = row["median_s"]
    if row["status"] != "ok" or not mine > 0:
        return Ratios()
    told: dict[str, Any] = {}
    if row["kind"] == "model":
        others: dict[str, tuple[str, ...]] = {
            "speedup": (f"{str(row['name']).removesuffix(ON_ALGORITHM1)}{ON_ALGORITHM1}",)
        }
    else:
        conv = next((c for c in CONVOLUTIONS if c in known), "")
        others = {"speedup": (BASELINE,), "relative": (conv,), "fastest": CONVOLUTIONS.get(conv, ())}
        copy, product = known.get(COPY), known.get(PRODUCT)
        if copy and row["bytes"] > 0:
            told["of_copy"] = row["bytes"] / copy["bytes"] * copy["median_s"] / mine
        if product and row["flops"] > 0:
            told["of_peak"] = row["flops"] / product["flops"] * product["median_s"] / mine
    if row["gate"] != PASSED:
        return Ratios(**told)
    withheld = {}
    for what, names in others.items():
        timed = [known[name] for name in names if name in known]
        seconds = [float(r["median_s"]) for r in timed if r["gate"] == PASSED]
        if seconds:
            told[what] = min(seconds) / mine if what == "speedup" else mine / min(seconds)
        elif timed:
            why = timed[0]["gate"] or "not held against float64"
            withheld[what] = f"no ratio to {timed[0]['name']}, whose results were not shown to be right ({why})"
    return Ratios(**told, withheld=withheld)


def throughput_frame(timings: pd.DataFrame) -> pd.DataFrame:
    """Tidy timings with their `Ratios`, a column each; empty where there is none, ``withheld`` then says why."""
    import pandas as pd

    found = []
    for row in timings.to_dict("records"):
        peers = timings
        for column in (*WHERE, "case", "pass"):
            peers = peers[peers[column] == row[column]]
        found.append(ratios(row, peers))
    numbers = [name for name in Ratios.__dataclass_fields__ if name != "withheld"]
    columns = {name: pd.Series([getattr(r, name) for r in found], timings.index, dtype=float) for name in numbers}
    return timings.assign(**columns, withheld=["; ".join(dict.fromkeys(r.withheld.values())) for r in found])
