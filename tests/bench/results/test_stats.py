"""Means over seeds, paired differences, and when there is no interval."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from bench.results.stats import difference, summarise

INDEX = pd.MultiIndex.from_tuples([("a", ""), ("b", ""), ("c", "")], names=["image", "kernel"])


def seeds(*rows: list[float]) -> dict[int, pd.Series]:
    return {i: pd.Series(row, index=INDEX[: len(row)]) for i, row in enumerate(rows)}


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
    got = difference(seeds(*a.tolist()), seeds(*b.tolist()))
    per_seed = a.mean(axis=1) - b.mean(axis=1)
    interval = reference.ttest_1samp(per_seed, 0).confidence_interval(0.95)
    assert got.mean == pytest.approx(per_seed.mean())
    assert got.mean + got.half_width == pytest.approx(interval.high)
    assert got.n == 4 and "4 seeds, paired" in got.covers and "these images" in got.covers
    np.testing.assert_allclose(got.per_image, (a - b).mean(axis=0))


def test_unequal_numbers_of_seeds_are_two_samples() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(30, 1, (5, 3)), rng.normal(29, 2, (3, 3))
    got = difference(seeds(*a.tolist()), seeds(*b.tolist()))
    interval = reference.ttest_ind(a.mean(axis=1), b.mean(axis=1), equal_var=False).confidence_interval(0.95)
    assert got.mean + got.half_width == pytest.approx(interval.high)
    assert "Welch" in got.covers


@pytest.mark.parametrize("other", [1, 3])
def test_one_seed_has_no_interval(other: int) -> None:
    got = difference(seeds([1.0, 2.0, 3.0]), seeds(*[[0.0, 0.0, 0.0]] * other))
    assert got.half_width is None and got.excludes_zero is None
    assert got.mean == 2.0 and "no interval" in got.covers


def test_images_are_paired() -> None:
    """An image that only one side has does not count."""
    got = difference(seeds([1.0, 2.0, 100.0]), seeds([0.0, 0.0]))
    assert got.mean == 1.5 and len(got.per_image) == 2


def test_no_common_image() -> None:
    other = {0: pd.Series([1.0], index=pd.MultiIndex.from_tuples([("z", "")]))}
    with pytest.raises(ValueError, match="no image in common"):
        difference(seeds([1.0, 2.0]), other)
    with pytest.raises(ValueError, match="at least one seed"):
        difference({}, other)
