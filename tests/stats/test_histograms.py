import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.histograms import (
    EMPTY,
    END_KEY,
    RELATIVE_WIDTH,
    cell_highs,
    cell_lows,
    cell_middles,
    count_repeated,
    count_values,
    counts_within,
    keys_of,
    merge_histograms,
    quantiles,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY = st.lists(st.floats(), max_size=40)


def facts(histogram):
    apart = (histogram.nulls, histogram.nans, histogram.below, histogram.above)
    return histogram.keys.tolist(), histogram.counts.tolist(), apart


@given(st.lists(FINITE, min_size=2, max_size=40))
def test_larger_values_have_larger_keys(values):
    ordered = np.sort(np.array(values))
    assert np.all(np.diff(keys_of(ordered)) >= 0)


@given(FINITE)
def test_a_value_lies_in_its_cell_and_its_mirror_in_the_mirrored_one(value):
    key = keys_of(np.array([value]))
    assert abs(int(key[0])) < END_KEY
    assert cell_lows(key)[0] <= value <= cell_highs(key)[0]
    assert keys_of(np.array([-value]))[0] == -key[0]
    assert cell_lows(-key)[0] == -cell_highs(key)[0]


@given(st.floats(1e-300, 1e300))
def test_a_cell_is_no_wider_than_its_resolution(value):
    key = keys_of(np.array([value]))
    low, middle, high = cell_lows(key)[0], cell_middles(key)[0], cell_highs(key)[0]
    assert (high - low) / low <= RELATIVE_WIDTH * (1 + 1e-12)
    assert low < middle < high


@given(st.lists(ANY, max_size=5), st.randoms())
def test_merging_is_counting_all_rows_in_any_order(parts, random):
    histograms = [count_values(np.array(part, dtype=float), nulls=len(part) % 3) for part in parts]
    rows = [value for part in parts for value in part]
    whole = count_values(np.array(rows, dtype=float), nulls=sum(len(part) % 3 for part in parts))
    merged = merge_histograms(histograms)
    assert facts(merged) == facts(whole)
    assert merged.n == len(rows) + whole.nulls
    random.shuffle(histograms)
    again = merge_histograms(histograms)
    assert facts(again) == facts(merged)
    assert again.total == merged.total or (np.isnan(again.total) and np.isnan(merged.total))


@given(st.lists(st.floats(), min_size=1, max_size=30))
def test_repeated_values_count_as_often_as_they_occur(values):
    distinct, times = np.unique(np.array(values), return_counts=True)
    assert facts(count_repeated(distinct, times)) == facts(count_values(np.array(values)))


@given(st.lists(FINITE, min_size=1, max_size=60), st.floats(0, 1))
def test_a_quantile_lies_within_its_bounds(values, share):
    found = quantiles(count_values(np.array(values)), np.array([share]))
    exact = np.quantile(np.array(values), share, method="inverted_cdf")
    assert found.low[0] <= exact <= found.high[0]
    assert found.low[0] <= found.value[0] <= found.high[0]


@given(st.lists(FINITE, max_size=60), st.lists(FINITE, min_size=1, max_size=6))
def test_counts_within_edges_are_those_of_the_values(values, edges):
    edges = np.unique(keys_of(np.array(edges)))
    counts = counts_within(count_values(np.array(values)), edges)
    places = np.searchsorted(edges, keys_of(np.array(values)), side="right")
    assert counts.tolist() == np.bincount(places, minlength=len(edges) + 1).tolist()


def test_moments_are_those_of_the_values_not_of_the_cells():
    values = 1000 + np.random.default_rng(2).normal(size=4000)
    found = count_values(np.append(values, [np.nan, np.inf]))
    assert found.mean == pytest.approx(values.mean(), rel=1e-13)
    assert found.deviation == pytest.approx(values.std(), rel=1e-6)


def test_minus_zero_is_zero():
    assert facts(count_values(np.array([-0.0, 0.0])))[:2] == ([0], [2])


def test_nothing_counted_has_no_moments():
    assert (EMPTY.n, EMPTY.mean, EMPTY.deviation) == (0, None, None)
    assert merge_histograms([]) is EMPTY
    with pytest.raises(InvalidInputError, match="quantiles need finite values"):
        quantiles(EMPTY, np.array([0.5]))


def test_whole_numbers_and_other_widths_are_counted_too():
    for kind in (np.int64, np.float32, np.uint8):
        assert count_values(np.array([1, 2, 2], dtype=kind)).counts.tolist() == [1, 2]


def test_a_column_of_two_axes_is_refused():
    with pytest.raises(InvalidInputError, match="one axis"):
        count_values(np.zeros((2, 2)))
    with pytest.raises(InvalidInputError, match="equal lengths"):
        count_repeated(np.zeros(2), np.array([1]))
