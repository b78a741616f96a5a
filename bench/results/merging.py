"""One set of scores out of several machines': what is whole goes before what is a part, and nobody wins a quarrel.

The same run under the same test may have been scored here and stand in several folders of evidence. Where they agree
the most complete is taken, then this machine's, then the newest. Where they do not, no rule could know which one is
right: that is an error that names both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.foundation.errors import BenchError

if TYPE_CHECKING:
    import pandas as pd

CASE = ("image", "kernel")
FREE = ("seconds",)
"""Metrics that differ between two measurements of the same thing."""


def tolerance(metric: str) -> float:
    """Half a unit of the last printed digit: other processors and backends change last digits only."""
    return 0.005 if metric.startswith("psnr") else 0.00005


@dataclass(frozen=True)
class Candidate:
    """Scores of one run under one test from one place."""

    place: str
    """File or folder, for messages."""
    source: str
    """Folder of evidence; empty for this machine."""
    frame: pd.DataFrame
    """Columns image, kernel, metric, value (a number, nan where the run diverged) and others."""
    about: dict[str, str] = field(default_factory=dict)
    """Its row of ``scores.csv``; empty where nothing is known."""

    @property
    def cases(self) -> set[tuple[str, str]]:
        """Images and kernels that were scored."""
        return set(zip(self.frame["image"], self.frame["kernel"], strict=True))


def choose(run: str, evaluation: str, candidates: Sequence[Candidate], metrics: Sequence[str]) -> Candidate:
    """The candidate that is shown.

    Args:
        run: whose scores they are.
        evaluation: under which test.
        candidates: in order of preference among equals; at least one.
        metrics: of two with the same images, the one that has more of these is taken.

    Raises:
        BenchError: two of them cannot both be right.
    """
    wanted = set(metrics)
    best = max(candidates, key=lambda c: (len(c.cases), len(wanted & set(c.frame["metric"]))))
    for other in candidates:
        why = disagreement(best, other) if other is not best else ""
        if why:
            raise BenchError(
                f"run {run}, test {evaluation}: {best.place} and {other.place} disagree: {why}. One of them is "
                f"wrong: remove it (--config anew={run} leaves the evidence out)"
            )
    return best


def disagreement(a: Candidate, b: Candidate) -> str:
    """What two sets of scores contradict each other in; empty if one is (a part of) the other."""
    for column, what in (("content", "other images were scored"), ("weights_sha256", "other weights were scored")):
        mine, yours = a.about.get(column, ""), b.about.get(column, "")
        if mine and yours and mine != yours:
            return f"{what} ({column} {mine[:12]} and {yours[:12]})"
    if not (a.cases >= b.cases or b.cases >= a.cases):
        image, kernel = min(b.cases - a.cases)
        return f"only the second has {f'{image} {kernel}'.strip()}, and the first has others"
    first, second = ({(*k, m): v for *k, m, v in _values(c)} for c in (a, b))
    common = [case for case in sorted(first.keys() & second.keys()) if case[2] not in FREE]
    bad = [case for case in common if not _agree(first[case], second[case], tolerance(case[2]))]
    if not bad:
        return ""
    image, kernel, metric = bad[0]
    values = f"{first[bad[0]]:.4f} and {second[bad[0]]:.4f}"
    return f"{metric} of {f'{image} {kernel}'.strip()} is {values} ({len(bad)} of {len(common)} values differ)"


def _values(candidate: Candidate) -> list[tuple[str, str, str, float]]:
    columns = (candidate.frame[c] for c in (*CASE, "metric"))
    return list(zip(*columns, candidate.frame["value"].astype(float), strict=True))


def _agree(a: float, b: float, most: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= most
