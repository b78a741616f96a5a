"""From estimates to words: holds or reversed, equivalent or different, not worse or worse, or cannot tell.

A claim over several rows is one conjunction. To assert it, every comparison must pass at 5 % and nothing is
corrected (intersection–union: R. L. Berger, Technometrics 24, 1982); to reject it one comparison is enough, so
there p-values after Holm's correction are asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.results.statistics.estimate import Estimate, Floats
from bench.results.statistics.multiplicity import holm

ALPHA = 0.05
CANNOT_TELL = "cannot tell"


def order(effect: Floats, p: Floats, rejected: Floats) -> NDArray[np.str_]:
    """``holds``, ``reversed`` or ``cannot tell`` of "better than every one of these rows".

    Args:
        effect: better minus worse (…, comparisons).
        p: two-sided p-values of the comparisons; where the claim is one of several single comparisons of its
            axis, those after Holm's correction.
        rejected: the same after Holm's correction over all that could reject it.
    """
    holds = np.all((effect > 0) & (p < ALPHA), axis=-1)
    return _words(holds, "holds", np.any((effect < 0) & (rejected < ALPHA), axis=-1), "reversed")


def equivalence(gaps: Estimate, within: float, rejected: Floats | None = None) -> NDArray[np.str_]:
    """``equivalent``, ``different`` or ``cannot tell`` of "all pairs lie within the margin" (…, pairs).

    Different means a difference beyond the margin: one that is merely not zero may well be equivalent.
    ``rejected`` as in `order`, of `Estimate.p_outside`; None: Holm's correction over these pairs.
    """
    alike = np.all(gaps.p_inside(within) < ALPHA, axis=-1)
    apart = holm(gaps.p_outside(within)) if rejected is None else rejected
    return _words(alike, "equivalent", np.any(apart < ALPHA, axis=-1), "different")


def non_inferiority(gaps: Estimate, within: float, rejected: Floats | None = None) -> NDArray[np.str_]:
    """``not worse``, ``worse`` or ``cannot tell`` of "worse than none of these by the margin" (…, comparisons).

    ``rejected`` as in `order`, of `Estimate.p_below`; None: Holm's correction over these comparisons.
    """
    fine = np.all(gaps.p_above(-within) < ALPHA, axis=-1)
    below = holm(gaps.p_below(-within)) if rejected is None else rejected
    return _words(fine, "not worse", np.any(below < ALPHA, axis=-1), "worse")


def least_favourable(effects: ArrayLike, rejecting: ArrayLike) -> int:
    """Which of several comparisons is shown: the lowest effect, of those that reject the claim where some do.

    The first where none has an effect, as where every network of the other rows diverged.

    Args:
        effects: of the comparisons, NaN where there is none; for an equivalence the negative size of each.
        rejecting: which of them reject the claim.
    """
    values, chosen = np.asarray(effects, float), np.asarray(rejecting, bool)
    known = ~np.isnan(values)
    among = known & chosen if (known & chosen).any() else known
    return int(np.argmin(np.where(among, values, np.inf)))


def _words(yes: Any, assertion: str, no: Any, rejection: str) -> NDArray[np.str_]:
    return np.select([yes, no], [assertion, rejection], CANNOT_TELL)
