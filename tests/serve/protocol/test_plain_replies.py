"""Replies for people."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from tests.serve.protocol.models import LABELS, PRICED, PRICES, SAID, TAGGED, TAGS, TEXT

from smallcraft.serve.protocol.plain_replies import plain_content
from smallcraft.serve.protocol.schemas import standalone


def test_a_row_says_the_answer_how_sure_it_is_and_what_else_it_might_be():
    assert plain_content(LABELS, TEXT, arm="stable", is_one=True) == {
        "label": "card: lost",
        "confidence": 0.7,
        "alternatives": [
            {"label": "größe", "probability": 0.2},
            {"label": "cancel", "probability": 0.1},
        ],
        "abstained": False,
        "escalated": False,
        "release": "helpdesk@3",
        "arm": "stable",
    }


def test_an_abstention_says_what_it_might_be():
    unsure = plain_content(LABELS, TEXT, arm="canary", is_one=False)["rows"][1]
    assert (unsure["label"], unsure["abstained"], unsure["escalated"]) == (None, True, True)
    assert [each["label"] for each in unsure["alternatives"]] == ["cancel", "card: lost", "größe"]


def test_several_labels_are_a_list_and_none_of_them_is_an_alternative():
    row = plain_content(TAGGED, TAGS, arm="stable", is_one=True)
    assert row["labels"] == ["card: lost", "größe"]
    assert row["alternatives"] == [{"label": "cancel", "probability": 0.1}]


def test_a_number_has_an_interval():
    row = plain_content(PRICED, PRICES, arm="stable", is_one=True)
    assert (row["low"], row["value"], row["high"]) == (8.0, 10.0, 12.0)


@pytest.mark.parametrize("is_one", [True, False])
@pytest.mark.parametrize("task", SAID)
def test_a_reply_is_what_its_schema_says(task, is_one):
    model, reply = SAID[task]
    content = plain_content(reply, model, arm="stable", is_one=is_one)
    Draft202012Validator(standalone("predict_reply")).validate(content)
