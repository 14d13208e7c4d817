import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.auroc import roc_area, roc_area_interval
from smallcraft.stats.score_bins import SCORE_BINS, bin_scores, binned_roc_areas, count_score_bins


def drawn(n, seed):
    rng = np.random.default_rng(seed)
    is_positive = rng.random(n) < 0.3
    return is_positive, rng.normal(size=n) + is_positive, rng.integers(0, 3, n)


@given(st.integers(0, 500), st.integers(2, 16))
def test_the_exact_area_lies_within_the_bound(seed, bins):
    is_positive, scores, _ = drawn(200, seed)
    table = count_score_bins(
        is_positive, bin_scores(scores, bins=bins), np.zeros(200, dtype=np.int64), 1, n_bins=bins
    )
    areas = binned_roc_areas(table)
    exact = roc_area(is_positive, scores).value
    assert abs(areas.value[0] - exact) <= areas.bound[0] + 1e-12
    assert areas.low[0] <= exact <= areas.high[0]


@given(st.integers(0, 100))
def test_bins_keep_the_order_and_equal_scores_together(seed):
    scores = np.random.default_rng(seed).integers(0, 30, 300) / 30
    bins = bin_scores(scores)
    assert bins.min() >= 0
    assert bins.max() < SCORE_BINS
    assert np.all(np.diff(bins[np.argsort(scores)]) >= 0)
    # Thirty different scores need no more than thirty bins: nothing is lost.
    is_positive = np.random.default_rng(seed + 1).random(300) < scores
    areas = binned_roc_areas(count_score_bins(is_positive, bins, np.zeros(300, dtype=np.int64), 1))
    assert areas.value[0] == pytest.approx(roc_area(is_positive, scores).value, abs=0.02)


def test_each_slice_has_the_area_and_interval_of_its_rows_alone():
    is_positive, scores, slices = drawn(30_000, 1)
    bins = bin_scores(scores)
    areas = binned_roc_areas(count_score_bins(is_positive, bins, slices, 3))
    for number in range(3):
        rows = slices == number
        of_bins = roc_area(is_positive[rows], bins[rows].astype(float))
        interval = roc_area_interval(of_bins)
        assert areas.value[number] == pytest.approx(of_bins.value, abs=1e-12)
        # The t quantile of many rows, against the normal one.
        assert areas.low[number] == pytest.approx(interval.low - areas.bound[number], abs=1e-5)
        assert areas.high[number] == pytest.approx(interval.high + areas.bound[number], abs=1e-5)
        assert areas.bound[number] < 0.003
        assert areas.rows[number] == rows.sum()


def test_a_slice_of_one_class_has_no_area_and_a_perfect_one_no_certainty():
    table = np.zeros((2, 2, 4))
    table[0, 1, :] = 5
    table[1, 0, 0] = table[1, 1, 3] = 20
    areas = binned_roc_areas(table)
    assert np.isnan([areas.value[0], areas.low[0], areas.high[0]]).all()
    assert (areas.value[1], areas.high[1]) == (1, 1)
    assert areas.low[1] == pytest.approx(0.025 ** (1 / 20))


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(InvalidInputError, match=r"got lengths \[2, 1, 2\]"):
        count_score_bins(np.array([True, False]), np.array([0]), np.array([0, 0]), 1)
