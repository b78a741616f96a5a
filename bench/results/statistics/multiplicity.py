"""Holm's step-down correction (S. Holm, Scandinavian Journal of Statistics 6, 1979)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bench.results.statistics.estimate import Floats


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values over the last axis; a NaN is no test and stays NaN."""
    values = np.asarray(p, float)
    ranked = np.argsort(values, axis=-1)  # NaN last
    sorted_p = np.take_along_axis(values, ranked, axis=-1)
    tests = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    steps = np.maximum(tests - np.arange(values.shape[-1]), 1)
    adjusted = np.minimum(np.maximum.accumulate(sorted_p * steps, axis=-1), 1.0)
    found = np.empty_like(values)
    np.put_along_axis(found, ranked, adjusted, axis=-1)
    return found
