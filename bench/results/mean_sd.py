"""Mean and standard deviation over training seeds, the unit of replication. Torch-free."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation over n seeds (``sd`` is None for n < 2)."""

    mean: float
    sd: float | None
    n: int


def summarise(values: Sequence[float]) -> Summary:
    """Mean and standard deviation (n − 1 in the denominator) of one number per seed.

    Raises:
        ValueError: no value.
    """
    if not values:
        raise ValueError("no value to summarise")
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Summary(statistics.fmean(values), sd, len(values))
