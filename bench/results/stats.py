"""Means over seeds, and paired differences with an interval. Torch-free.

What is replicated when a network is trained is the training run, so the seed is the unit of replication; the
test images are the same for every row and therefore paired. An interval here covers the variation between
training seeds **on these test images**; it says nothing about other images. With one seed there is none.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.95


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation over n seeds (``sd`` is None for n < 2)."""

    mean: float
    sd: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """A mean difference, with its interval (None where one seed leaves none) and what that covers."""

    mean: float
    half_width: float | None
    n: int
    covers: str
    per_image: pd.Series
    """Difference by (image, kernel), averaged over seeds."""

    @property
    def excludes_zero(self) -> bool | None:
        """Whether the interval excludes zero; None without an interval."""
        return None if self.half_width is None else abs(self.mean) > self.half_width


def summarise(values: Sequence[float]) -> Summary:
    """Mean and standard deviation (n − 1 in the denominator) of one number per seed.

    Raises:
        ValueError: no value.
    """
    if not values:
        raise ValueError("no value to summarise")
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Summary(statistics.fmean(values), sd, len(values))


def difference(first: Mapping[int, pd.Series], second: Mapping[int, pd.Series], level: float = LEVEL) -> Difference:
    """``first`` minus ``second``, paired over images, with Student's interval over seeds.

    Images that only one side has do not count. The same seeds on both sides are paired (they saw the same
    data in the same order): n differences of image means, n − 1 degrees of freedom. Otherwise the seed means
    are two samples (Welch). Where either side has one seed there is no interval.

    Args:
        first: seed to values by (image, kernel).
        second: the same for the other row.
        level: confidence level.

    Raises:
        ValueError: a side is empty, or there is no common image.
    """
    import pandas as pd

    if not first or not second:
        raise ValueError("a difference needs at least one seed on each side")
    a, b = pd.DataFrame(dict(first)).dropna(), pd.DataFrame(dict(second)).dropna()
    common = a.index.intersection(b.index, sort=False)
    if not len(common):
        raise ValueError("the two rows have no image in common")
    a, b = a.loc[common], b.loc[common]
    per_image = a.mean(axis=1) - b.mean(axis=1)
    mean = float(per_image.mean())
    seeds = sorted(set(a.columns) & set(b.columns))
    if len(seeds) == len(a.columns) == len(b.columns) and len(seeds) > 1:
        summary = summarise([float((a[s] - b[s]).mean()) for s in seeds])
        assert summary.sd is not None
        half = _quantile(level, summary.n - 1) * summary.sd / math.sqrt(summary.n)
        return Difference(mean, half, summary.n, _covers(level, f"{summary.n} seeds, paired"), per_image)
    if min(a.shape[1], b.shape[1]) > 1:
        half = _welch([float(v) for v in a.mean()], [float(v) for v in b.mean()], level)
        text = f"{a.shape[1]} and {b.shape[1]} seeds, unpaired (Welch)"
        return Difference(mean, half, min(a.shape[1], b.shape[1]), _covers(level, text), per_image)
    return Difference(mean, None, 1, "one seed: no interval", per_image)


def _covers(level: float, seeds: str) -> str:
    return f"{level:.0%} interval over training seeds on these images ({seeds})"


def _quantile(level: float, degrees: float) -> float:
    from scipy import stats

    return float(stats.t.ppf(0.5 + level / 2, degrees))


def _welch(a: Sequence[float], b: Sequence[float], level: float) -> float:
    va, vb = statistics.variance(a) / len(a), statistics.variance(b) / len(b)
    if va + vb == 0:
        return 0.0
    degrees = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    return _quantile(level, degrees) * math.sqrt(va + vb)
