"""Tests without a distribution: sign flips of paired differences, and ranges compared under permuted rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from bench.results.statistics.estimate import Floats

FEWEST_SEEDS = 6
"""With fewer no p-value of the sign-flip test is below 5 % (2 of 2⁵ sign patterns are 6 %)."""


def sign_flip(differences: ArrayLike) -> float | None:
    """Two-sided p-value over all sign patterns of paired differences; None below six of them."""
    gaps = np.asarray(differences, float)
    if len(gaps) < FEWEST_SEEDS:
        return None
    found = stats.permutation_test(
        (gaps,), np.mean, permutation_type="samples", vectorized=True, n_resamples=20_000, rng=np.random.default_rng(0)
    )
    return float(found.pvalue)


def range_gap(values: Floats, first: Sequence[int], second: Sequence[int]) -> Floats:
    """Range over the rows ``first`` minus range over ``second``, averaged over seeds.

    Args:
        values: (…, seeds, rows).
        first: indices of rows; a row may belong to both groups.
        second: indices of rows.
    """
    return np.mean(np.ptp(values[..., list(first)], axis=-1) - np.ptp(values[..., list(second)], axis=-1), axis=-1)


def compare_ranges(
    values: ArrayLike, first: Sequence[int], second: Sequence[int], *, repeats: int = 9999
) -> tuple[float, float]:
    """Does the choice among ``first`` matter more than the choice among ``second``?

    A range is never negative, so a t test does not apply; under the null hypothesis the rows are exchangeable
    within a seed.

    Args:
        values: (seeds, rows), one number per trained network.
        first: rows of the choice that is claimed to matter more.
        second: rows of the other choice.
        repeats: permutations of the rows within each seed; their generator is fixed.

    Returns:
        The statistic of `range_gap`, and the one-sided p-value.
    """
    x = np.asarray(values, float)
    rng = np.random.default_rng(0)
    observed = range_gap(x, first, second)
    shuffled = rng.permuted(np.broadcast_to(x, (repeats, *x.shape)), axis=-1)
    as_large = np.count_nonzero(range_gap(shuffled, first, second) >= observed - 1e-12)
    return float(observed), (1 + as_large) / (1 + repeats)
