"""Times in any form that files have, as seconds; what is no time is told from what is."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.pipeline.times import seconds_of

MOMENT = datetime(2026, 11, 29, 7, 30, 15, 250_000)
SECONDS = MOMENT.replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "series",
    [
        pl.Series([MOMENT]),
        pl.Series([MOMENT]).dt.cast_time_unit("ms"),
        pl.Series([MOMENT]).dt.cast_time_unit("ns"),
        pl.Series([MOMENT]).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
        pl.Series(["2026-11-29T07:30:15.250"]),
        pl.Series([" 2026-11-29 09:30:15.250+02:00 "]),
        pl.Series([SECONDS]),
        pl.Series([int(SECONDS * 1000)]),
        pl.Series([str(SECONDS)]),
        pl.Series([str(int(SECONDS * 1000))]),
    ],
    ids=["us", "ms", "ns", "zone", "text", "offset", "seconds", "milliseconds", "digits", "more_digits"],
)
def test_one_moment_is_one_number_in_every_form(series):
    assert seconds_of(series).tolist() == [SECONDS]


def test_a_date_is_its_midnight_and_whole_seconds_stay_whole():
    midnight = datetime(2026, 11, 29, tzinfo=UTC).timestamp()
    assert seconds_of(pl.Series([date(2026, 11, 29)])).tolist() == [midnight]
    assert seconds_of(pl.Series([int(midnight)])).tolist() == [midnight]


@given(st.lists(st.one_of(st.none(), st.integers(10**8, 4 * 10**9)), min_size=1))
def test_what_is_missing_is_nan_and_nothing_else_changes(values):
    if all(value is None for value in values):
        return
    expected = [np.nan if value is None else float(value) for value in values]
    for series in (pl.Series(values), pl.Series([None if value is None else str(value) for value in values])):
        np.testing.assert_array_equal(seconds_of(series), expected)


def test_text_that_is_no_time_beside_times_is_missing():
    found = seconds_of(pl.Series(["2026-01-01", "soon", None]))
    assert np.isnan(found).tolist() == [False, True, True]


@pytest.mark.parametrize(
    "series",
    [
        pl.Series(["soon", "later"]),
        pl.Series([1, 2, 3]),
        pl.Series([2026.0]),
        pl.Series([True]),
        pl.Series([MOMENT.time()]),
        pl.Series([MOMENT - MOMENT]),
        pl.Series([[1.0]]),
        pl.Series([None], dtype=pl.Int64),
    ],
    ids=["words", "counts", "years", "truths", "times_of_day", "durations", "lists", "nothing"],
)
def test_what_holds_no_times_is_told_from_what_does(series):
    assert seconds_of(series) is None
