"""Power, permutation tests, variance components, means per seed and convergence, against known answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.results.statistics import power
from bench.results.statistics.curves import steps_to
from bench.results.statistics.permutation import compare_ranges, sign_flip
from bench.results.statistics.seed_means import seed_means
from bench.results.statistics.spread import components, correlation, pairing_pays_above


def test_detectable_difference_has_its_power_under_the_noncentral_t() -> None:
    ratio = power.detectable(1.0, 5, "paired")
    t = stats.t.ppf(0.975, 4)
    assert stats.nct.sf(t, 4, ratio) + stats.nct.cdf(-t, 4, ratio) == pytest.approx(0.8, abs=1e-6)
    assert power.detectable(0.5, 5, "paired") == pytest.approx(ratio / 2)


def test_error_rates_of_pairs_are_nominal_and_of_welch_below() -> None:
    assert power.two_sided(0, 3, "paired") == pytest.approx(0.05)
    assert power.one_sided(0, 3, "paired") == pytest.approx(0.05)
    rates = [power.two_sided(0, n, "welch") for n in (3, 5, 8, 100)]
    assert rates == sorted(rates) and rates[0] < 0.036 and rates[-1] == pytest.approx(0.05, abs=5e-4)


def test_more_seeds_allow_more_spread() -> None:
    for needed in (power.sd_for_equivalence, power.sd_for_non_inferiority):
        assert needed(0.02, 5, "paired") < needed(0.02, 8, "paired") < needed(0.05, 8, "paired")
        assert needed(0.02, 8, "welch") < needed(0.02, 8, "paired")  # of each row, not of the difference
    assert power.sd_for_equivalence(0.02, 8, "paired") < power.sd_for_non_inferiority(0.02, 8, "paired")


def test_pairing_pays_where_the_study_says() -> None:
    assert [round(pairing_pays_above(n), 2) for n in (3, 5, 10)] == [0.58, 0.31, 0.14]
    with pytest.raises(ValueError, match="two seeds"):
        pairing_pays_above(1)


def test_sign_flip_is_exact_from_six_seeds() -> None:
    assert sign_flip([0.1] * 5) is None
    assert sign_flip([0.1, 0.2, 0.3, 0.1, 0.2, 0.1]) == pytest.approx(2 / 64)
    assert sign_flip([0.1, -0.1, 0.3, -0.3, 0.2, -0.2]) == pytest.approx(1)


def test_ranges() -> None:
    rng = np.random.default_rng(3)
    noise = 0.01 * rng.standard_normal((6, 7))
    modes, sizes = (0, 1, 2, 3), (3, 4, 5, 6)
    effect, p = compare_ranges(np.array([0.5, 0.2, 0.1, 0, 0, 0, 0]) + noise, modes, sizes)
    assert effect == pytest.approx(0.48, abs=0.05) and p < 0.01
    effect, p = compare_ranges(np.array([0, 0, 0, 0, 0.1, 0.2, 0.5]) + noise, modes, sizes)
    assert effect < 0 and p > 0.9


def test_components_recover_what_was_put_in() -> None:
    rng = np.random.default_rng(1)
    seed, image = 0.3 * rng.standard_normal(40), 2 * rng.standard_normal(300)
    found = components(seed[:, None] + image + 0.5 * rng.standard_normal((40, 300)))
    assert found.seed == pytest.approx(seed.var(ddof=1), rel=0.05)
    assert found.image == pytest.approx(image.var(ddof=1), rel=0.05)
    assert found.rest == pytest.approx(0.25, rel=0.05)


def test_components_of_one_image_and_of_one_seed() -> None:
    found = components([[1.0], [2.0], [3.0]])
    assert (found.seed, found.image, found.rest) == (1.0, None, None)
    with pytest.raises(ValueError, match="two whole seeds"):
        components([[1.0, 2.0]])


def test_correlation_needs_three_seeds_and_spread() -> None:
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert correlation([1, 2, np.nan], [2, 4, 6]) is None
    assert correlation([1, 1, 1], [1, 2, 3]) is None


def test_data_sets_weigh_equally_and_kernels_within_them() -> None:
    index = pd.MultiIndex.from_tuples(
        [("a", "", "1"), ("b", "k1", "1"), ("b", "k1", "2"), ("b", "k1", "3"), ("b", "k2", "1")],
        names=["dataset", "kernel", "image"],
    )
    values = pd.DataFrame({0: [10.0, 1, 2, 3, 6], 1: [10.0, 1, 2, 3, np.nan]}, index=index)
    means = seed_means(values)
    assert means[0] == (10 + (2 + 6) / 2) / 2
    assert np.isnan(means[1])  # over fewer images it would be another quantity


def test_steps_to_a_loss() -> None:
    steps, losses = [100, 200, 300], [0.5, 0.3, 0.2]
    assert steps_to(steps, losses, 0.25) == 250
    assert steps_to(steps, losses, 0.6) == 100
    assert np.isnan(steps_to(steps, losses, 0.1))
