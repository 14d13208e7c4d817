"""Profiles of numbers: exact whatever the order, mean and spread to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.profiles.numeric import from_histogram, merge_numbers, profile_numbers
from smallcraft.stats.histograms import count_values

COLUMN = st.lists(st.floats(), max_size=60)


@given(COLUMN, COLUMN, COLUMN)
def test_merging_is_associative_and_commutative(first, second, third):
    a, b, c = (profile_numbers(np.array(column)) for column in (first, second, third))
    assert merge_numbers([a, merge_numbers([b, c])]) == merge_numbers([merge_numbers([c, a]), b])


@given(COLUMN, st.randoms())
def test_profile_is_the_same_in_any_order(column, random):
    shuffled = list(column)
    random.shuffle(shuffled)
    assert profile_numbers(np.array(shuffled)) == profile_numbers(np.array(column))


@given(st.lists(COLUMN, min_size=1, max_size=5))
def test_merged_profiles_are_the_profile_of_all_rows(columns):
    merged = merge_numbers([profile_numbers(np.array(column)) for column in columns])
    assert merged == profile_numbers(np.array([value for column in columns for value in column]))


@given(st.lists(st.floats(), min_size=1, max_size=300))
def test_few_values_and_many_are_profiled_alike(column):
    values = np.array(column)
    found = profile_numbers(values).histogram
    expected = count_values(values)
    assert found.keys.tolist() == expected.keys.tolist()
    assert found.counts.tolist() == expected.counts.tolist()
    assert (found.nans, found.below, found.above) == (expected.nans, expected.below, expected.above)
    assert (found.keys.dtype, found.counts.dtype) == (np.int32, np.int64)


def test_nan_counts_as_missing_where_it_says_so():
    values = np.array([1.0, np.nan, np.inf])
    told = profile_numbers(values, nulls=2).histogram
    untold = profile_numbers(values, nulls=2, nan_is_null=True).histogram
    assert (told.nulls, told.nans, told.n) == (2, 1, 5)
    assert (untold.nulls, untold.nans, untold.n) == (3, 0, 5)


@pytest.mark.parametrize("n", [7, 5_000])
def test_mean_and_deviation_agree_with_numpy(n):
    values = np.random.default_rng(1).normal(3.0, 2.0, n)
    profile = profile_numbers(values)
    assert profile.mean == pytest.approx(values.mean(), rel=1e-14)
    assert profile.deviation == pytest.approx(values.std(), rel=1e-12)


def test_deviation_far_from_zero_loses_no_digits():
    values = 1e9 + np.tile([0.0, 1.0, 2.0], 10)
    assert profile_numbers(values).deviation == pytest.approx(np.sqrt(2 / 3), rel=1e-14)
    assert profile_numbers(values[:3]).deviation == pytest.approx(np.sqrt(2 / 3), rel=1e-14)


def test_profile_without_numbers_has_neither_mean_nor_deviation():
    profile = profile_numbers(np.array([np.nan]))
    assert (profile.mean, profile.deviation, profile.n) == (None, None, 1)


def test_sums_of_a_histogram_are_taken_over():
    histogram = count_values(np.array([1.0, 2.5]))
    profile = from_histogram(histogram)
    assert profile.mean == 1.75
    assert profile == profile_numbers(np.array([2.5, 1.0]))


def test_values_too_large_to_add_up_are_profiled():
    largest = float(np.finfo(np.float64).max)
    profile = profile_numbers(np.array([largest, largest, -largest]))
    assert profile.mean == pytest.approx(largest / 3)
    assert profile.histogram.finite == 3


def test_equal_profiles_have_equal_hashes():
    first, second = (profile_numbers(np.array(values)) for values in ([1.0, 2.0], [2.0, 1.0]))
    assert hash(first) == hash(second)
    assert first != profile_numbers(np.array([1.0, 3.0]))
