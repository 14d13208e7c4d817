"""Texts and categories of a tensor, from JSON and from raw bytes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serve.protocol.models import assert_clear, opened, tensor
from tritonclient.utils import serialize_byte_tensor

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.limits import LIMITS
from smallcraft.serve.protocol.opening import open_infer
from smallcraft.serve.protocol.tensors import read_tensors
from smallcraft.serve.protocol.texts import read_categories, read_texts

TEXTS = st.lists(st.text(), min_size=1, max_size=5)


def raw_tensor(raw, datatype, shape):
    entry = {"name": "a", "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [entry]}).encode()
    (read,) = read_tensors(open_infer(head + raw, json_length=b"%d" % len(head)), LIMITS)
    return read


def json_tensor(values, datatype="BYTES", shape=None):
    (read,) = read_tensors(opened(tensor("a", values, datatype, shape)), LIMITS)
    return read


@given(TEXTS)
def test_texts_come_back_whole_in_every_form(texts):
    raw = serialize_byte_tensor(np.array(texts, dtype=np.object_)).item()
    assert read_texts(raw_tensor(raw, "BYTES", [len(texts)]), LIMITS) == texts
    assert read_texts(json_tensor(texts), LIMITS) == texts
    assert read_texts(json_tensor([[text] for text in texts], shape=[len(texts), 1]), LIMITS) == texts


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\x05\x00\x00\x00abc", "element 0 of input 'a' must end inside .* reaches 2 bytes past it"),
        (b"\xff\xff\xff\xffabc", "reaches 4294967292 bytes past it"),
        (b"\x01\x00", "reaches 3 bytes past it; put each element's length"),
        (b"\x01\x00\x00\x00\xff", "element 0 of input 'a' must be UTF-8, got bytes that are not"),
        (b"\x03\x00\x00\x00\xed\xa0\x80", "must be UTF-8"),
        (b"\x00\x00\x00\x00" * 3, r"shape \[1\] must have 1 elements, got 2"),
        (b"", r"shape \[1\] must have 1 elements, got 0"),
    ],
)
def test_bytes_that_are_no_elements_are_refused(raw, message):
    with pytest.raises(InvalidInputError, match=message):
        read_texts(raw_tensor(raw, "BYTES", [1]), LIMITS)


@given(st.binary(max_size=60), st.integers(1, 4))
def test_any_bytes_are_elements_or_refused(raw, n):
    try:
        texts = read_texts(raw_tensor(raw, "BYTES", [n]), LIMITS)
    except InvalidInputError as refusal:
        assert_clear(refusal)
    else:
        assert len(texts) == n
        assert sum(4 + len(text.encode()) for text in texts) == len(raw)


@pytest.mark.parametrize("value", [None, 1, 1.5, True, {}])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(InvalidInputError, match=r"must hold texts, got .* in row 1; send a string"):
        read_texts(json_tensor(["a", value]), LIMITS)


@pytest.mark.parametrize("read", [read_texts, read_categories])
def test_nested_texts_are_refused(read):
    with pytest.raises(InvalidInputError, match=r"must have|must hold texts"):
        read(json_tensor(["a", ["b"]]), LIMITS)


def test_numbers_are_no_texts():
    with pytest.raises(InvalidInputError, match="must hold texts, got the datatype INT8; send BYTES"):
        read_texts(json_tensor([1], "INT8"), LIMITS)


@pytest.mark.parametrize(
    ("datatype", "dtype", "values"),
    [
        ("INT64", "<i8", [3, 2**60 + 1, -1]),
        ("UINT8", "u1", [0, 255, 1]),
        ("BOOL", "?", [True, False, True]),
        ("FP64", "<f8", [3.0, 0.5, float("nan")]),
    ],
)
def test_categories_have_the_spelling_of_the_training_data_in_every_form(datatype, dtype, values):
    """As `read_inputs` spells them, which learning uses too."""
    (expected,) = read_inputs({"c": values}, InputSpec(None, (), ("c",))).categories
    raw = np.array(values, dtype=dtype).tobytes()
    assert read_categories(raw_tensor(raw, datatype, [3]), LIMITS) == expected
    in_json = [None if value != value else value for value in values]
    assert read_categories(json_tensor(in_json, datatype), LIMITS) == expected


def test_a_category_may_be_missing():
    assert read_categories(json_tensor(["a", None]), LIMITS) == ["a", None]
    assert read_categories(json_tensor([None, 1], "INT8"), LIMITS) == [None, "1"]


@pytest.mark.parametrize("value", [1, 1.5, True, {}])
def test_a_category_of_bytes_that_is_no_text_is_refused(value):
    with pytest.raises(InvalidInputError, match=r"BYTES must hold texts, got .* in row 0"):
        read_categories(json_tensor([value]), LIMITS)
