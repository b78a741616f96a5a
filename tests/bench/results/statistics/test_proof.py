"""Error rates, coverage and power by simulation with fixed seeds; the report has more repetitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.results.statistics.proof import SETTINGS, Check, Setting, checks, permutation_checks, tables

REPETITIONS = 2000


@pytest.fixture(scope="module")
def found() -> list[Check]:
    return [*checks(REPETITIONS), *permutation_checks(400)]


def test_rates_are_what_they_are_said_to_be(found: list[Check]) -> None:
    """Two Monte-Carlo errors are left by about one check in twenty-two: by no more of them, and never by far."""
    far = [c for c in found if not c.passed]
    allowed = stats.binom.ppf(0.999, len(found), 2 * stats.norm.sf(2))
    assert len(far) <= allowed, far
    assert max(abs(c.z) for c in found) < 4


def test_every_decision_is_checked_in_every_setting(found: list[Check]) -> None:
    for setting in SETTINGS:
        names = " ".join(c.what for c in found if c.setting == setting)
        for word in ("interval misses", "order holds", "reversed", "Holm", "equivalent", "different", "worse"):
            assert word in names
    assert any(c.setting.diverged for c in found) and any(c.setting.correlation for c in found)


def test_simulated_tables_have_the_truth_and_the_spread_that_were_asked_for() -> None:
    setting = Setting("paired", 8, 0.6, 0.1)
    drawn = tables(setting, (0.3, 0.0), 4000, np.random.default_rng(5))
    assert np.isnan(drawn).mean() == pytest.approx(0.1, abs=0.01)
    gap = drawn[:, 0] - drawn[:, 1]
    assert np.nanmean(gap) == pytest.approx(0.3, abs=0.002)
    assert np.nanstd(drawn[:, 0]) == pytest.approx(0.05, rel=0.03)
    assert np.nanstd(gap) == pytest.approx(0.05 * np.sqrt(2 * 0.4), rel=0.03)
