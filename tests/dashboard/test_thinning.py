"""A long line keeps its peaks and its ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.dashboard.thinning import thin_out

values = st.lists(st.none() | st.floats(-1e6, 1e6), max_size=900)


@given(values, st.integers(4, 400))
def test_no_more_are_kept_than_may_be_and_in_order(line, most):
    kept = thin_out(line, most=most)
    assert len(kept) <= most
    assert list(kept) == sorted(set(kept))


@given(values, st.integers(4, 400))
def test_the_highest_the_lowest_and_both_ends_are_kept(line, most):
    kept = thin_out(line, most=most)
    known = [value for value in line if value is not None]
    if known:
        drawn = [line[at] for at in kept if line[at] is not None]
        assert (min(drawn), max(drawn)) == (min(known), max(known))
    assert {0, len(line) - 1} <= {*kept} or not line


@pytest.mark.parametrize("n", [0, 1, 400])
def test_a_short_line_is_left_as_it_is(n):
    assert thin_out([0.0] * n) == tuple(range(n))


def test_a_long_gap_stays_a_gap():
    line = [1.0] * 300 + [None] * 400 + [2.0] * 300
    kept = thin_out(line, most=100)
    assert any(line[at] is None for at in kept)
