from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.category_counts import CategoryCounts, count_categories, merge_categories

ROWS = st.lists(st.sampled_from("abcdefghijkl"), max_size=60)


def counted(rows, *, capacity):
    tally = Counter(rows)
    return count_categories(list(tally), np.array(list(tally.values()), dtype=int), capacity=capacity)


@given(st.lists(ROWS, max_size=5))
def test_counts_below_the_capacity_are_exact_in_any_order(parts):
    merged = merge_categories([counted(part, capacity=50) for part in parts])
    assert merged.counts == Counter(row for part in parts for row in part)
    assert list(merged.counts) == sorted(merged.counts)
    assert (merged.lost, merged.error) == (0, 0)
    assert merge_categories([counted(part, capacity=50) for part in reversed(parts)]) == merged


@given(st.lists(ROWS, max_size=6), st.integers(1, 8))
def test_counts_beyond_it_are_off_by_no_more_than_the_stated_error(parts, capacity):
    merged = merge_categories([counted(part, capacity=capacity) for part in parts], capacity=capacity)
    exact = Counter(row for part in parts for row in part)
    assert merged.n == sum(exact.values())
    assert len(merged.counts) <= capacity
    for value, count in exact.items():
        assert count - merged.error <= merged.counts.get(value, 0) <= count
    assert merged.error * (capacity + 1) <= sum(exact.values())


def test_a_value_of_every_third_row_survives_any_number_of_merges():
    rng = np.random.default_rng(1)
    parts = [
        counted([*("x" for _ in range(50)), *(str(n) for n in rng.integers(0, 10**6, 100))], capacity=20)
        for _ in range(30)
    ]
    merged = merge_categories(parts, capacity=20)
    assert merged.counts["x"] + merged.error >= 1500
    assert max(merged.counts, key=merged.counts.get) == "x"


def test_missing_values_add_up():
    part = count_categories([], np.array([], dtype=int), nulls=3)
    assert merge_categories([part, part]) == CategoryCounts(nulls=6)


def test_counts_that_do_not_match_are_refused():
    with pytest.raises(InvalidInputError, match="one count of at least 0 a value"):
        count_categories(["a"], np.array([1, 2]))
    with pytest.raises(InvalidInputError, match="one count of at least 0 a value"):
        count_categories(["a"], np.array([-1]))
