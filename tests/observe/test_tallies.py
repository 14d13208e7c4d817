"""A table's tally is the same in whatever chunks it comes; types are decided for both sides at last."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.observe.frames import profile_series
from smallcraft.observe.tallies import merge_tallies, tally_frame, to_read_again, typed_profiles

VALUES = st.one_of(st.none(), st.sampled_from(["1", "2.5", "-3e2", "x", "", "name", "nan"]))


def frame(**columns) -> pl.DataFrame:
    return pl.DataFrame(columns)


def in_chunks(table: pl.DataFrame, rows: int):
    return merge_tallies([tally_frame(part) for part in table.iter_slices(rows)])


@given(st.lists(VALUES, min_size=1, max_size=40), st.integers(1, 40))
def test_text_is_tallied_the_same_in_whatever_chunks(values, rows):
    table = frame(a=pl.Series(values, dtype=pl.String))
    whole, parts = tally_frame(table).columns["a"], in_chunks(table, rows).columns["a"]
    assert parts.categories == whole.categories
    assert (parts.n, parts.is_stored, parts.distinct.count) == (
        whole.n,
        whole.is_stored,
        whole.distinct.count,
    )
    assert (parts.numbers is None) == (whole.numbers is None)
    if whole.numbers is not None:
        assert parts.numbers.histogram.counts.tolist() == whole.numbers.histogram.counts.tolist()
        if whole.numbers.mean is not None:
            assert parts.numbers.mean == pytest.approx(whole.numbers.mean, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (["1", "2"], ["3", "4.5"], "numbers"),
        (["1", "2"], ["3", "four"], "categories"),
        (["1", None], ["3", "4"], "numbers"),
        ([1, 2], [3.5, None], "numbers"),
        ([1, 2], ["3", "4"], "numbers"),
        ([True, False], [True, None], "categories"),
        ([date(2026, 1, 1)], [date(2026, 1, 2)], "numbers"),
    ],
)
def test_a_column_is_one_of_numbers_where_every_value_of_both_sides_reads_as_one(before, after, kind):
    old, new = tally_frame(frame(a=before)), tally_frame(frame(a=after))
    assert to_read_again(old, new) == to_read_again(new, old) == ()
    sides = typed_profiles(old, new)
    expected = "NumericProfile" if kind == "numbers" else "CategoryProfile"
    assert {type(side.columns["a"]).__name__ for side in sides[:2]} == {expected}


def test_numbers_beside_text_are_read_again_by_their_text():
    chunks = [frame(a=[1, 2]), frame(a=["three", "4"])]
    mixed = merge_tallies([tally_frame(chunk) for chunk in chunks])
    other = tally_frame(frame(a=["1", "x"]))
    assert to_read_again(mixed, other) == ("a",)
    again = merge_tallies([tally_frame(chunk, as_text=["a"]) for chunk in chunks])
    assert to_read_again(again, other) == ()
    before, _, _ = typed_profiles(again, other)
    assert before.columns["a"] == profile_series(pl.Series(["1", "2", "three", "4"]))


def test_numbers_beside_numbers_as_text_are_numbers_and_read_once():
    mixed = merge_tallies([tally_frame(frame(a=[1, 2])), tally_frame(frame(a=["3", "4"]))])
    assert to_read_again(mixed, mixed) == ()
    assert typed_profiles(mixed, mixed)[0].columns["a"] == profile_series(pl.Series([1.0, 2.0, 3.0, 4.0]))


def test_a_column_that_a_chunk_lacks_has_no_values_there():
    merged = merge_tallies([tally_frame(frame(a=[1, 2], b=["x", "y"])), tally_frame(frame(a=[3]))])
    assert merged.rows == 3
    assert merged.columns["b"].categories == profile_series(pl.Series(["x", "y", None]))
    assert merged.columns["b"].n == 3


def test_nearly_as_many_values_as_rows_are_free_text():
    table = frame(
        message=[f"message number {row}" for row in range(60)],
        colour=["red", "blue", "green"] * 20,
        number=[str(row) for row in range(60)],
    )
    tally = in_chunks(table, 7)
    before, after, free = typed_profiles(tally, tally)
    assert free == ("message",)
    assert set(before.columns) == set(after.columns) == {"colour", "number"}


def test_values_that_differ_within_each_chunk_and_return_in_the_next_are_no_free_text():
    chunk = frame(user=[f"user-{row}" for row in range(60)])
    tally = merge_tallies([tally_frame(chunk)] * 10)
    assert typed_profiles(tally, tally)[2] == ()
    assert tally.columns["user"].categories.as_mapping()["user-7"] == 10


def test_booleans_are_counted_and_never_free_text():
    tally = tally_frame(frame(a=[True, False] * 40))
    assert typed_profiles(tally, tally)[0].columns["a"].as_mapping() == {"false": 40, "true": 40}
