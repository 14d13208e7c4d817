"""Rows of watched files: each value reads as a release reads it, whatever stands beside it."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from tests.pipeline.watching.projects import BEGIN, DATA, HOUR, SECTION, visits
from tests.projects import change_project

from smallcraft.bundle.inputs import InputSpec
from smallcraft.errors import ConfigError, DataError
from smallcraft.pipeline.baseline import Baseline
from smallcraft.pipeline.config import parse_config
from smallcraft.pipeline.watching.rows import (
    NO_WINDOW,
    losses_of,
    rows_of_file,
    segments_of,
    spec_of_file,
    time_column,
    typed_file,
    window_starts,
)

SPEC = InputSpec(None, ("age",), ("job",))
CONFIG = parse_config(DATA + SECTION)
ROWS = visits(range(2))


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """As a CSV file has it."""
    return frame.select(pl.all().cast(pl.String))


def typed(frame: pl.DataFrame, *, config=CONFIG, has_answers=True) -> pl.DataFrame:
    return typed_file(config, frame, SPEC, source="x", has_answers=has_answers)


def test_numbers_are_numbers_by_their_values_in_text_too():
    assert spec_of_file(CONFIG, as_text(ROWS), "x") == SPEC
    assert spec_of_file(CONFIG, ROWS, "x") == SPEC


def test_text_and_typed_files_hold_the_same_rows():
    one, two = (
        rows_of_file(CONFIG, typed(frame), SPEC, bundle=None, source="x") for frame in (ROWS, as_text(ROWS))
    )
    np.testing.assert_array_equal(one.numbers["age"], two.numbers["age"])
    assert one.categories == two.categories
    assert one.answers.labels == two.answers.labels
    np.testing.assert_array_equal(one.answers.confidence, two.answers.confidence)


def test_what_is_no_value_of_its_column_is_missing():
    odd = as_text(ROWS).with_columns(
        age=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("old")).otherwise("age"),
        sure=pl.when(pl.int_range(pl.len()) == 1).then(pl.lit("very")).otherwise("sure"),
        job=pl.when(pl.int_range(pl.len()) == 2).then(pl.lit(" ")).otherwise(pl.format(" {} ", "job")),
    )
    rows = rows_of_file(CONFIG, typed(odd), SPEC, bundle=None, source="x")
    assert np.flatnonzero(np.isnan(rows.numbers["age"])).tolist() == [0]
    assert np.flatnonzero(np.isnan(rows.answers.confidence)).tolist() == [1]
    assert rows.categories["job"] == [None if at == 2 else job for at, job in enumerate(ROWS["job"])]


def test_answers_are_those_of_the_task():
    several = parse_config(DATA.replace("label =", 'task = "multilabel"\nlabel =') + SECTION)
    frame = ROWS.with_columns(said=pl.lit("b|a"), bought=pl.lit("|"))
    rows = rows_of_file(several, typed(frame, config=several), SPEC, bundle=None, source="x")
    assert set(rows.answers.labels[0]) == {"a", "b"}
    number = parse_config(DATA.replace("label =", 'task = "regression"\nlabel =') + SECTION)
    frame = ROWS.with_columns(said=pl.lit("2.50"), bought=pl.lit("x"))
    rows = rows_of_file(number, typed(frame, config=number), SPEC, bundle=None, source="x")
    assert rows.answers.labels[0] == 2.5
    assert rows.answers.task == "regression"


def test_without_a_column_of_answers_rows_have_none():
    config = parse_config(DATA + '[watch]\nfiles = "in/*.csv"\n')
    rows = rows_of_file(config, typed(ROWS, config=config), SPEC, bundle=None, source="x")
    assert rows.answers is None


def test_a_row_is_in_the_window_that_its_time_lies_in():
    starts = window_starts(CONFIG, ROWS, "x")
    times = ROWS["at"].to_numpy()
    assert ((starts <= times) & (times < starts + HOUR)).all()
    assert set(starts.tolist()) == {BEGIN, BEGIN + HOUR}
    at = pl.when(pl.int_range(pl.len()) < 3).then(None).otherwise("at").alias("at")
    missing = window_starts(CONFIG, ROWS.with_columns(at), "x")
    assert np.flatnonzero(missing == NO_WINDOW).tolist() == [0, 1, 2]


def test_the_time_is_that_of_watch_then_that_of_data():
    text = DATA.replace("groups", 'time = "then"\ngroups')
    assert time_column(parse_config(text + SECTION)) == "at"
    assert time_column(parse_config(text + '[watch]\nfiles = "a.csv"\n')) == "then"
    with pytest.raises(ConfigError, match="no column of times is declared"):
        time_column(parse_config(DATA + '[watch]\nfiles = "a.csv"\n'))


def test_segments_have_the_names_that_a_server_gives():
    def segments(column: pl.Series) -> list[str]:
        config = parse_config(DATA + '[watch]\nsegment = "place"\n')
        return segments_of(config, pl.DataFrame({"place": column}), "x")

    assert segments(pl.Series(["north", None, "", "x" * 200])) == ["north", "unknown", "unknown", "x" * 80]
    assert segments(pl.Series([3.0, 2.5, None])) == ["3", "2.5", "unknown"]
    assert segments(pl.Series([True])) == ["true"]
    assert segments_of(CONFIG, ROWS, "x") == ["all"] * ROWS.height
    elsewhere = parse_config(DATA + '[watch]\nsegment = "place"\n')
    assert segments_of(elsewhere, ROWS, "x") == ["unknown"] * ROWS.height


def test_losses_are_of_rows_with_an_answer_and_a_label():
    frame = typed(
        pl.DataFrame(
            {
                "at": [0] * 4,
                "age": [1.0] * 4,
                "job": ["cook"] * 4,
                "sex": ["1.0", None, "2.0", "2.0"],
                "said": ["yes", "yes", None, "no"],
                "sure": [0.9] * 4,
                "bought": ["yes", "no", "no", None],
            }
        )
    )
    found = losses_of(
        frame,
        CONFIG.roles(),
        frame["said"].to_list(),
        baseline=Baseline("multiclass", 1, 0.5),
        items=list("abcd"),
        starts=[7] * 4,
    )
    assert [(row.item, row.loss, row.groups, row.start_s) for row in found] == [
        ("a", 0.0, ("sex=1",), 7),
        ("b", 1.0, (), 7),
    ]


@pytest.mark.parametrize("lost", ["age", "job", "said", "sure"])
def test_a_column_that_is_not_there_is_named_with_the_nearest(lost):
    with pytest.raises(DataError, match=f"column '{lost}' is not in x; it has .* did you mean '{lost}s'"):
        typed(ROWS.rename({lost: f"{lost}s"}))


def test_lists_of_labels_are_read_from_files_that_have_them(tmp_path):
    several = parse_config(DATA.replace("label =", 'task = "multilabel"\nlabel =') + SECTION)
    frame = pl.DataFrame({"said": [["b", "a"], []], "bought": [["a"], ["b"]]})
    both = ROWS[:2].with_columns(frame["said"], frame["bought"])
    rows = rows_of_file(several, typed(both, config=several), SPEC, bundle=None, source="x")
    assert [set(labels) for labels in rows.answers.labels] == [{"a", "b"}, set()]
    assert json.dumps(rows.answers.labels)


def test_a_file_of_another_shape_changes_nothing_of_the_project(tmp_path):
    (tmp_path / "smallcraft.toml").write_text(DATA + SECTION, encoding="utf-8")
    change_project(tmp_path, 'confidence = "sure"\n', "")
    config = parse_config((tmp_path / "smallcraft.toml").read_text(encoding="utf-8"))
    rows = rows_of_file(config, typed(ROWS, config=config), SPEC, bundle=None, source="x")
    assert rows.answers.confidence is None
