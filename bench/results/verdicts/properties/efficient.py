"""Is the operator efficient? Its time and memory against a depthwise convolution's, forward and backward.

The paper has no timing. Holds where no case is slower than the convolution that the operator replaces, reversed
where every case is. Source: throughput, the operator cases at stride 1.
"""

from __future__ import annotations

import pandas as pd

from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.throughput_ratios import PASSED
from bench.results.verdicts.ladder import Ladder
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict, joined

SOURCE = "throughput"
PASS = "forward+backward"


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """Ratios to the convolution and to Algorithm 1, case by case."""
    frame = tables.throughput
    if frame is None or not len(frame):
        return []
    frame = frame[(frame["kind"] == "operator") & (frame["pass"] == PASS) & (frame["status"] == "ok")]
    failed = frame["gate"] != PASSED  # what is wrong is not fast
    dropped = sorted({f"{name} of {case}" for name, case in frame.loc[failed, ["name", "case"]].to_numpy()})
    frame = frame[~failed]
    keys = ["case", "threads", "device", "machine", "torch"]
    time = frame.pivot_table(index=keys, columns="name", values="median_s")
    memory = frame.pivot_table(index=keys, columns="name", values="extra_peak_bytes")
    if not {"conv", "converse2d"} <= set(time.columns):
        return []
    slower = (time["converse2d"] / time["conv"]).dropna()
    if not len(slower):
        return []
    words = [f"time {_range(slower)} of the depthwise convolution's"]
    if "algorithm1" in time:
        words.append(f"{_range((time['converse2d'] / time['algorithm1']).dropna())} of Algorithm 1's")
    if {"conv", "converse2d"} <= set(memory.columns):
        words.append(f"peak memory {_range((memory['converse2d'] / memory['conv']).dropna())} of the convolution's")
    word = "holds" if (slower <= 1).all() else "reversed" if (slower > 1).all() else CANNOT_TELL
    if dropped and word == "holds":
        word = CANNOT_TELL
    where = "; ".join(sorted({str(m) for m in frame["machine"]}))
    reason = joined(
        f"{PASS}: {', '.join(words)} ({len(slower)} cases on {where}; n counts cases)",
        f"not counted, since its results were not shown to be right: {', '.join(dropped)}" if dropped else "",
    )
    number = f"{_range(slower)} × time"
    return [Verdict(claim, verdict=word, n=len(slower), reason=reason, number=number, source=SOURCE)]


def _range(ratios: pd.Series) -> str:
    low, high = float(ratios.min()), float(ratios.max())
    return f"{low:.2g}" if f"{low:.2g}" == f"{high:.2g}" else f"{low:.2g} to {high:.2g}"
