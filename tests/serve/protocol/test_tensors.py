"""Input tensors: name, datatype, shape, and where their bytes are."""

from __future__ import annotations

import json

import pytest
from tests.serve.protocol.models import opened, tensor

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.limits import LIMITS
from smallcraft.serve.protocol.opening import open_infer
from smallcraft.serve.protocol.tensors import flat_data, read_tensors


def raw(*sizes, body, **fields):
    entries = [
        {"name": f"a{n}", "shape": [1], "datatype": "INT8", "parameters": {"binary_data_size": size}} | fields
        for n, size in enumerate(sizes)
    ]
    head = json.dumps({"inputs": entries}).encode()
    return open_infer(head + body, json_length=b"%d" % len(head))


def test_raw_tensors_follow_each_other():
    first, second, third = read_tensors(raw(2, 0, 3, body=b"abcde"), LIMITS)
    assert [each.body[each.start : each.stop] for each in (first, second, third)] == [b"ab", b"", b"cde"]
    assert first.data is None


def test_json_and_raw_tensors_may_stand_together():
    entries = [
        tensor("a", [1], "INT8"),
        {"name": "b", "shape": [1], "datatype": "INT8", "parameters": {"binary_data_size": 1}},
    ]
    head = json.dumps({"inputs": entries}).encode()
    first, second = read_tensors(open_infer(head + b"\x05", json_length=b"%d" % len(head)), LIMITS)
    assert (first.data, second.body[second.start : second.stop]) == ([1], b"\x05")


def test_bytes_that_belong_to_no_tensor_are_refused():
    with pytest.raises(InvalidInputError, match="it has 3 bytes there, got binary_data_size of 2 in all"):
        read_tensors(raw(2, body=b"abc"), LIMITS)
    body = json.dumps({"inputs": [tensor("a", [1], "INT8")]}).encode()
    with pytest.raises(InvalidInputError, match="it has 1 bytes there, got binary_data_size of 0"):
        read_tensors(open_infer(body + b" ", json_length=b"%d" % len(body)), LIMITS)


def test_a_tensor_beyond_the_body_is_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match="binary_data_size 9 with 2 bytes left; set Inference-Header"):
        read_tensors(raw(9, body=b"ab"), LIMITS)
    huge = raw(2**63 - 1, body=b"ab")
    with pytest.raises(InvalidInputError, match="binary_data_size 9223372036854775807 with 2 bytes left"):
        read_tensors(huge, LIMITS)


def test_raw_bytes_without_the_header_are_refused():
    entry = {"name": "a", "shape": [1], "datatype": "INT8", "parameters": {"binary_data_size": 1}}
    with pytest.raises(InvalidInputError, match="1 with 0 bytes left; set Inference-Header-Content-Length"):
        read_tensors(opened(entry), LIMITS)


@pytest.mark.parametrize("inputs", [None, [], {}, "a", 0])
def test_inputs_that_are_no_list_are_refused(inputs):
    with pytest.raises(InvalidInputError, match="inputs must be a list of tensors, got"):
        read_tensors(open_infer(json.dumps({"inputs": inputs}).encode()), LIMITS)


GOOD = {"name": "a", "shape": [1], "datatype": "INT8", "data": [1]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": None}, "must have a name, got null"),
        ({"name": ["a"]}, "must have a name, got"),
        (
            {"datatype": "INT4"},
            "datatype of input 'a' must be one of BOOL, .*BYTES, got 'INT4'; texts are BYTES",
        ),
        ({"datatype": "BF16"}, "got 'BF16'"),
        ({"datatype": ["INT8"]}, r"got \['INT8'\]"),
        ({"datatype": None}, "got null"),
        ({"shape": []}, r"1 to 256 rows, got \[\]"),
        ({"shape": [1, 1, 1]}, "got"),
        ({"shape": [-1]}, r"got \[-1\]"),
        ({"shape": [1, -1]}, r"got \[1, -1\]"),
        ({"shape": [True]}, "got"),
        ({"shape": [1.0]}, r"got \[1.0\]"),
        ({"shape": [2**64]}, "got"),
        ({"shape": [2**63, 2**63]}, "got"),
        ({"shape": 1}, "got 1"),
        ({"shape": None}, "got null"),
        ({"data": "a"}, "must have a list as data, or raw bytes after the JSON, got 'a'"),
        ({"data": {}}, "must have a list as data"),
        ({"data": None}, "must have data, or binary_data_size .* got neither"),
        ({"parameters": []}, "parameters of input 'a' must be a JSON object"),
        ({"parameters": {"binary_data_size": -1}}, "must be a number of bytes, got -1"),
        ({"parameters": {"binary_data_size": 1.0}}, "must be a number of bytes, got 1.0"),
        ({"parameters": {"binary_data_size": True}}, "must be a number of bytes, got true"),
        ({"parameters": {"binary_data_size": 1}}, "got both; choose one"),
        (
            {"parameters": {"shared_memory_region": "r"}},
            "must come in the request, got a shared memory region",
        ),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(change, message):
    with pytest.raises(InvalidInputError, match=message):
        read_tensors(opened(GOOD | change), LIMITS)


@pytest.mark.parametrize("entry", [None, [], "a", 1])
def test_an_input_that_is_no_object_is_refused(entry):
    with pytest.raises(InvalidInputError, match="an input must be a JSON object, got"):
        read_tensors(opened(entry), LIMITS)


def test_parameters_that_are_not_known_are_ignored():
    (read,) = read_tensors(opened(GOOD | {"parameters": {"content_type": "np"}}), LIMITS)
    assert read.data == [1]


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_elements_are_flat_or_a_list_a_row(data):
    (read,) = read_tensors(opened(tensor("a", data, "INT8", [2, 2])), LIMITS)
    assert flat_data(read) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1, 2, 3], "must have 4 elements, got 3"),
        ([[1, 2]], "must have 4 elements, got 1"),
        ([[1, 2], [3]], "must have lists of 2 elements, got .* in row 1"),
        ([[1, 2], 3], "must have lists of 2 elements, got 3 in row 1"),
        ([[1, 2], None], "got null in row 1"),
        ([], "must have 4 elements, got 0"),
    ],
)
def test_elements_of_another_shape_are_refused(data, message):
    (read,) = read_tensors(opened(tensor("a", data, "INT8", [2, 2])), LIMITS)
    with pytest.raises(InvalidInputError, match=message):
        flat_data(read)
