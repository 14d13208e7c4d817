"""Rows that people send."""

from __future__ import annotations

import numpy as np
import pytest
from tests.serve.protocol.models import MIXED, NUMBERS, TEXT, interface, predicted

from smallcraft.bundle.inputs import InputSpec
from smallcraft.errors import InvalidInputError

ROW = {"message": "a", "age": 31, "job": "nurse", "is_new": True}


@pytest.mark.parametrize(
    "content", [{"text": "hi"}, {"message": "hi"}, {"rows": ["hi"]}, {"rows": [{"text": "hi"}]}]
)
def test_a_text_may_be_sent_in_several_ways(content):
    assert predicted(TEXT, content).inputs.texts == ["hi"]


def test_the_form_of_the_reply_follows_the_question():
    assert predicted(TEXT, {"text": "a"}).form == "row"
    assert predicted(TEXT, {"rows": ["a"]}).form == "rows"


def test_columns_are_read_by_name_and_others_are_ignored():
    inputs = predicted(MIXED, {"rows": [ROW | {"region": "north"}, ROW | {"age": None, "job": None}]}).inputs
    assert inputs.texts == ["a", "a"]
    np.testing.assert_array_equal(inputs.numbers, [[31.0], [np.nan]])
    assert inputs.categories == (["nurse", None], ["true", "true"])


def test_a_number_may_be_a_category():
    assert predicted(MIXED, ROW | {"job": 3.0, "is_new": 0.5}).inputs.categories == (["3"], ["0.5"])


def test_a_column_that_is_called_text_is_not_the_text():
    model = interface(InputSpec("message", (), ("text",)))
    with pytest.raises(InvalidInputError, match="column 'message' is missing; it has 'text'"):
        predicted(model, {"text": "a"})


def test_parameters_say_who_asks():
    assert predicted(TEXT, {"text": "a", "parameters": {"key": "k", "head": "h"}}).key == "k"


@pytest.mark.parametrize(
    ("model", "content", "message"),
    [
        (TEXT, {"mesage": "a"}, "column 'message' is missing; it has 'mesage' - did you mean 'mesage'"),
        (TEXT, {"parameters": {}}, "column 'message' is missing; it has none"),
        (TEXT, {"text": 3}, "column 'message' must be a string, got 3; put the text in quotes"),
        (TEXT, {"text": None}, "column 'message' must be a string, got null"),
        (TEXT, {"rows": "hi"}, "rows must be a list of 1 to 256 rows, got 'hi'"),
        (TEXT, {"rows": []}, "rows must be a list of 1 to 256 rows, got 0"),
        (TEXT, {"rows": [3]}, 'row 0 must be a JSON object of columns, got 3; write {"message"'),
        (MIXED, {"rows": [ROW, {}]}, "column 'age' is missing in row 1; it has none"),
        (MIXED, {"rows": ["hi"]}, "row 0 must be a JSON object of columns, got 'hi'"),
        (MIXED, ROW | {"age": "31"}, "column 'age' must be a number, got '31'; write it without quotes"),
        (MIXED, ROW | {"age": [1]}, r"column 'age' must be a number, got \[1\]"),
        (MIXED, ROW | {"job": ["nurse"]}, "column 'job' must be a string, a number or true or false"),
        (MIXED, ROW | {"job": "n" * 40_000}, "column 'job' must have at most 32,768 characters, got 40,000"),
        (NUMBERS, {"text": "a"}, "column 'age' is missing; it has 'text'"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_the_remedy(model, content, message):
    with pytest.raises(InvalidInputError, match=message):
        predicted(model, content)
