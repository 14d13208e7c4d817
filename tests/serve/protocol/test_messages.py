"""Responses and refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.errors import (
    IntegrityError,
    InvalidInputError,
    MissingPartError,
    NotFoundError,
    SmallcraftError,
)
from smallcraft.serve.protocol.messages import json_message, one_of, refusal_of, shown, write_refusal
from smallcraft.serve.questions import Refusal


def test_a_message_says_how_long_its_body_is():
    message = json_message({"values": np.array([0.5, 1.0])}, headers=[(b"x-arm", b"stable")])
    assert json.loads(message.body) == {"values": [0.5, 1.0]}
    assert dict(message.headers) == {
        b"content-type": b"application/json",
        b"content-length": b"%d" % len(message.body),
        b"x-arm": b"stable",
    }


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInputError("a"), 400),
        (NotFoundError("a"), 404),
        (MissingPartError("a"), 501),
        (SmallcraftError("a"), 500),
    ],
)
def test_an_error_has_the_status_of_who_can_mend_it(error, status):
    assert refusal_of(error).status == status


def test_what_broke_inside_is_not_told_to_clients():
    assert "/srv/models" not in refusal_of(IntegrityError("/srv/models/a does not match")).message


@settings(max_examples=50)
@given(st.text())
def test_any_refusal_is_valid_json_with_an_error(text):
    message = write_refusal(Refusal(503, text + "\ud800", {"Retry-After": "1"}))
    assert set(json.loads(message.body)) == {"error"}
    assert (b"retry-after", b"1") in message.headers
    assert message.status == 503


@settings(max_examples=30)
@given(st.recursive(st.none() | st.booleans() | st.text() | st.integers(), st.lists, max_leaves=20))
def test_what_a_client_sent_is_shown_in_few_characters(value):
    assert len(shown(value)) < 400


def test_a_name_that_is_not_known_is_answered_with_the_nearest():
    assert one_of("mesage", ["message"]) == "it has 'message' - did you mean 'message'?"
    assert one_of("x", []) == "it has none"
    assert one_of("a" * 10_000, [f"column {number}" for number in range(20)]).endswith("and 12 more")
