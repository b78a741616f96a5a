"""Estimates, decisions and corrections against scipy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.results.statistics import decisions
from bench.results.statistics.estimate import Estimate, contrast, paired, welch
from bench.results.statistics.multiplicity import holm
from bench.results.statistics.stability import diverged_more, spreads_differ

RNG = np.random.default_rng(0)
A, B = RNG.normal(30, 0.1, (50, 5)), RNG.normal(30.05, 0.3, (50, 5))


def test_paired_is_students_test() -> None:
    found = paired(A, B)
    expected = stats.ttest_rel(A, B, axis=1)
    np.testing.assert_allclose(found.p_outside(), expected.pvalue)
    np.testing.assert_allclose(np.stack(found.interval()), np.stack(expected.confidence_interval()))
    np.testing.assert_allclose(found.p_above(), stats.ttest_rel(A, B, axis=1, alternative="greater").pvalue)
    np.testing.assert_allclose(found.p_below(0.1), stats.ttest_rel(A, B + 0.1, axis=1, alternative="less").pvalue)


def test_welch_is_welchs_test() -> None:
    found = welch(A, B)
    expected = stats.ttest_ind(A, B, axis=1, equal_var=False)
    np.testing.assert_allclose(found.p_outside(), expected.pvalue)
    np.testing.assert_allclose(found.df, expected.df)
    np.testing.assert_allclose(np.stack(found.interval()), np.stack(expected.confidence_interval()))


def test_a_diverged_seed_leaves_its_pair_or_its_side() -> None:
    a, b = A[0].copy(), B[0].copy()
    a[1] = np.nan
    keep = [0, 2, 3, 4]
    assert paired(a, b).n == 4 and welch(a, b).n == 4
    np.testing.assert_allclose(paired(a, b).p_outside(), stats.ttest_rel(a[keep], b[keep]).pvalue)
    np.testing.assert_allclose(welch(a, b).p_outside(), stats.ttest_ind(a[keep], b, equal_var=False).pvalue)


def test_one_seed_has_an_effect_and_no_error() -> None:
    for found in (paired([30.2], [30.0]), welch([30.2], [30.0])):
        assert found.effect == pytest.approx(0.2) and np.isnan(found.se) and np.isnan(found.interval()[0])


def test_no_spread_is_no_crash() -> None:
    assert paired([1.0, 1.0], [1.0, 1.0]).p_outside() == 1
    assert paired([2.0, 2.0], [1.0, 1.0]).p_outside() == 0


def test_outside_a_margin_is_two_sided_at_zero_and_one_sided_far_from_it() -> None:
    one = Estimate(np.array(0.3), np.array(0.01), np.array(4.0), np.array(5))
    assert one.p_outside(0.29) == pytest.approx(float(one.p_above(0.29)), rel=1e-4)
    assert one.p_outside(0.0) == pytest.approx(2 * float(one.p_above(0.0)))


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, np.nan]), [0.03, 0.06, 0.06, np.nan])
    np.testing.assert_allclose(holm([[0.5, 0.9], [0.01, 0.02]]), [[1, 1], [0.02, 0.02]])


def gaps(*effects: float, se: float = 0.01, df: float = 4) -> Estimate:
    shape = np.ones(len(effects))
    return Estimate(np.array(effects), se * shape, df * shape, (5 * shape).astype(int))


@pytest.mark.parametrize(
    ("effects", "word"),
    [((0.1, 0.2), "holds"), ((0.1, 0.01), "cannot tell"), ((0.1, -0.1), "reversed"), ((-0.1, -0.1), "reversed")],
)
def test_order_needs_every_comparison_and_falls_with_one(effects: tuple[float, ...], word: str) -> None:
    found = gaps(*effects)
    p = found.p_outside()
    assert decisions.order(found.effect, p, holm(p)) == word


def test_assertion_is_not_corrected_and_rejection_is() -> None:
    p = np.array([0.04, 0.04])
    assert decisions.order(np.array([0.1, 0.1]), p, holm(p)) == "holds"
    assert decisions.order(np.array([-0.1, 0.1]), p, holm(p)) == "cannot tell"


@pytest.mark.parametrize(
    ("effects", "within", "word"),
    [
        ((0.03, 0.0), 0.1, "equivalent"),  # significantly not zero, and still within the margin
        ((0.03, 0.1), 0.1, "cannot tell"),
        ((0.0, -0.2), 0.1, "different"),
    ],
)
def test_equivalence(effects: tuple[float, ...], within: float, word: str) -> None:
    assert decisions.equivalence(gaps(*effects), within) == word


@pytest.mark.parametrize(
    ("effects", "word"), [((0.0, 0.5), "not worse"), ((0.0, -0.05), "cannot tell"), ((0.5, -0.1), "worse")]
)
def test_non_inferiority(effects: tuple[float, ...], word: str) -> None:
    assert decisions.non_inferiority(gaps(*effects), 0.05) == word


def test_a_contrast_of_four_rows() -> None:
    rows = [A[0], B[0], A[1], B[1][:4]]
    weights = (-0.5, 0.5, -1.0, 1.0)
    found = contrast("welch", weights, rows)
    parts = [w * w * x.var(ddof=1) / len(x) for w, x in zip(weights, rows, strict=True)]
    assert found.effect == pytest.approx(sum(w * x.mean() for w, x in zip(weights, rows, strict=True)))
    assert found.se == pytest.approx(sum(parts) ** 0.5) and found.n == 4
    assert found.df == pytest.approx(
        sum(parts) ** 2 / sum(p**2 / (len(x) - 1) for p, x in zip(parts, rows, strict=True))
    )
    whole = [A[0], B[0], A[1], B[1]]
    by_seed = sum(w * x for w, x in zip(weights, whole, strict=True))
    pairs = contrast("paired", weights, whole)
    assert pairs.p_outside() == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue) and pairs.n == 5


def test_stability() -> None:
    assert diverged_more((8, 8), (0, 8)) == pytest.approx(1 / 12870)  # one of C(16, 8) tables
    assert diverged_more((0, 8), (8, 8)) == 1 and diverged_more((1, 8), (1, 8)) > 0.5
    assert spreads_differ(A[0], [*B[0], np.nan]) == pytest.approx(stats.levene(A[0], B[0]).pvalue)
    assert np.isnan(spreads_differ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0])) and np.isnan(spreads_differ([1.0], [1.0, 2.0]))


def test_samples_may_have_other_shapes_that_broadcast() -> None:
    found = welch(A[:, None, :], np.stack([B[0], B[1]])[None])
    assert found.effect.shape == found.n.shape == (50, 2)
    np.testing.assert_allclose(found.effect[3, 1], A[3].mean() - B[1].mean())


@pytest.mark.parametrize(
    ("effects", "rejecting", "shown"),
    [
        ((0.3, 0.1, 0.2), (False, False, False), 1),  # the lowest, not the one with the widest interval
        ((-0.3, -0.1, 0.2), (False, True, False), 1),  # a claim that is rejected shows what rejects it
        ((-0.1, -0.3, np.nan), (True, True, False), 1),
        ((np.nan, 0.2, 0.1), (True, False, False), 2),  # diverged: no effect to show
        ((np.nan, np.nan), (True, False), 0),
    ],
)
def test_the_comparison_that_is_shown(effects: tuple[float, ...], rejecting: tuple[bool, ...], shown: int) -> None:
    assert decisions.least_favourable(effects, rejecting) == shown
