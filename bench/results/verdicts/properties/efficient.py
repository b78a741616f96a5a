"""Is the operator efficient? Its time and memory against depthwise convolutions', forward and backward.

The paper has no timing. Holds where no case is slower than the fastest of the convolutions that could stand in the
operator's place (zero or circular padding, either memory layout), reversed where every case is. That is said of a
training step's forward and backward pass; the forward pass alone stands beside it. Source: throughput, the operator
cases at stride 1.
"""

from __future__ import annotations

import pandas as pd

from bench.config.timed_variants import PASSED
from bench.results.columns import TIMED_ON
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.verdicts.ladder import Ladder
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict, joined

SOURCE = "throughput"
PASS = "forward+backward"
KEYS = ["case", *TIMED_ON]


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """Ratios to the convolutions and to Algorithm 1, case by case."""
    frame = tables.throughput
    if frame is None or not len(frame):
        return []
    frame = frame[(frame["kind"] == "operator") & (frame["status"] == "ok")]
    wrong = frame[frame["gate"] != PASSED]  # what is wrong is not fast
    frame = frame.drop(wrong.index)
    both = frame[frame["pass"] == PASS]
    slower = _ratios(both, "median_s", "conv")
    if not len(slower):
        return []
    words = [f"time {_range(slower)} of the fastest depthwise convolution's"]
    forward = _ratios(frame[frame["pass"] == "forward"], "median_s", "conv")
    words += [f"{_range(forward)} in the forward pass alone"] if len(forward) else []
    published = _ratios(both, "median_s", "algorithm1")
    words += [f"{_range(published)} of Algorithm 1's"] if len(published) else []
    memory = _ratios(both, "extra_peak_bytes", "conv")
    words += [f"peak memory {_range(memory)} of the smallest convolution's"] if len(memory) else []
    word = "holds" if (slower <= 1).all() else "reversed" if (slower > 1).all() else CANNOT_TELL
    if word == "holds" and wrong["name"].isin(["conv", "converse2d"]).any():
        word = CANNOT_TELL
    where = "; ".join(sorted({str(m) for m in both["machine"]}))
    dropped = ", ".join(sorted({f"{name} of {case}" for name, case in wrong[["name", "case"]].to_numpy()}))
    reason = joined(
        f"{PASS}: {', '.join(words)} ({len(slower)} cases on {where}; n counts cases)",
        f"not counted, since its results were not shown to be right: {dropped}" if dropped else "",
    )
    devices = ", ".join(sorted(set(slower.index.get_level_values("device"))))
    number = f"{_range(slower)} × time ({devices}, training pass)"
    return [Verdict(claim, verdict=word, n=len(slower), reason=reason, number=number, source=SOURCE)]


def _ratios(frame: pd.DataFrame, column: str, to: str) -> pd.Series:
    """The operator's value by the least one of another operator in whichever padding and layout, case by case."""
    values = frame.assign(operator=frame["name"].str.split(",").str[0])
    least = values.pivot_table(index=KEYS, columns="operator", values=column, aggfunc="min")
    return (least["converse2d"] / least[to]).dropna() if {to, "converse2d"} <= set(least.columns) else pd.Series()


def _range(ratios: pd.Series) -> str:
    low, high = float(ratios.min()), float(ratios.max())
    return f"{low:.2g}" if f"{low:.2g}" == f"{high:.2g}" else f"{low:.2g} to {high:.2g}"
