"""What a number of seeds can show: error rates, the smallest detectable difference, the spread a margin asks for.

All for n seeds of each row with one standard deviation. In pairs the test is Student's with n − 1 degrees of
freedom. Of two independent rows it is Welch's: the difference has 2(n − 1) degrees, but the critical value follows
the share R ~ Beta((n − 1)/2, (n − 1)/2) that one row has in the two sample variances, since Satterthwaite's degrees
are (n − 1)/(R² + (1 − R)²). R is independent of the variances' sum, so the rates are averages over R, exactly.
"""

from __future__ import annotations

import functools
from typing import Literal

import numpy as np
from scipy import optimize, special, stats

from bench.results.statistics.decisions import ALPHA
from bench.results.statistics.estimate import Design, Floats

POWER = 0.80
NODES = 48
"""Quadrature nodes over R: more change no rate by 1e-6."""


def two_sided(ratio: float, n: int, design: Design) -> float:
    """Probability that the two-sided t test at 5 % rejects no difference.

    Args:
        ratio: true difference / true standard error of the estimated one; 0 gives the error rate.
        n: seeds.
        design: how rows are compared.
    """
    t, weights, df = _criticals(n, design, 1 - ALPHA / 2)
    return float(weights @ (_beyond(t, df, ratio) + _beyond(t, df, -ratio)))


def one_sided(ratio: float, n: int, design: Design) -> float:
    """Probability that the one-sided t test at 5 % finds an effect above its bound, ``ratio`` standard errors away."""
    t, weights, df = _criticals(n, design, 1 - ALPHA)
    return float(weights @ _beyond(t, df, ratio))


def equivalence(ratio: float, n: int, design: Design) -> float:
    """Probability that two one-sided tests at 5 % show an equivalence where there is no difference.

    Args:
        ratio: margin / true standard error. Given the estimated standard error s (in units of the true one) the
            effect must stay within margin − t·s.
        n: seeds.
        design: how rows are compared.
    """
    t, weights, df = _criticals(n, design, 1 - ALPHA)
    spread, each = _legendre(256)
    s = stats.chi.ppf(spread, df, scale=1 / np.sqrt(df))
    inside = 2 * special.ndtr(ratio - t[:, None] * s) - 1
    return float(weights @ np.maximum(inside, 0) @ each)


def detectable(se: float, n: int, design: Design) -> float:
    """The smallest true difference that the two-sided t test at 5 % finds with 80 % power; unit of ``se``."""
    return ratio_for("two_sided", n, design) * se


def sd_for_equivalence(within: float, n: int, design: Design) -> float:
    """The largest standard deviation over seeds at which n seeds show an equivalence with 80 % power.

    The truth is taken to be no difference at all.

    Args:
        within: the margin.
        n: seeds.
        design: paired: the standard deviation of differences; welch: of each of two independent rows.
    """
    return _sd(within / ratio_for("equivalence", n, design), n, design)


def sd_for_non_inferiority(within: float, n: int, design: Design) -> float:
    """The same for one one-sided test."""
    return _sd(within / ratio_for("one_sided", n, design), n, design)


def _sd(se: float, n: int, design: Design) -> float:
    return float(se * np.sqrt(n / (1 if design == "paired" else 2)))


@functools.lru_cache(maxsize=256)
def ratio_for(test: Literal["two_sided", "one_sided", "equivalence"], n: int, design: Design) -> float:
    """True difference (for an equivalence: margin) / true standard error that gives a test 80 % power."""
    rate = {"two_sided": two_sided, "one_sided": one_sided, "equivalence": equivalence}[test]
    return float(optimize.brentq(lambda ratio: rate(ratio, n, design) - POWER, 0.5, 200, xtol=1e-8))


def _beyond(t: Floats, df: int, ratio: float) -> Floats:
    """P(T > t) of the noncentral t; the central one where it is exact and quicker."""
    found = stats.t.sf(t, df) if ratio == 0 else stats.nct.sf(t, df, ratio)
    return np.nan_to_num(np.asarray(found, float))


@functools.lru_cache(maxsize=256)
def _criticals(n: int, design: Design, quantile: float) -> tuple[Floats, Floats, int]:
    """Critical values, their weights, and the degrees of freedom of the difference itself."""
    if design == "paired":
        return np.array([stats.t.ppf(quantile, n - 1)]), np.ones(1), n - 1
    nodes, weights = _legendre(NODES)
    share = stats.beta.ppf(nodes, (n - 1) / 2, (n - 1) / 2)
    df = (n - 1) / (share**2 + (1 - share) ** 2)
    return np.asarray(stats.t.ppf(quantile, df)), weights, 2 * (n - 1)


def _legendre(nodes: int) -> tuple[Floats, Floats]:
    """Gauss–Legendre quadrature on (0, 1)."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    return (x + 1) / 2, w / 2
