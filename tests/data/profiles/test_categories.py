"""Profiles of categories: exact to the capacity, within the stated error beyond it."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.profiles.categories import from_counts, merge_categories, profile_categories

COLUMN = st.lists(st.none() | st.sampled_from("abcdefgh"), max_size=40)


@given(COLUMN, COLUMN, COLUMN)
def test_merging_is_associative_and_commutative_within_the_capacity(first, second, third):
    a, b, c = map(profile_categories, (first, second, third))
    assert merge_categories([a, merge_categories([b, c])]) == merge_categories([merge_categories([c, a]), b])


@given(st.lists(COLUMN, min_size=1, max_size=5))
def test_merged_profiles_are_the_profile_of_all_rows(columns):
    merged = merge_categories([profile_categories(column) for column in columns])
    assert merged == profile_categories([value for column in columns for value in column])


@given(st.lists(COLUMN, min_size=1, max_size=8), st.integers(1, 6))
def test_counts_beyond_the_capacity_are_within_the_stated_error(columns, capacity):
    truth = Counter(value for column in columns for value in column if value is not None)
    merged = merge_categories([profile_categories(column, capacity=capacity) for column in columns])
    counts = merged.as_mapping()
    assert len(counts) <= capacity
    assert merged.missed <= merged.total / capacity
    assert merged.total == truth.total()
    assert all(true - merged.missed <= counts.get(value, 0) <= true for value, true in truth.items())


def test_nulls_are_rows_and_no_value():
    profile = profile_categories(["x", None, None])
    assert (profile.n, profile.nulls, profile.as_mapping(), profile.rest) == (3, 2, {"x": 1}, 0)


def test_top_keeps_counts_and_says_what_the_others_had():
    profile = profile_categories([*"aaabbc", None]).keep_top(1)
    assert profile.as_mapping() == {"a": 3}
    assert (profile.n, profile.nulls, profile.total, profile.rest, profile.missed) == (7, 1, 6, 3, 2)


def test_top_of_equal_counts_is_the_first_by_name():
    assert profile_categories(["b", "c", "a"]).keep_top(2).values == ("a", "b")


def test_top_of_fewer_values_is_the_same_profile():
    profile = profile_categories(["b", "c"])
    assert profile.keep_top(2) is profile


def test_counts_of_several_values_a_row_may_exceed_the_rows():
    profile = from_counts({"hello": 2, "you": 2}, n=2)
    assert (profile.n, profile.total, profile.has_several) == (2, 4, True)
    assert not profile_categories(["a", None]).has_several


def test_a_heavy_hitter_is_found_among_thousands_of_rare_values():
    rng = np.random.default_rng(0)
    values = [f"rare {number}" for number in range(3_000)] + ["frequent"] * 400
    parts = np.array_split(rng.permutation(values), 10)
    merged = merge_categories([profile_categories(part.tolist(), capacity=20) for part in parts])
    assert merged.as_mapping()["frequent"] >= 400 - merged.missed > 200


def test_long_values_are_kept_by_their_beginning():
    profile = profile_categories(["x" * 5_000 + "a", "x" * 5_000 + "b", "y"])
    assert profile.as_mapping() == {"x" * 200: 2, "y": 1}


def test_equal_profiles_have_equal_hashes():
    assert hash(profile_categories("ab")) == hash(profile_categories("ba"))
    assert profile_categories("ab") != profile_categories("aab")
