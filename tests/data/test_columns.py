"""Laws of column types: decided by role and values, never by the file's own idea."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.columns import parse_times, typed_columns, typed_feature
from smallcraft.records import Roles


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_written_as_text_are_read_back_to_the_bit(numbers):
    as_text = pl.Series("x", [None if n is None else repr(n) for n in numbers], dtype=pl.String)
    typed, faults = typed_feature(as_text)
    assert typed.null_count() == len(numbers) or typed.to_list() == numbers
    assert faults == []


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["true", "False", None], pl.Boolean),
        (["1", " 2 ", ""], pl.Float64),
        (["1", "007"], pl.String),
        (["0", "0.5", "-0.5"], pl.Float64),
        (["a", "1"], pl.String),
        ([True, None], pl.Boolean),
        ([1, 2], pl.Float64),
        ([date(2026, 1, 1)], pl.String),
    ],
)
def test_a_feature_has_the_type_of_its_values(values, dtype):
    assert typed_feature(pl.Series("x", values))[0].dtype == dtype


@pytest.mark.parametrize(("strays", "faults"), [(5, 5), (6, 0)])
def test_a_few_strays_among_numbers_are_faults_and_many_make_categories(strays, faults):
    column = pl.Series("x", [str(at) for at in range(100 - strays)] + ["?"] * strays)
    assert len(typed_feature(column)[1]) == faults


def test_a_32_bit_float_is_its_shortest_decimal():
    assert typed_feature(pl.Series("x", [0.1], dtype=pl.Float32))[0].to_list() == [0.1]


def test_labels_votes_keys_and_groups_lose_space_and_blank_is_null():
    roles = Roles(label="l", text="t", votes=("v",), key="k", groups=("g",))
    raw = pl.DataFrame({"l": [" x "], "t": [" t "], "v": [""], "k": [" "], "g": ["e u "]})
    typed = typed_columns(raw, roles)
    assert typed.frame.row(0) == ("x", " t ", None, None, "e u")
    assert typed.faults == ()


def test_faults_come_in_order_of_row():
    raw = pl.DataFrame({"l": ["a", None, "b", None], "t": [None, "x", None, "y"]})
    faults = typed_columns(raw, Roles(label="l", text="t")).faults
    assert [(fault.row, fault.column) for fault in faults] == [(0, "t"), (1, "l"), (2, "t"), (3, "l")]


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)),
    st.integers(-12, 14),
    st.sampled_from("T "),
)
def test_iso_times_agree_with_the_standard_library(moment, hours, between):
    zoned = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    written = [moment.isoformat(between), zoned.isoformat(between)]
    utc = zoned.astimezone(UTC).replace(tzinfo=None)
    assert parse_times(pl.Series(written)).to_list() == [moment, utc]


def test_times_agree_across_types():
    roles = Roles(label="l", text="t", time="at")
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    forms = [
        pl.Series("at", ["2026-01-31T12:00:00Z"]),
        pl.Series("at", ["2026-01-31 14:00+02:00"]),
        pl.Series("at", [moment]),
        pl.Series("at", [moment.replace(tzinfo=None)], dtype=pl.Datetime("ns")),
    ]
    for form in forms:
        typed = typed_columns(pl.DataFrame({"l": ["x"], "t": ["y"], "at": form}), roles)
        assert typed.frame["at"].to_list() == [moment.replace(tzinfo=None)]


def test_epoch_numbers_stay_numbers():
    raw = pl.DataFrame({"l": ["x"], "t": ["y"], "at": ["1767225600"]})
    typed = typed_columns(raw, Roles(label="l", text="t", time="at"))
    assert typed.frame["at"].to_list() == [1767225600]
