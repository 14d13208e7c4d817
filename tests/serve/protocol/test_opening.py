"""Bodies, opened: who asks, and which head."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serve.protocol.models import assert_clear

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.opening import open_infer, open_predict


def test_a_request_says_who_asks_and_which_head():
    opened = open_infer(b'{"id": "42", "parameters": {"key": "customer-7", "head": "intent"}}', key=b"other")
    assert (opened.id, opened.key, opened.head, opened.form) == ("42", "customer-7", "intent", "tensors")


def test_the_header_says_who_asks_when_the_body_does_not():
    assert open_infer(b"{}", key="jürgen".encode()).key == "jürgen"
    assert open_predict(b'{"parameters": null}', key=b"a").key == "a"
    assert open_infer(b'{"parameters": {"key": 7}}').key == "7"


@pytest.mark.parametrize("body", [b"{}", b'{"parameters": {"key": ""}}'])
def test_an_empty_key_is_nobody_in_particular(body):
    assert open_infer(body, key=b"").key is None


def test_a_plain_request_is_one_row_or_several():
    assert open_predict(b'{"text": "a"}').form == "row"
    assert open_predict(b'{"rows": []}').form == "rows"


def test_raw_tensors_begin_where_the_header_says():
    opened = open_infer(b'{"id": "a"}\x00\xff{', json_length=b"11")
    assert (opened.id, opened.binary_at) == ("a", 11)


@pytest.mark.parametrize("length", [b"-1", b"99", b"", b" 3", b"1_0", b"+3", b"9" * 5000, b"\xff"])
def test_a_length_that_is_none_is_refused(length):
    with pytest.raises(InvalidInputError, match="a number of bytes up to the body's 2, got"):
        open_infer(b"{}", json_length=length)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b"{", b"{} {}", b"[" * 100_000, b'{"a":' * 50_000, b'{"a": NaN}', b'{"a": 1e999}'),
        *(b'{"a": "\\ud800"}', b'{"a": "\xed\xa0\x80"}', b"{'a': 1}", b'{"a": Infinity}', b"\x00" * 100),
    ],
)
def test_what_is_no_json_is_refused_with_the_remedy(body):
    with pytest.raises(
        InvalidInputError, match=r"must be JSON in UTF-8, got something else .*write null, not NaN"
    ):
        open_infer(body)


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true"])
def test_json_that_is_no_object_is_refused(body):
    with pytest.raises(InvalidInputError, match="must be a JSON object, got"):
        open_predict(body)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"parameters": []}, r"parameters must be a JSON object, got \[\]"),
        ({"parameters": {"key": 1.5}}, "parameters.key must be a string of at most 256 characters, got 1.5"),
        (
            {"parameters": {"key": True}},
            "parameters.key must be a string of at most 256 characters, got true",
        ),
        ({"parameters": {"key": "k" * 257}}, "at most 256 characters, got one of 257; shorten it"),
        ({"parameters": {"head": 3}}, "parameters.head must be a string"),
        ({"id": 42}, "id must be a string"),
        ({"id": "i" * 1000}, "id must be a string of at most 256 characters, got one of 1000"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(fields, message):
    with pytest.raises(InvalidInputError, match=message):
        open_infer(json.dumps(fields).encode())


def test_a_key_in_a_header_that_is_no_text_is_refused():
    with pytest.raises(InvalidInputError, match=r"x-key must be UTF-8, got b'\\xff'; encode it so"):
        open_infer(b"{}", key=b"\xff")
    with pytest.raises(InvalidInputError, match="x-key must be a string of at most 256"):
        open_infer(b"{}", key=b"k" * 300)


@given(st.binary(), st.none() | st.binary(max_size=4), st.none() | st.binary(max_size=9))
def test_any_bytes_are_opened_or_refused(body, json_length, key):
    for opening in (
        lambda: open_infer(body, json_length=json_length, key=key),
        lambda: open_predict(body, key=key),
    ):
        try:
            opened = opening()
        except InvalidInputError as refusal:
            assert_clear(refusal)
        else:
            assert 0 <= opened.binary_at <= len(body)
