"""Profiles of windows: rows and columns of several, together."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.profiles.categories import profile_categories
from smallcraft.data.profiles.numeric import profile_numbers
from smallcraft.data.profiles.profile import Profile, SliceName, merge_columns, merge_profiles
from smallcraft.errors import InvalidInputError


def profile(numbers, *, left_out=0, **categories):
    columns = {name: profile_categories(values) for name, values in categories.items()}
    return Profile(len(numbers), left_out, {"age": profile_numbers(np.array(numbers)), **columns})


def test_rows_and_columns_add_up():
    merged = merge_profiles([profile([1.0], left_out=2), profile([2.0, 3.0])])
    assert (merged.n, merged.left_out, merged.came) == (3, 2, 5)
    assert merged.columns["age"] == profile_numbers(np.array([1.0, 2.0, 3.0]))


def test_column_that_some_lack_is_merged_of_the_others():
    merged = merge_profiles([profile([1.0]), profile([2.0], city=["Bern"])])
    assert merged.columns["city"] == profile_categories(["Bern"])


def test_order_of_profiles_leaves_no_trace():
    parts = [profile([1.0], city=["Bern"]), profile([2.0]), profile([3.0], city=["Rom"])]
    assert merge_profiles(parts) == merge_profiles(parts[::-1])


def test_merging_nothing_is_refused():
    with pytest.raises(InvalidInputError, match="at least one profile, got none"):
        merge_profiles([])


def test_a_column_of_two_kinds_is_refused_by_name():
    with pytest.raises(InvalidInputError, match="'age' must be of one kind"):
        merge_columns([profile_numbers(np.array([1.0])), profile_categories(["1"])], name="age")


def test_slices_without_a_segment_are_of_everything():
    assert SliceName("helpdesk@3") == SliceName("helpdesk@3", "all")
