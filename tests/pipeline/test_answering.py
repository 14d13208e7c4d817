"""Answers to files: every row, in every format, beside what the file held."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.projects import message_rows, person_rows, save_rows

from smallcraft.api import load
from smallcraft.bundle.decoders.abstain import Abstain
from smallcraft.bundle.decoders.conformal import Conformal
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.pipeline.answering import answer_file

READERS = {
    ".csv": pl.read_csv,
    ".tsv": lambda path: pl.read_csv(path, separator="\t"),
    ".parquet": pl.read_parquet,
    ".jsonl": pl.read_ndjson,
}


@pytest.fixture
def messages(tiny_built):
    return load("latest", project=tiny_built).bundle


@pytest.fixture
def people(people_built):
    return load("latest", project=people_built).bundle


def answered(bundle, source, output, *, abstain_below=None):
    rows = answer_file(bundle, str(source), output, abstain_below=abstain_below)
    frame = READERS[output.suffix](output)
    assert frame.height == rows
    return frame


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("source", [".csv", ".parquet", ".jsonl"])
def test_every_format_in_and_out_gives_the_same_answers(messages, tmp_path, source, suffix):
    rows = message_rows(30, seed=4)
    path = save_rows(tmp_path / f"rows{source}", rows)
    frame = answered(messages, path, tmp_path / f"answers{suffix}", abstain_below=0.9)
    probs = messages.predict_proba(rows["message"])
    assert frame.columns == ["message", "intent", "label", "confidence", "abstained"]
    assert frame["message"].to_list() == rows["message"]
    assert frame["label"].to_list() == messages.predict(rows["message"])
    np.testing.assert_allclose(frame["confidence"].to_numpy(), probs.max(axis=1), rtol=1e-12)
    assert frame["abstained"].to_list() == (probs.max(axis=1) < 0.9).tolist()


def test_without_a_threshold_nothing_is_abstained(messages, tmp_path):
    path = save_rows(tmp_path / "rows.csv", {"message": ["zzz qqq xxx"]})
    assert answered(messages, path, tmp_path / "a.csv")["abstained"].to_list() == [False]


def test_columns_that_have_the_names_of_answers_are_kept_under_another_name(messages, tmp_path):
    path = save_rows(
        tmp_path / "rows.csv", {"message": ["a", "b"], "label": ["x", "y"], "confidence": [1, 2]}
    )
    once = answered(messages, path, tmp_path / "once.csv")
    assert once.columns == ["message", "input_label", "input_confidence", "label", "confidence", "abstained"]
    assert once["input_label"].to_list() == ["x", "y"]
    twice = answered(messages, tmp_path / "once.csv", tmp_path / "twice.csv")
    assert twice["input_label"].to_list() == ["x", "y"]
    assert twice["input_input_label"].to_list() == once["label"].to_list()
    assert twice["label"].to_list() == once["label"].to_list()


def test_a_file_without_rows_is_refused_and_nothing_is_written(messages, tmp_path):
    (tmp_path / "rows.csv").write_text("message\n", encoding="utf-8")
    with pytest.raises(DataError, match="a header and no rows"):
        answered(messages, tmp_path / "rows.csv", tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


def test_rows_with_holes_are_answered_as_the_bundle_answers_them(people, tmp_path):
    rows = {"age": [None, 30.5, 70.0], "job": ["cook", None, "nurse"], "insured": [None, True, False]}
    for suffix in (".csv", ".jsonl", ".parquet"):
        frame = answered(people, save_rows(tmp_path / f"rows{suffix}", rows), tmp_path / "a.jsonl")
        assert frame["label"].to_list() == people.predict(rows)
        np.testing.assert_allclose(frame["confidence"].to_numpy(), people.predict_proba(rows).max(axis=1))


def test_a_rows_answer_does_not_depend_on_the_rows_beside_it(people, tmp_path):
    rows = person_rows(40, seed=8)
    rows["job"] = ["12.50" if row % 3 else "true" for row in range(40)]
    together = answered(people, save_rows(tmp_path / "rows.csv", rows), tmp_path / "a.parquet")
    for row in range(6):
        alone = save_rows(
            tmp_path / "one.csv", {name: values[row : row + 1] for name, values in rows.items()}
        )
        assert answered(people, alone, tmp_path / "b.parquet")["confidence"][0] == together["confidence"][row]


def test_categories_are_read_by_value_and_never_typed_by_the_file(people, tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(type(people), "answer", lambda bundle, rows: asked.update(rows) or 1 / 0)
    rows = {"age": ["1", "2"], "job": [" 12.50 ", ""], "insured": ["TRUE", "false"]}
    with pytest.raises(ZeroDivisionError):
        answer_file(
            people, str(save_rows(tmp_path / "rows.csv", rows)), tmp_path / "a.csv", abstain_below=None
        )
    assert asked == {"age": [1.0, 2.0], "job": ["12.50", None], "insured": ["true", "false"]}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            {"age": ["12", "old"], "job": ["a", "b"], "insured": [True, True]},
            "column 'age' .* must hold numbers",
        ),
        (
            {"age": [1.0, float("inf")], "job": ["a", "b"], "insured": [True, True]},
            "row 2: inf is not a finite",
        ),
        ({"age": [1.0], "insured": [True]}, "column 'job' is not in"),
    ],
)
def test_rows_that_cannot_be_read_as_in_training_are_refused(people, tmp_path, rows, words):
    path = save_rows(tmp_path / "rows.parquet", rows)
    with pytest.raises(DataError, match=words):
        answer_file(people, str(path), tmp_path / "a.csv", abstain_below=None)
    assert not (tmp_path / "a.csv").exists()


def test_a_row_without_text_is_named(messages, tmp_path):
    path = save_rows(tmp_path / "rows.jsonl", {"message": ["hello", None]})
    with pytest.raises(DataError, match="row 2 is empty"):
        answer_file(messages, str(path), tmp_path / "a.csv", abstain_below=None)


def test_text_that_looks_like_numbers_is_read_as_in_training(messages, tmp_path):
    path = save_rows(tmp_path / "rows.parquet", {"message": [12.0, 3.5]})
    frame = answered(messages, path, tmp_path / "a.parquet")
    np.testing.assert_array_equal(
        frame["confidence"].to_numpy(), messages.predict_proba(["12", "3.5"]).max(axis=1)
    )


def test_an_output_that_no_format_names_is_refused_before_anything_is_read(messages, tmp_path):
    with pytest.raises(
        InvalidInputError, match=r"must end in .csv, .tsv, .parquet, .jsonl, got 'answers.xlsx'"
    ):
        answer_file(messages, "nothing.csv", tmp_path / "answers.xlsx", abstain_below=None)


def deciding(bundle, decider, **changes):
    """The bundle with another decision, and the link that it goes with."""
    return replace(bundle, decoder=replace(bundle.decoder, decider=decider, **changes))


@pytest.mark.parametrize("suffix", READERS)
def test_several_labels_stand_as_a_list_or_joined(messages, tmp_path, suffix):
    several = deciding(messages, Thresholds((0.2, 0.2, 0.0)), link="sigmoid")
    rows = message_rows(20, seed=5)
    frame = answered(several, save_rows(tmp_path / "rows.csv", rows), tmp_path / f"a{suffix}")
    found = [label or "" for label in frame["label"].to_list()]
    wanted = [list(labels) for labels in several.predict(rows["message"])]
    assert {len(labels) for labels in wanted} >= {1, 2}
    assert found == (["|".join(labels) for labels in wanted] if suffix in (".csv", ".tsv") else wanted)


def test_labels_that_hold_the_separator_are_written_as_json(messages, tmp_path):
    barred = replace(
        deciding(messages, Conformal("lac", (None,), 0.9)), classes=("a|b", *messages.classes[1:])
    )
    path = save_rows(tmp_path / "rows.csv", {"message": ["hello"]})
    (written,) = answered(barred, path, tmp_path / "a.csv")["set"].to_list()
    assert sorted(json.loads(written)) == sorted(barred.classes)


def test_a_number_has_its_interval_and_no_confidence(people, tmp_path):
    one = replace(people, classes=("age",), stages=(OneNumber(),))
    number = deciding(one, Value(2.0, 0.9), link="identity", scale=1.0)
    path = save_rows(tmp_path / "rows.csv", {"age": [30.0], "job": ["cook"], "insured": [True]})
    frame = answered(number, path, tmp_path / "a.parquet")
    assert frame.select("label", "confidence", "abstained", "low", "high").rows() == [
        (41.5, None, False, 39.5, 43.5)
    ]
    with pytest.raises(InvalidInputError, match="numbers without a confidence; leave out abstain_below"):
        answered(number, path, tmp_path / "b.parquet", abstain_below=0.5)


def test_what_the_bundle_does_not_answer_is_empty_and_a_threshold_of_the_moment_only_marks(
    messages, tmp_path
):
    rows = message_rows(30, seed=6)
    sure = messages.predict_proba(rows["message"]).max(axis=1)
    own, asked = np.quantile(sure, [0.2, 0.6])
    path = save_rows(tmp_path / "rows.csv", rows)
    frame = answered(deciding(messages, Abstain(own)), path, tmp_path / "a.parquet", abstain_below=asked)
    assert frame["label"].is_null().to_list() == (sure < own).tolist()
    assert frame["abstained"].to_list() == (sure < max(own, asked)).tolist()


class OneNumber:
    """A stage that says 41.5 of everybody."""

    def logits(self, inputs):
        return np.full((inputs.n, 1), 41.5)
