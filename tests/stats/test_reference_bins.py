import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.category_counts import count_categories
from smallcraft.stats.histograms import EMPTY, count_values
from smallcraft.stats.reference_bins import (
    category_bins,
    count_categorical,
    count_numeric,
    numeric_bins,
    stack_counts,
)

VALUES = st.lists(st.floats(), max_size=50)


@given(VALUES, VALUES, st.integers(1, 20))
def test_every_row_falls_into_exactly_one_bin(reference, window, bins):
    found = numeric_bins(count_values(np.array(reference, dtype=float)), bins=bins)
    counted = count_values(np.array(window, dtype=float), nulls=2)
    counts = count_numeric(counted, found)
    assert counts.sum() == counted.n
    assert len(counts) == len(found.labels)
    assert counts[-2:].tolist() == [2, counted.nans]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80), st.integers(1, 12))
def test_the_reference_lies_between_its_own_ends(values, bins):
    reference = count_values(np.array(values))
    counts = count_numeric(reference, numeric_bins(reference, bins=bins))
    assert counts[0] == counts[-3] == 0
    assert len(counts) <= 3 * bins + 5


def test_bins_hold_about_equal_shares():
    reference = count_values(np.random.default_rng(0).normal(size=20000))
    inner = count_numeric(reference, numeric_bins(reference, bins=16))[1:-3]
    assert len(inner) == 16
    assert inner.min() > 0.8 * 20000 / 16
    assert inner.max() < 1.2 * 20000 / 16


def test_a_bin_of_nothing_but_0_is_called_so():
    found = numeric_bins(count_values(np.append(np.zeros(60), np.arange(1.0, 41.0))))
    assert found.labels[:2] == ("below 0", "0")
    assert found.labels[2].startswith("0 to ")


def test_a_value_that_many_rows_share_has_a_bin_of_its_own():
    values = np.append(np.zeros(600), np.random.default_rng(0).normal(5, 1, 400))
    counts = count_numeric(count_values(values), numeric_bins(count_values(values), bins=10))
    assert 600 in counts.tolist()


def test_infinities_lie_outside_and_an_empty_reference_has_one_bin_for_all_values():
    bins = numeric_bins(count_values(np.array([1.0, 2.0, 3.0])), bins=2)
    window = count_values(np.array([-np.inf, np.inf, 99.0, 2.0]))
    counts = count_numeric(window, bins)
    assert (counts[0], counts[-3]) == (1, 2)
    assert count_numeric(window, numeric_bins(EMPTY)).tolist() == [4, 0, 0]


def test_what_the_reference_never_had_is_told_from_what_it_rarely_had():
    reference = count_categories(["a", "b", "c", "d"], np.array([9, 5, 2, 1]))
    bins = category_bins(reference, named=2)
    window = count_categories(["b", "d", "new"], np.array([3, 2, 4]), nulls=1)
    assert bins.named == ("a", "b")
    assert count_categorical(window, bins).tolist() == [0, 3, 2, 4, 1]
    assert count_categorical(reference, bins).tolist() == [9, 5, 3, 0, 0]
    assert len(bins.labels) == 5


def test_rows_that_were_lost_count_as_unseen():
    reference = count_categories(["a"], np.array([5]))
    window = count_categories(["a", "b", "c"], np.array([5, 1, 1]), capacity=1)
    counts = count_categorical(window, category_bins(reference))
    assert counts.sum() == window.n == 7


def test_columns_of_unequal_width_stand_side_by_side():
    assert stack_counts([]).shape == (0, 0)
    assert stack_counts([np.array([1.0, 2.0]), np.array([3.0])]).tolist() == [[1, 2], [3, 0]]


def test_no_bins_are_refused():
    with pytest.raises(InvalidInputError, match="at least 1 bin"):
        numeric_bins(EMPTY, bins=0)
    with pytest.raises(InvalidInputError, match="at least 1 named value"):
        category_bins(count_categories([], np.array([], dtype=int)), named=0)
