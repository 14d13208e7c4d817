"""Laws of Parquet: wanted columns in the wanted order, their own types, nested ones refused by name."""

from __future__ import annotations

import polars as pl
import pytest

from smallcraft.data.columnar import read_parquet
from smallcraft.errors import DataError


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1], "b": [[1]], "c": [b"x"], "d": ["x"]}).write_parquet(path)
    return path


def test_wanted_columns_come_in_the_wanted_order(stored):
    file = read_parquet(stored, "t", wanted=("d", "a"))
    assert file.frame.schema == {"d": pl.String, "a": pl.Int64}
    assert file.columns == ("a", "b", "c", "d")
    assert file.lines is None


def test_all_columns_are_all_plain_ones(stored):
    assert read_parquet(stored, "t", wanted=None).frame.columns == ["a", "d"]


@pytest.mark.parametrize("column", ["b", "c"])
def test_nested_and_binary_columns_are_refused_by_name(stored, column):
    with pytest.raises(DataError, match=f"t, column '{column}': plain values were wanted"):
        read_parquet(stored, "t", wanted=(column,))


def test_a_file_cut_short_is_refused(stored):
    stored.write_bytes(stored.read_bytes()[:-20])
    with pytest.raises(DataError, match="is a damaged Parquet file"):
        read_parquet(stored, "t", wanted=("a",))
