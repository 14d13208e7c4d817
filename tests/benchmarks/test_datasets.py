"""The official splits are read whole, and labels are what the documentation says."""

from __future__ import annotations

import pytest
from benchmarks.datasets import AbsentDataError, Rows, read_adult, read_banking77, read_clinc150, write_csv

from benchmarks import datasets


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("read", "train", "test", "classes"),
    [
        (read_banking77, 10_003, 3_080, 77),
        (read_clinc150, 18_000, 4_500, 150),
        (read_adult, 32_561, 16_281, 2),
    ],
)
def test_the_official_splits_are_whole(read, train, test, classes):
    dataset = read()
    assert (len(dataset.train.labels), len(dataset.test.labels)) == (train, test)
    assert len(set(dataset.train.labels)) == classes
    assert set(dataset.test.labels) == set(dataset.train.labels)
    for rows in (dataset.train, dataset.test):
        assert {len(values) for values in rows.columns.values()} == {len(rows.labels)}


@pytest.mark.realdata
def test_unknown_values_of_adult_are_missing_and_shares_are_the_documented_ones():
    train = read_adult().train
    assert train.columns["workclass"].count(None) == 1836
    assert round(train.labels.count(">50K") / len(train.labels), 4) == 0.2408


def test_a_smaller_part_keeps_rows_together():
    rows = Rows({"text": [f"t{i}" for i in range(100)]}, [f"l{i}" for i in range(100)])
    small = rows.head(10)
    assert len(small.labels) == 10
    assert [text[1:] for text in small.columns["text"]] == [label[1:] for label in small.labels]
    assert rows.head(None) == rows


def test_a_written_file_holds_commas_quotes_and_gaps(tmp_path):
    rows = Rows({"text": ['a, "b"', "c"], "age": [1.0, None]}, ["x", "y"])
    write_csv(rows, tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text("utf-8").splitlines() == [
        "text,age,label",
        '"a, ""b""",1.0,x',
        "c,,y",
    ]


def test_an_absent_folder_is_told_with_the_setting_that_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SMALLCRAFT_SHARED_DATA", str(tmp_path))
    with pytest.raises(AbsentDataError, match="name that folder in SMALLCRAFT_SHARED_DATA"):
        datasets.read_banking77()
