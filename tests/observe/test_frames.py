"""Tables as profiles: numbers, categories and what is neither."""

from __future__ import annotations

from collections import Counter
from datetime import date

import numpy as np
import polars as pl
import pytest

from smallcraft.data.profiles.categories import from_counts
from smallcraft.data.profiles.numeric import NumericProfile
from smallcraft.errors import DataError
from smallcraft.observe.frames import profile_arrays, profile_frame, profile_series

FRAME = pl.DataFrame(
    {
        "n": [1.0, None, float("nan"), 3.0],
        "i": [1, 2, 3, None],
        "s": ["a", "b", None, "a"],
        "b": [True, False, None, True],
        "d": [date(2026, 1, 1), date(2026, 1, 2), None, date(2026, 1, 3)],
    }
)


def test_each_column_is_profiled_as_what_it_is():
    found = profile_frame(FRAME)
    numbers = {name for name, column in found.columns.items() if isinstance(column, NumericProfile)}
    assert (found.n, numbers) == (4, {"n", "i", "d"})
    assert {column.nulls for name, column in found.columns.items() if name not in numbers} == {1}
    assert found.columns["s"].as_mapping() == {"a": 2, "b": 1}
    assert found.columns["b"].as_mapping() == {"true": 2, "false": 1}
    histogram = found.columns["n"].histogram
    assert (histogram.nulls, histogram.nans, histogram.finite, histogram.mean) == (1, 1, 2, 2.0)


def test_the_order_of_rows_does_not_matter():
    assert profile_frame(FRAME).columns == profile_frame(FRAME.reverse()).columns


def test_categories_are_compared_by_their_text():
    as_categories = FRAME.with_columns(pl.col("s").cast(pl.Categorical))
    assert profile_frame(as_categories).columns["s"] == profile_frame(FRAME).columns["s"]


def test_arrays_are_profiled_like_tables():
    arrays = {"n": np.array([1.0, 2.0]), "s": ["a", None]}
    assert profile_arrays(arrays).columns == profile_frame(pl.DataFrame(arrays)).columns
    assert profile_arrays({}).n == 0


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="one length"):
        profile_arrays({"n": np.zeros(2), "m": np.zeros(3)})


def test_a_missing_column_is_named_with_the_nearest_one():
    with pytest.raises(DataError, match="did you mean 's'"):
        profile_frame(FRAME.select("s", "n"), columns=["ss"])


@pytest.mark.parametrize("repeats", [1, 2])
def test_beyond_the_capacity_a_table_keeps_what_counting_keeps(repeats):
    values = [f"value {number}" for number in range(10_050)] * repeats + ["often"] * 30 + [None]
    counted = Counter(value for value in values if value is not None)
    assert profile_series(pl.Series(values)) == from_counts(counted, n=len(values), nulls=1)
    assert profile_series(pl.Series(values)).as_mapping() == {"often": 30 - repeats}


def test_long_values_with_one_beginning_add_up():
    values = ["x" * 200 + "a", "x" * 200 + "b", "y"]
    assert profile_series(pl.Series(values)).as_mapping() == {"x" * 200: 2, "y": 1}
