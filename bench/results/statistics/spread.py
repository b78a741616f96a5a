"""Where the spread comes from: correlation between rows over seeds, seed and image variance components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class Components:
    """Variances of a seed, of an image and of what remains (dB²), by expected mean squares; never negative.

    An image's is None for one image.
    """

    seed: float
    image: float | None
    rest: float | None


def components(values: ArrayLike) -> Components:
    """Balanced two-way analysis without replication of (seeds, images), both taken as random.

    E MS(seed) = σ²(rest) + images · σ²(seed), and likewise for images.

    Raises:
        ValueError: fewer than two seeds, or a NaN.
    """
    x = np.asarray(values, float)
    seeds, images = x.shape
    if seeds < 2 or np.isnan(x).any():
        raise ValueError("variance components need two whole seeds")
    by_seed, by_image, mean = x.mean(axis=1), x.mean(axis=0), x.mean()
    if images == 1:
        return Components(float(by_seed.var(ddof=1)), None, None)
    rest = float(((x - by_seed[:, None] - by_image + mean) ** 2).sum() / ((seeds - 1) * (images - 1)))
    seed = float(images * by_seed.var(ddof=1) - rest) / images
    image = float(seeds * by_image.var(ddof=1) - rest) / seeds
    return Components(max(seed, 0.0), max(image, 0.0), rest)


def correlation(first: ArrayLike, second: ArrayLike) -> float | None:
    """Pearson's correlation over seeds; None below three pairs or without spread."""
    pair = np.stack([np.asarray(first, float), np.asarray(second, float)])
    pair = pair[:, ~np.isnan(pair).any(axis=0)]
    if pair.shape[1] < 3 or not np.all(np.ptp(pair, axis=1) > 0):
        return None
    return float(np.corrcoef(pair)[0, 1])


def pairing_pays_above(n: int) -> float:
    """The correlation above which pairing n seeds gives the shorter interval (n − 1 against 2n − 2 degrees).

    Raises:
        ValueError: fewer than two seeds.
    """
    if n < 2:
        raise ValueError("pairing needs two seeds")
    unpaired, pair = stats.t.ppf(0.975, [2 * n - 2, n - 1])
    return float(1 - (unpaired / pair) ** 2)
