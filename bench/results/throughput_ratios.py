"""What a timing is held against: Algorithm 1, depthwise convolutions, and what the machine can do. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.config.timed_variants import CONVOLUTIONS, COPY, PASSED, PRODUCT
from bench.results.columns import WHERE

if TYPE_CHECKING:
    import pandas as pd

    from bench.results.tidy import Results

BASELINE = "algorithm1"
ON_ALGORITHM1 = " on Algorithm 1"
"""Suffix of a model that was timed a second time with its operator replaced by the paper's Algorithm 1."""


@dataclass(frozen=True)
class Ratios:
    """One timing against the others of its case, pass and machine; None: not to be said.

    The first three are None as well where the timed results were not right (column ``gate``).
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


def ratios(row: Any, peers: pd.DataFrame) -> Ratios:
    """Of one timing (a row of throughput.csv), given all of its case, pass and machine."""
    known = {str(r["name"]): r for r in peers.to_dict("records") if r["status"] == "ok" and r["median_s"] > 0}
    seconds = {name: float(r["median_s"]) for name, r in known.items()}
    mine = row["median_s"]
    if row["status"] != "ok" or not mine > 0:
        return Ratios()
    name, right = str(row["name"]), row["gate"] == PASSED
    if row["kind"] == "model":
        base = seconds.get(f"{name.removesuffix(ON_ALGORITHM1)}{ON_ALGORITHM1}")
        return Ratios(base / mine if base and right else None)
    base = seconds.get(BASELINE)
    conv = next((c for c in CONVOLUTIONS if c in seconds), "")
    fastest = min((seconds[c] for c in CONVOLUTIONS.get(conv, ()) if c in seconds), default=None)
    copy, product = known.get(COPY), known.get(PRODUCT)
    return Ratios(
        base / mine if base and right else None,
        mine / seconds[conv] if conv and right else None,
        mine / fastest if fastest and right else None,
        row["bytes"] / copy["bytes"] * copy["median_s"] / mine if copy and row["bytes"] > 0 else None,
        row["flops"] / product["flops"] * product["median_s"] / mine if product and row["flops"] > 0 else None,
    )


def throughput_frame(results: Results) -> pd.DataFrame:
    """The tidy timings with their `Ratios`, a column each; empty where there is none."""
    import pandas as pd

    frame = results.throughput.copy()
    found = []
    for row in frame.to_dict("records"):
        peers = frame
        for column in (*WHERE, "case", "pass"):
            peers = peers[peers[column] == row[column]]
        found.append(vars(ratios(row, peers)))
    columns = list(Ratios.__dataclass_fields__)
    return frame.join(pd.DataFrame(found, index=frame.index, columns=columns, dtype=float))
