"""Means over seeds, two rows compared, and when there is no interval."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from bench.results.captions import seed_names
from bench.results.comparison import Comparison, covers, holm
from bench.results.mean_sd import summarise

INDEX = pd.MultiIndex.from_tuples([("set", "", i) for i in "abc"], names=["dataset", "kernel", "image"])


def seeds(*rows: list[float]) -> pd.DataFrame:
    return pd.DataFrame({i: pd.Series(row, index=INDEX[: len(row)]) for i, row in enumerate(rows)})


@pytest.mark.parametrize(
    ("values", "mean", "sd"),
    [([3.0], 3.0, None), ([1.0, 3.0], 2.0, math.sqrt(2)), ([2.0, 2.0, 2.0], 2.0, 0.0)],
)
def test_summary(values: list[float], mean: float, sd: float | None) -> None:
    got = summarise(values)
    assert (got.mean, got.n) == (mean, len(values))
    assert got.sd == (None if sd is None else pytest.approx(sd))


def test_nothing_to_summarise_is_an_error() -> None:
    with pytest.raises(ValueError, match="no value"):
        summarise([])


def test_paired_interval_is_students_over_seeds() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(30, 1, (4, 3)), rng.normal(29, 1, (4, 3))
    got = Comparison(seeds(*a.tolist()), seeds(*b.tolist()), "paired")
    per_seed = a.mean(axis=1) - b.mean(axis=1)
    assert got.effect == pytest.approx(per_seed.mean())
    assert got.interval() == pytest.approx(reference.ttest_1samp(per_seed, 0).confidence_interval(0.95))
    assert got.n == 4 and "4 seeds, paired" in covers([got]) and "these images" in covers([got])
    np.testing.assert_allclose(got.per_image, (a - b).mean(axis=0))


def test_independent_samples_may_differ_in_seeds() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(30, 1, (5, 3)), rng.normal(29, 2, (3, 3))
    got = Comparison(seeds(*a.tolist()), seeds(*b.tolist()), "welch")
    interval = reference.ttest_ind(a.mean(axis=1), b.mean(axis=1), equal_var=False).confidence_interval(0.95)
    assert got.interval() == pytest.approx(interval) and got.n == 3
    assert "Welch" in covers([got])


def test_intervals_of_one_table_are_described_once() -> None:
    rows = [Comparison(seeds(*[[1.0, 2.0]] * n), seeds(*[[0.0, 0.5]] * n), "welch") for n in (3, 8, 1, 3)]
    assert "(8 or 3 seeds, as independent samples (Welch))" in covers(rows)


@pytest.mark.parametrize("other", [1, 3])
def test_one_seed_has_no_interval(other: int) -> None:
    got = Comparison(seeds([1.0, 2.0, 3.0]), seeds(*[[0.0, 0.0, 0.0]] * other), "welch")
    assert got.interval() is None and not got.testable and math.isnan(got.p)
    assert got.effect == 2.0 and "no interval" in covers([got])


def test_two_seeds_have_an_interval_and_no_verdict() -> None:
    got = Comparison(seeds([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]), seeds([0.0] * 3, [0.5] * 3), "paired")
    assert got.interval() is not None and not got.testable and got.detectable is None


def test_images_are_paired() -> None:
    """An image that only one side has does not count."""
    got = Comparison(seeds([1.0, 2.0, 100.0]), seeds([0.0, 0.0]), "welch")
    assert got.effect == 1.5 and len(got.per_image) == 2 and got.uncommon == 1


def test_nothing_in_common_is_no_number() -> None:
    other = pd.DataFrame({0: pd.Series([1.0], index=pd.MultiIndex.from_tuples([("z", "", "a")], names=INDEX.names))})
    for second in (other, seeds()[:0]):
        got = Comparison(seeds([1.0, 2.0]), second, "paired")
        assert got.effect is None and got.n == 0 and not got.identical and got.interval() is None


def test_sign_flips_from_six_pairs() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(30, 0.1, (6, 3)).tolist(), rng.normal(29, 0.1, (6, 3)).tolist()
    assert Comparison(seeds(*a), seeds(*b), "paired").p_sign_flip == pytest.approx(2 / 64)
    assert Comparison(seeds(*a[:5]), seeds(*b[:5]), "paired").p_sign_flip is None
    assert Comparison(seeds(*a), seeds(*b), "welch").p_sign_flip is None


def test_holm_over_comparisons() -> None:
    assert holm([]) == []
    one = Comparison(seeds([1.0] * 3), seeds([0.0] * 3), "paired")
    assert math.isnan(holm([one])[0])


def test_seeds_that_follow_each_other_are_named_as_a_range() -> None:
    assert [seed_names(s) for s in ([3], [3, 4], [5, 3, 4, 7, 0])] == ["seed 3", "seeds 3, 4", "seeds 0, 3 to 5, 7"]
