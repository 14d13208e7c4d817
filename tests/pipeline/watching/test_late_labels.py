"""Labels that come later: a row counts once, whatever files it stands in; what cannot be used is refused."""

from __future__ import annotations

import polars as pl
import pytest
from tests.pipeline.watching.projects import BEGIN, DATA, HOUR, SECTION, visits

from smallcraft.errors import DataError
from smallcraft.pipeline.baseline import Baseline
from smallcraft.pipeline.config import parse_config
from smallcraft.pipeline.watching.late_labels import read_late_labels

CONFIG = parse_config(DATA + "[watch]\n")
BASELINE = Baseline("multiclass", 100, 0.2)
ROWS = (
    visits(range(3), rows=20)
    .select("at", "age", "sex", "said", "bought")
    .rename({"at": "time", "said": "prediction"})
)


@pytest.fixture
def read(tmp_path):
    def look(frame: pl.DataFrame, *, config=CONFIG, baseline=BASELINE):
        frame.write_csv(tmp_path / "labels.csv")
        return read_late_labels(config, tmp_path / "labels.csv", baseline)

    return look


def test_every_row_is_a_loss_in_the_window_that_it_was_answered_in(read):
    found = read(ROWS)
    assert [row.loss for row in found] == [
        float(said != bought) for said, bought in ROWS.select("prediction", "bought").iter_rows()
    ]
    assert [row.start_s for row in found] == (ROWS["time"] // HOUR * HOUR).to_list()
    assert [row.groups for row in found] == [(f"sex={sex}",) for sex in ROWS["sex"]]
    assert len({row.item for row in found}) == ROWS.height


def test_a_row_is_known_by_its_item_id_else_by_what_it_holds_beside_the_label(read):
    first, longer = read(ROWS[:30]), read(ROWS)
    assert {row.item for row in first} == {row.item for row in longer[:30]}
    other = read(ROWS.with_columns(bought=pl.lit("yes")))
    assert [row.item for row in other] == [row.item for row in longer]
    moved = read(ROWS.select(reversed(ROWS.columns)))
    assert [row.item for row in moved] == [row.item for row in longer]
    named = read(ROWS.with_columns(item_id=pl.int_range(pl.len())))
    assert [row.item for row in named] == [str(row) for row in range(ROWS.height)]


def test_rows_that_are_alike_are_two(read):
    twice = read(pl.concat([ROWS[:1], ROWS[:1]]))
    assert len({row.item for row in twice}) == 2
    assert twice[0].item == read(ROWS[:1])[0].item


def test_columns_are_called_as_the_project_calls_them(read):
    config = parse_config(DATA + SECTION)
    renamed = ROWS.rename({"time": "at", "prediction": "said"})
    assert len(read(renamed, config=config)) == ROWS.height


def test_rows_without_a_label_or_an_answer_are_passed_over(read):
    some = ROWS.with_columns(
        bought=pl.when(pl.int_range(pl.len()) < 50).then("bought"),
        prediction=pl.when(pl.int_range(pl.len()) >= 10).then("prediction"),
    )
    assert len(read(some)) == 40


def test_numbers_and_several_labels_have_losses_of_their_own(read):
    number = parse_config(DATA.replace("label =", 'task = "regression"\nlabel =') + "[watch]\n")
    rows = ROWS.with_columns(prediction=pl.lit(2.0), bought=pl.lit(3.0))
    found = read(rows, config=number, baseline=Baseline("regression", 9, 0.2, scale=4.0))
    assert {row.loss for row in found} == {0.25}
    several = parse_config(DATA.replace("label =", 'task = "multilabel"\nlabel =') + "[watch]\n")
    rows = ROWS.with_columns(prediction=pl.lit("a|b"), bought=pl.lit("b|a"))
    assert {row.loss for row in read(rows, config=several, baseline=Baseline("multilabel", 9, 0.2))} == {0.0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.drop("bought"), "column 'bought' is not in labels.csv"),
        (lambda rows: rows.drop("prediction"), "column 'prediction' is not in labels.csv"),
        (lambda rows: rows.drop("time"), "column 'time' is not in labels.csv"),
        (lambda rows: rows.with_columns(time=pl.lit("now")), "must say when each row was answered"),
        (
            lambda rows: rows.with_columns(time=pl.when(pl.col("time") > BEGIN + HOUR).then("time")),
            "fill it, or leave the rows out",
        ),
        (lambda rows: rows.with_columns(bought=pl.lit(None)), "no row with both 'prediction' and 'bought'"),
    ],
    ids=["label", "prediction", "time", "no_times", "some_times", "no_labels"],
)
def test_what_cannot_be_used_is_refused_whole_with_the_remedy(change, said, read):
    with pytest.raises(DataError, match=said):
        read(change(ROWS))


def test_a_broken_record_is_refused(tmp_path):
    path = tmp_path / "labels.csv"
    ROWS.write_csv(path)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("one,two\n")
    with pytest.raises(DataError, match=r"labels\.csv"):
        read_late_labels(CONFIG, path, BASELINE)
