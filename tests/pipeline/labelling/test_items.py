"""A row has one id wherever it comes from, and reads as train's rows do."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest
from tests.pipeline.labelling.projects import write_people
from tests.projects import save_rows

from smallcraft.errors import DataError
from smallcraft.pipeline.labelling.items import as_trained, cast_values, row_items


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return write_people(tmp_path_factory.mktemp("people") / "p")


def test_a_row_has_one_id_from_whatever_file_or_server_it_comes(people, tmp_path):
    train, roles = people.splits.frames["train"], people.table.roles
    wanted = row_items(train, roles)
    inputs = train.select(roles.inputs)
    for suffix in (".csv", ".parquet", ".jsonl"):
        path = save_rows(tmp_path / f"rows{suffix}", inputs.to_dict(as_series=False))
        raw = (
            pl.read_csv(path, infer_schema=False)
            if suffix == ".csv"
            else pl.read_parquet(path)
            if suffix == ".parquet"
            else pl.read_ndjson(path)
        )
        typed = as_trained(raw.with_columns(train["seen"]), train, roles, source="f")
        assert row_items(typed, roles) == wanted
    # A server keeps numbers as floats, and all else as text.
    served = inputs.with_columns(pl.col("insured").cast(pl.String).str.to_titlecase(), train["seen"])
    assert row_items(as_trained(served, train, roles, source="f"), roles) == wanted


def test_a_new_row_must_say_when_it_was_where_the_data_do(people):
    train, roles = people.splits.frames["train"], people.table.roles
    rows = train.select(roles.inputs)
    for frame in (rows, rows.with_columns(pl.lit("soon").alias("seen"))):
        with pytest.raises(DataError, match=r"say when it was \(column 'seen'.*take `time` out of \[data\]"):
            as_trained(frame, train, roles, source="pool.csv")


@pytest.mark.parametrize("in_a_second", [1, 1000])
def test_moments_are_told_as_the_numbers_that_the_data_tell_time_in(people, in_a_second):
    roles = people.table.roles
    seconds = [1_767_225_600 + day * 86_400 for day in range(people.splits.frames["train"].height)]
    numbers = pl.Series("seen", [at * in_a_second for at in seconds])
    train = people.splits.frames["train"].with_columns(numbers)
    moment = pl.Series("seen", [datetime(2026, 1, 2)] * train.height)
    typed = as_trained(train.with_columns(moment), train, roles, source="f")
    assert set(typed["seen"].to_list()) == {(1_767_225_600 + 86_400) * in_a_second}


def test_a_value_that_is_none_of_its_column_is_missing():
    assert cast_values(pl.Series(["1", "x", None]), pl.Float64()).to_list() == [1.0, None, None]
    assert cast_values(pl.Series(["TRUE", "false", None, "1"]), pl.Boolean()).to_list() == [
        True,
        False,
        None,
        None,
    ]
