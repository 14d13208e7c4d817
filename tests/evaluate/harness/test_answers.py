from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluate.harness.openers.toy_models import TEXTS, text_questions

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.harness.answers import (
    Questions,
    all_classes,
    join_answers,
    label_answers,
    mapping_answers,
    predictions_of,
    probability_answers,
    spread_over,
)

KNOWN = ("neg", "pos")


@given(st.lists(st.sampled_from(["a", "b", "c", "a b", "ä"]), min_size=1))
def test_a_label_is_the_most_probable_class_of_its_row(labels):
    found = label_answers(labels, known=KNOWN)
    assert [found.classes[code] for code in found.probs.argmax(axis=1)] == labels
    assert found.labels_only
    assert np.array_equal(np.sort(found.probs, axis=1)[:, -1], np.ones(len(labels)))


@pytest.mark.parametrize(
    ("value", "known", "written"),
    [
        (1, ("0", "1"), "1"),
        (1.0, ("0", "1"), "1"),
        (np.int64(1), ("0", "1"), "1"),
        (np.str_("x"), (), "x"),
        (b"x", (), "x"),
        (True, ("False", "True"), "True"),
        (True, ("false", "true"), "true"),
        (" pos ", KNOWN, "pos"),
    ],
)
def test_a_label_is_written_as_the_data_write_it(value, known, written):
    assert label_answers([value], known=known).classes == (written,)


@pytest.mark.parametrize("value", [None, "", "  ", float("nan"), ["a"], {}])
def test_what_is_no_label_is_refused_with_its_row(value):
    with pytest.raises(InvalidInputError, match="row 2"):
        label_answers(["a", value], known=KNOWN)


def test_a_number_that_is_no_class_asks_whether_it_is_a_classifier():
    with pytest.raises(InvalidInputError, match="is it a classifier"):
        label_answers([0.25], known=KNOWN)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ([0.5, float("nan")], "sum nan"),
        ([1.2, -0.2], "probabilities that sum to 1"),
        ([3.0, 2.0], "not scores"),
        ([0.2, 0.2], "sum 0.4"),
    ],
)
def test_a_row_that_is_no_distribution_is_refused_with_its_number(row, what):
    with pytest.raises(InvalidInputError, match=what) as caught:
        probability_answers([[0.5, 0.5], row], KNOWN, known=KNOWN)
    assert "row 2" in str(caught.value)


def test_rounded_probabilities_are_scaled_to_sum_to_one():
    found = probability_answers([[0.333, 0.333, 0.333]], "abc", known=())
    assert found.probs.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("table", [[0.5, 0.5], [[0.5], [0.5, 0.5]], [["a", "b"]], 3])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(InvalidInputError):
        probability_answers(table, KNOWN, known=KNOWN)


def test_another_number_of_classes_than_columns_is_refused_with_both():
    with pytest.raises(InvalidInputError, match=r"each of 3 classes.*got 2"):
        probability_answers([[0.5, 0.5]], "abc", known=())
    with pytest.raises(InvalidInputError, match="each class must have one column"):
        probability_answers([[0.5, 0.5]], "aa", known=())


def test_a_label_left_out_of_a_mapping_has_no_probability():
    found = mapping_answers([{"a": 1.0}, {"b": 0.25, "a": 0.75}], known=())
    assert found.classes == ("a", "b")
    assert found.probs.tolist() == [[1, 0], [0.75, 0.25]]
    with pytest.raises(InvalidInputError, match="row 1 must give each label a probability"):
        mapping_answers([{"a": "high"}], known=())


def test_joined_batches_equal_one_batch():
    whole = label_answers(list("abca"), known=())
    joined = join_answers([label_answers(list("ab"), known=()), label_answers(list("ca"), known=())])
    order = [joined.classes.index(name) for name in whole.classes]
    assert np.array_equal(joined.probs[:, order], whole.probs)
    assert joined.labels_only


def test_labels_and_probabilities_in_turn_are_refused():
    with pytest.raises(InvalidInputError, match="in turn"):
        join_answers([label_answers(["a"], known=()), probability_answers([[0.5, 0.5]], KNOWN, known=())])


def test_labels_that_the_truth_lacks_become_classes_after_its_own():
    answers = label_answers(["pos", "zzz", "aaa"], known=KNOWN)
    classes = all_classes(["pos", "neg", "neg"], [answers])
    assert classes == ("neg", "pos", "aaa", "zzz")
    predictions = predictions_of(answers, ["pos", "neg", "neg"], classes)
    assert (predictions.truth == predictions.predicted).tolist() == [True, False, False]
    assert spread_over(answers, classes).sum(axis=1).tolist() == [1, 1, 1]


def test_another_number_of_answers_than_rows_is_refused_with_both():
    with pytest.raises(InvalidInputError, match="3 rows, got 2 answers"):
        predictions_of(label_answers(["a", "b"], known=()), ["a", "b", "c"], ("a", "b", "c"))


def test_taken_rows_know_where_they_stand():
    part = text_questions().take(2, 4).take(1, 2)
    assert part.texts == [TEXTS[3]]
    assert part.first == 3


def test_a_model_gets_texts_or_the_declared_columns_alone():
    frame = pl.DataFrame({"message": ["a"], "age": [1.0], "asked_by_another": [2.0]})
    both = Questions(frame, frame, "message", ("age",), KNOWN)
    assert both.texts is None
    assert list(both.columns) == ["message", "age"]
    assert Questions(frame, frame, "message", (), KNOWN).texts == ["a"]
