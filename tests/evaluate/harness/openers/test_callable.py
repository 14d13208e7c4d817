from __future__ import annotations

import numpy as np
import pytest
from tests.evaluate.harness.openers.toy_models import (
    LABELS,
    TEXTS,
    names,
    number_questions,
    text_questions,
    write_function,
)

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.harness.openers import BUILTIN
from smallcraft.evaluate.harness.openers.callable import model_of_function, read_answers
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions

BY_HEART = dict(zip(TEXTS, LABELS, strict=True))
TABLE = [[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.0, 1.0], [1.0, 0.0]]


def opened(function: object, **options: object) -> OpenedModel:
    return model_of_function(function, "toy:f", OpenOptions(**options))


@pytest.mark.parametrize("make", [list, tuple, np.array, iter])
def test_labels_in_any_sequence_are_the_answers(make):
    found = opened(lambda texts: make([BY_HEART[text] for text in texts])).answer(text_questions())
    assert names(found) == LABELS
    assert found.labels_only


@pytest.mark.parametrize("make", [list, np.array])
def test_a_table_needs_its_classes_and_takes_them_from_the_function_or_the_option(make):
    def table(texts):
        return make(TABLE)

    with pytest.raises(InvalidInputError, match="--classes a,b,c"):
        opened(table).answer(text_questions())
    assert names(opened(table, classes=("neg", "pos")).answer(text_questions())) == LABELS
    table.classes = ("neg", "pos")
    found = opened(table).answer(text_questions())
    assert names(found) == LABELS
    assert not found.labels_only
    assert found.probs == pytest.approx(np.array(TABLE))


def test_a_module_may_name_the_classes(tmp_path):
    body = f"CLASSES = ('neg', 'pos')\ndef answer(texts):\n    return {TABLE!r}\n"
    target = write_function(tmp_path, "callable_classes", body)
    assert names(BUILTIN["callable"].open(target, OpenOptions(tmp_path)).answer(text_questions())) == LABELS


def test_dicts_of_probabilities_labels_with_scores_and_lists_of_both():
    known = ("neg", "pos")
    rows = [{"neg": a, "pos": b} for a, b in TABLE]
    assert names(read_answers(rows, rows=6, classes=(), known=known)) == LABELS
    top = [{"label": label, "score": 0.7} for label in LABELS]
    found = read_answers(top, rows=6, classes=(), known=known)
    assert names(found) == LABELS
    assert found.labels_only
    every = [[{"label": "neg", "score": a}, {"label": "pos", "score": b}] for a, b in TABLE]
    found = read_answers(every, rows=6, classes=(), known=known)
    assert names(found) == LABELS
    assert not found.labels_only


def test_features_come_as_a_dict_of_columns():
    questions = number_questions(age=[1.0, 3.0, None], job=["cook", None, "nurse"])
    seen = []

    def looking(columns):
        seen.append(columns)
        return ["pos"] * 3

    opened(looking).answer(questions)
    assert seen == [{"age": [1.0, 3.0, None], "job": ["cook", None, "nurse"]}]


def test_what_it_raises_is_told_with_the_row_in_the_whole_file():
    def picky(texts):
        return [{"good": "pos", "bad": "neg"}[text.split()[0]] for text in texts]

    with pytest.raises(InvalidInputError, match=r"toy:f raised KeyError: 'no', when asked about row 6;"):
        opened(picky).answer(text_questions().take(4, 6))


def test_what_it_raises_only_for_many_rows_is_told_so():
    def one_at_a_time(texts):
        assert len(texts) == 1, "one please"
        return ["pos"]

    with pytest.raises(InvalidInputError, match="rows 3 to 6 together, though no row alone"):
        opened(one_at_a_time).answer(text_questions().take(2, 6))


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (["pos"] * 5, "got 5 for 6 rows"),
        ("pos", "got str"),
        (None, "got NoneType"),
        ({"a": 1}, "got dict"),
        (7, "got int"),
        ([*LABELS[:5], None], "row 6"),
        ([{"pos": 1.0}] * 5 + ["pos"], "got str in row 6"),
        ([{"pos": 0.2}] * 6, "sum to 1"),
        ([[0.5, float("nan")]] * 6, "row 1 must hold probabilities"),
        ([[{"label": "pos"}]] * 6, "label and score"),
        ([0.25] * 6, "is it a classifier"),
    ],
)
def test_what_is_no_answer_is_refused(given, what):
    with pytest.raises(InvalidInputError, match=what):
        opened(lambda texts: given, classes=("neg", "pos")).answer(text_questions())


def test_a_sibling_module_that_is_imported_late_is_found(tmp_path):
    (tmp_path / "callable_sibling.py").write_text("WORD = 'pos'\n", encoding="utf-8")
    body = "def answer(texts):\n    from callable_sibling import WORD\n    return [WORD] * len(texts)\n"
    model = BUILTIN["callable"].open(write_function(tmp_path, "callable_late", body), OpenOptions(tmp_path))
    assert names(model.answer(text_questions())) == ["pos"] * 6
