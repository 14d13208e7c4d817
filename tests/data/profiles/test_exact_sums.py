"""Sums without rounding: the same in any order and however they are split."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.profiles.exact_sums import (
    LARGEST_ROOT,
    SMALLEST_ROOT,
    UNIT_BITS,
    exact_squares,
    exact_sum,
    from_float,
    to_float,
)

FINITE = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40)


@given(FINITE)
def test_sum_is_that_of_fractions(values):
    expected = sum((Fraction(value) for value in values), Fraction(0))
    assert Fraction(exact_sum(np.array(values)), 1 << UNIT_BITS) == expected


@given(FINITE)
def test_rounded_sum_agrees_with_fsum(values):
    try:
        expected = math.fsum(values)
    except OverflowError:
        return
    assert to_float(exact_sum(np.array(values))) == expected


@given(FINITE, FINITE)
def test_sums_of_parts_add_up_to_the_sum(first, second):
    parts = exact_sum(np.array(first)) + exact_sum(np.array(second))
    assert parts == exact_sum(np.array(second + first))


@given(FINITE)
def test_sum_of_squares_is_that_of_fractions(values):
    sizes = [min(abs(value), LARGEST_ROOT) for value in values]
    expected = sum((Fraction(size) ** 2 for size in sizes if size >= SMALLEST_ROOT), Fraction(0))
    assert Fraction(exact_squares(np.array(values)), 1 << UNIT_BITS) == expected


@given(FINITE, FINITE)
def test_squares_of_parts_add_up_to_those_of_all(first, second):
    parts = exact_squares(np.array(first)) + exact_squares(np.array(second))
    assert parts == exact_squares(np.array(second + first))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float_survives_the_way_there_and_back(value):
    assert to_float(from_float(value)) == value
    assert from_float(value) == exact_sum(np.array([value]))


def test_sum_beyond_all_floats_is_infinite():
    largest = np.finfo(np.float64).max
    assert to_float(exact_sum(np.array([largest, largest]))) == math.inf
    assert to_float(exact_sum(np.array([-largest, -largest]))) == -math.inf


def test_sum_of_denormals_loses_nothing():
    assert to_float(exact_sum(np.array([5e-324, 5e-324]))) == 1e-323
