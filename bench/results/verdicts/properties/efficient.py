"""Is the operator efficient? Its time and memory against depthwise convolutions', forward and backward.

The paper has no timing. Holds where no case is slower than the fastest of the convolutions that could stand in the
operator's place (zero or circular padding, either memory layout), reversed where every case is. That is said of a
training step's forward and backward pass; the forward pass alone stands beside it. Source: throughput, the operator
cases at stride 1.
"""

from __future__ import annotations

import pandas as pd

from bench.config.timed_variants import CONVOLUTIONS, PASSED
from bench.results.columns import WHERE
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.throughput_ratios import throughput_frame
from bench.results.verdicts.ladder import Ladder
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict, joined

SOURCE = "throughput"
PASS = "forward+backward"
KEYS = ["case", *WHERE]


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """Ratios to the convolutions and to Algorithm 1, case by case."""
    frame = tables.throughput
    if frame is None or not len(frame):
        return []
    frame = frame[(frame["kind"] == "operator") & (frame["status"] == "ok")]
    wrong = frame[frame["gate"] != PASSED]  # what is wrong is not fast
    frame = frame.drop(wrong.index)
    frame = throughput_frame(frame[frame["case"].isin(frame.loc[frame["name"] == "conv", "case"])])  # of stride 1
    both, forward = (frame[(frame["pass"] == p) & (frame["name"] == "converse2d")] for p in (PASS, "forward"))
    slower, published = both["fastest"].dropna(), 1 / both["speedup"].dropna()
    if not len(slower):
        return []
    words = [f"time {_range(slower)} of the fastest depthwise convolution's"]
    alone = forward["fastest"].dropna()
    words += [f"{_range(alone)} in the forward pass alone"] if len(alone) else []
    words += [f"{_range(published)} of Algorithm 1's"] if len(published) else []
    memory = _memory(frame[frame["pass"] == PASS])
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
    devices = ", ".join(sorted(set(both.loc[slower.index, "device"])))
    number = f"{_range(slower)} × time ({devices}, training pass)"
    return [Verdict(claim, verdict=word, n=len(slower), reason=reason, number=number, source=SOURCE)]


def _memory(frame: pd.DataFrame) -> pd.Series:
    """The operator's peak memory by the least one of the convolutions, case by case."""
    mine, theirs = (
        frame[frame["name"].isin(names)].groupby(KEYS)["extra_peak_bytes"].min()
        for names in (["converse2d"], CONVOLUTIONS["conv"])
    )
    return (mine / theirs).dropna()


def _range(ratios: pd.Series) -> str:
    low, high = float(ratios.min()), float(ratios.max())
    return f"{low:.2g}" if f"{low:.2g}" == f"{high:.2g}" else f"{low:.2g} to {high:.2g}"
