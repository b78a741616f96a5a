"""Is one row of trainings less stable than another? Diverged seeds, and the spread of those that converged."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


def diverged_more(first: tuple[int, int], second: tuple[int, int]) -> float:
    """One-sided p-value of the hypothesis that ``first`` diverges no more often than ``second``.

    Fisher's exact test (R. A. Fisher, Statistical Methods for Research Workers, 1934).

    Args:
        first: seeds that diverged, and seeds in all.
        second: the same of the other row.
    """
    table = [[lost, seeds - lost] for lost, seeds in (first, second)]
    return float(stats.fisher_exact(table, alternative="greater").pvalue)


def spreads_differ(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided p-value of equal variance: Levene's test around the median (Brown and Forsythe, JASA 69, 1974).

    Args:
        first: one number per seed; NaN are left out.
        second: the same of the other row.

    Returns:
        NaN below three seeds of either, or where neither has any spread.
    """
    a, b = (x[~np.isnan(x)] for x in (np.asarray(first, float), np.asarray(second, float)))
    if min(len(a), len(b)) < 3 or (np.ptp(a) == 0 and np.ptp(b) == 0):
        return float("nan")
    return float(stats.levene(a, b, center="median").pvalue)
