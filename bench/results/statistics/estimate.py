"""A difference between two rows with its standard error, paired over seeds or Welch; intervals and p-values from it.

The unit of replication is the training seed; the test images are fixed and belong to the estimand.
Sources: Student's t; B. L. Welch, Biometrika 34 (1947), with Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]
Design = Literal["paired", "welch"]


@dataclass(frozen=True)
class Estimate:
    """Effect, standard error, degrees of freedom and seeds (the smaller side's); arrays of one shape.

    The standard error is NaN where fewer than two seeds are left.
    """

    effect: Floats
    se: Floats
    df: Floats
    n: NDArray[np.int64]

    def __getitem__(self, key: Any) -> Estimate:
        """Some of the cases."""
        return Estimate(self.effect[key], self.se[key], self.df[key], self.n[key])

    @classmethod
    def stacked(cls, parts: Iterable[Estimate]) -> Estimate:
        """Several of them as one, along a new last axis."""
        found = list(parts)
        return cls(*(np.stack([getattr(p, f) for p in found], axis=-1) for f in ("effect", "se", "df", "n")))

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """The two-sided t interval of that level; NaN where there is no standard error."""
        half = special.stdtrit(self.df, 0.5 + level / 2) * self.se
        return self.effect - half, self.effect + half

    def p_above(self, bound: float = 0.0) -> Floats:
        """One-sided p-value of the hypothesis that the effect is at most ``bound``."""
        return special.stdtr(self.df, -self._t(bound))

    def p_below(self, bound: float = 0.0) -> Floats:
        """One-sided p-value of the hypothesis that the effect is at least ``bound``."""
        return special.stdtr(self.df, self._t(bound))

    def p_outside(self, within: float = 0.0) -> Floats:
        """p-value of the hypothesis that the effect's size is at most ``within`` (0: the two-sided t test).

        The probability, at either margin, of an effect at least as far from zero as this one.
        """
        size = np.abs(self.effect)
        near, far = _ratio(size - within, self.se), _ratio(size + within, self.se)
        return np.minimum(special.stdtr(self.df, -near) + special.stdtr(self.df, -far), 1.0)

    def p_inside(self, within: float) -> Floats:
        """p-value of the hypothesis that the effect's size is at least ``within``: two one-sided tests (TOST)."""
        return np.maximum(self.p_above(-within), self.p_below(within))

    def _t(self, bound: float) -> Floats:
        return _ratio(self.effect - bound, self.se)


def _ratio(distance: Floats, se: Floats) -> Floats:
    """t; with no spread at all a difference is infinitely clear, and no difference is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((se == 0) & (distance == 0), 0.0, distance / se)


def contrast(design: Design, weights: Sequence[float], samples: Sequence[ArrayLike]) -> Estimate:
    """A weighted sum of the means of several rows over seeds; weights that add up to zero compare them.

    Args:
        design: ``paired``: the sum is formed seed by seed, and a seed with a NaN is left out; ``welch``: the rows are
            independent samples (their degrees of freedom after Satterthwaite), and NaN are left out.
        weights: one for each row.
        samples: of each row (…, seeds); in pairs of one shape.
    """
    if design == "paired":
        mean, variance, n = _moments(sum(w * np.asarray(x, float) for w, x in zip(weights, samples, strict=True)))
        return Estimate(mean, np.sqrt(variance / n), np.asarray(n - 1.0), n)
    moments = [_moments(x) for x in samples]
    parts = [w * w * variance / n for w, (_, variance, n) in zip(weights, moments, strict=True)]
    effect = np.asarray(sum(w * mean for w, (mean, _, _) in zip(weights, moments, strict=True)))
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = sum(part**2 / (n - 1) for part, (_, _, n) in zip(parts, moments, strict=True))
        df = np.asarray(sum(parts) ** 2 / lost)
    return Estimate(effect, np.sqrt(sum(parts)), df, functools.reduce(np.minimum, [n for _, _, n in moments]))


def paired(first: ArrayLike, second: ArrayLike) -> Estimate:
    """``first`` minus ``second``, seed by seed (…, seeds); a pair with a NaN is left out."""
    return contrast("paired", (1, -1), (first, second))


def welch(first: ArrayLike, second: ArrayLike) -> Estimate:
    """``first`` minus ``second`` as two samples of seeds (…, seeds each); NaN are left out."""
    return contrast("welch", (1, -1), (first, second))


def estimate(design: Design, first: ArrayLike, second: ArrayLike) -> Estimate:
    """`paired` or `welch`, as declared for the axis."""
    return contrast(design, (1, -1), (first, second))


def _moments(values: ArrayLike) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Mean, variance (n − 1) and count over the last axis without its NaN; NaN where there are too few."""
    x = np.asarray(values, float)
    there = ~np.isnan(x)
    n = np.asarray(there.sum(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.asarray(np.where(there, x, 0.0).sum(axis=-1) / n)
        square = np.where(there, (x - mean[..., None]) ** 2, 0.0).sum(axis=-1)
        variance = np.where(n > 1, square / (n - 1), np.nan)
    return mean, np.asarray(variance), n
