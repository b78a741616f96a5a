"""Two rows of a table compared: difference of their means with interval, p-values, and what the seeds can show.

One function serves tables, figures and verdicts, so that they cannot disagree. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bench.results.statistics import multiplicity, power, spread
from bench.results.statistics.estimate import Design, Estimate, estimate
from bench.results.statistics.permutation import sign_flip
from bench.results.statistics.seed_means import seed_means

if TYPE_CHECKING:
    import pandas as pd

FEWEST_SEEDS = 3
"""Below it a difference is a difference and no verdict."""


@dataclass(frozen=True)
class Comparison:
    """``first`` minus ``second``, both (data set, kernel, image) × seed with NaN where there is no number.

    Images that only one row has do not count.
    """

    first: pd.DataFrame
    second: pd.DataFrame
    design: Design

    @cached_property
    def images(self) -> pd.MultiIndex:
        """What both rows were scored on."""
        index = self.first.dropna(how="all").index.intersection(self.second.dropna(how="all").index, sort=False)
        return index  # type: ignore[return-value]

    @cached_property
    def means(self) -> tuple[pd.Series, pd.Series]:
        """Means per seed of both rows, over the seeds of either; NaN where a seed has none."""
        seeds = sorted({*self.first.columns, *self.second.columns})
        a, b = (seed_means(side.loc[self.images]).reindex(seeds) for side in (self.first, self.second))
        return a.astype(float), b.astype(float)

    @cached_property
    def estimate(self) -> Estimate:
        """The difference over seeds; its effect is NaN where either row has no seed."""
        if not len(self.images):
            none = np.asarray(np.nan)
            return Estimate(none, none, none, np.asarray(0))
        return estimate(self.design, *self.means)

    @property
    def n(self) -> int:
        """Seeds: pairs, or the smaller sample."""
        return int(self.estimate.n)

    @property
    def effect(self) -> float | None:
        """Mean difference, first minus second; None without a seed of each (and, in pairs, a common one)."""
        value = float(self.estimate.effect)
        return None if np.isnan(value) else value

    @property
    def testable(self) -> bool:
        """Whether there are seeds enough for a verdict."""
        return self.n >= FEWEST_SEEDS

    @cached_property
    def identical(self) -> bool:
        """Whether both rows give the same numbers, seed by seed: then there is nothing to compare."""
        pair = np.stack([side.to_numpy() for side in self.means]) if len(self.images) else np.empty((2, 0))
        pair = pair[:, ~np.isnan(pair).any(axis=0)]
        return pair.shape[1] > 1 and bool(np.all(pair[0] == pair[1]))

    @property
    def uncommon(self) -> int:
        """Images (with kernels) that only one of the rows was scored on."""
        return sum(len(side.dropna(how="all")) - len(self.images) for side in (self.first, self.second))

    @property
    def frozen(self) -> bool:
        """Whether every seed gave the very same numbers: then seeds are no replication, and nothing can be tested."""
        return self.n > 1 and float(self.estimate.se) == 0

    def interval(self, level: float = 0.95) -> tuple[float, float] | None:
        """The t interval over seeds; None with one seed."""
        if self.n < 2:
            return None
        low, high = self.estimate.interval(level)
        return float(low), float(high)

    @property
    def p(self) -> float:
        """Two-sided p-value of the t test; NaN below `FEWEST_SEEDS` seeds."""
        return float(self.estimate.p_outside()) if self.testable else float("nan")

    @cached_property
    def p_sign_flip(self) -> float | None:
        """Two-sided p-value of the sign-flip test; None unless in pairs of at least six seeds."""
        gaps = (self.means[0] - self.means[1]).dropna().to_numpy()
        return sign_flip(gaps) if self.design == "paired" else None

    @cached_property
    def correlation(self) -> float | None:
        """Correlation of the two rows over common seeds."""
        return spread.correlation(*self.means) if len(self.images) else None

    @cached_property
    def detectable(self) -> float | None:
        """The smallest true difference that so many seeds with this spread find with 80 % power."""
        if not self.testable or self.frozen:
            return None
        return power.detectable(float(self.estimate.se), self.n, self.design)

    @cached_property
    def per_image(self) -> pd.Series:
        """Difference by (data set, kernel, image), each row averaged over its seeds."""
        a, b = self.first.loc[self.images], self.second.loc[self.images]
        return a.mean(axis=1) - b.mean(axis=1)


def covers(comparisons: Sequence[Comparison]) -> str:
    """What the intervals of a table cover, in words: how many seeds, and how they are compared."""
    seeds = sorted({c.n for c in comparisons if c.n > 1}, reverse=True)
    if not seeds:
        return "one seed: no interval"
    how = "paired" if comparisons[0].design == "paired" else "as independent samples (Welch)"
    return f"95% interval over training seeds on these images ({' or '.join(map(str, seeds))} seeds, {how})"


def holm(comparisons: Sequence[Comparison]) -> list[float]:
    """Two-sided p-values after Holm's correction; NaN where there is no test."""
    return [float(p) for p in multiplicity.holm([c.p for c in comparisons])] if comparisons else []
