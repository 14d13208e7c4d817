"""Numbers of a tensor, from JSON and from raw bytes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.serve.protocol.models import assert_clear, opened, tensor

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.datatypes import NUMBERS
from smallcraft.serve.protocol.limits import LIMITS
from smallcraft.serve.protocol.numbers import read_numbers
from smallcraft.serve.protocol.opening import open_infer
from smallcraft.serve.protocol.tensors import read_tensors


def from_json(values, datatype, shape=None):
    (read,) = read_tensors(opened(tensor("a", values, datatype, shape)), LIMITS)
    return read_numbers(read)


def from_bytes(raw, datatype, shape, padding=0):
    entry = {"name": "a", "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [entry]}).encode() + b" " * padding
    (read,) = read_tensors(open_infer(head + raw, json_length=b"%d" % len(head)), LIMITS)
    return read_numbers(read)


def finite(dtype):
    return {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}


@given(st.data(), st.sampled_from(sorted(NUMBERS)), st.integers(0, 7))
def test_json_and_raw_bytes_of_any_datatype_give_numpys_values(data, datatype, padding):
    dtype = NUMBERS[datatype].dtype
    values = data.draw(
        arrays.arrays(dtype, st.integers(1, 9), elements=arrays.from_dtype(dtype, **finite(dtype)))
    )
    expected = values.astype(np.float64)
    read = from_bytes(values.tobytes(), datatype, [len(values)], padding)
    np.testing.assert_array_equal(read, expected)
    assert read.dtype == np.float64
    assert read.flags.aligned
    np.testing.assert_array_equal(from_json(values.tolist(), datatype), expected)


@given(st.floats(allow_nan=False, allow_infinity=False, width=64).filter(lambda x: abs(x) < 3e38))
def test_a_datatype_rounds_json_as_it_rounds_raw_bytes(value):
    raw = np.array([value], dtype="<f4").tobytes()
    assert from_json([value], "FP32") == from_bytes(raw, "FP32", [1])


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "UINT64", "BOOL"])
def test_null_is_missing(datatype):
    read = from_json([None, True, None, 0], datatype)
    np.testing.assert_array_equal(read, [np.nan, 1.0, np.nan, 0.0])


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_nan_in_raw_bytes_is_missing(datatype):
    raw = np.array([np.nan, 1.5], dtype=NUMBERS[datatype].dtype).tobytes()
    np.testing.assert_array_equal(from_bytes(raw, datatype, [2]), [np.nan, 1.5])


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
@pytest.mark.parametrize("others", [[1.0, 2.0], [np.nan, 2.0], [-np.inf, 1.0]])
def test_an_infinite_number_is_refused_whatever_stands_beside_it(datatype, others):
    raw = np.array([*others, np.inf], dtype=NUMBERS[datatype].dtype).tobytes()
    with pytest.raises(InvalidInputError, match=r"must hold finite numbers, got -?inf at element"):
        from_bytes(raw, datatype, [3])


@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_the_largest_numbers_are_finite(datatype):
    largest = np.full(64, np.finfo(NUMBERS[datatype].dtype).max)
    np.testing.assert_array_equal(from_bytes(largest.tobytes(), datatype, [64]), largest)


@pytest.mark.parametrize(
    ("values", "datatype"),
    [
        *(([1e39], "FP32"), ([70000.0], "FP16"), ([128], "INT8"), ([-1], "UINT8"), ([2**63], "INT64")),
        *((["1"], "FP64"), ([[1.0]], "FP64"), ([{}], "FP64"), ([1.5], "INT32"), ([2.0], "INT64")),
        *(([2], "BOOL"), (["true"], "BOOL"), ([[]], "BOOL"), ([0.5], "BOOL")),
    ],
)
def test_a_value_that_does_not_fit_its_datatype_is_refused_by_its_place(values, datatype):
    with pytest.raises(
        InvalidInputError, match=f"values of {datatype}, got .* at element 1; convert it|must have"
    ):
        from_json([0, *values], datatype)


def test_the_wrong_number_of_elements_is_refused():
    with pytest.raises(InvalidInputError, match=r"of shape \[2\] must have 2 elements, got 3"):
        from_json([1, 2, 3], "INT8", [2])
    with pytest.raises(
        InvalidInputError, match=r"shape \[2\] and datatype INT16 must have 4 raw bytes, got 3"
    ):
        from_bytes(b"abc", "INT16", [2])


def test_a_truth_is_a_byte_of_0_or_1():
    with pytest.raises(InvalidInputError, match="bytes of 0 and 1, got 2 at element 1; send UINT8"):
        from_bytes(b"\x01\x02", "BOOL", [2])


def test_texts_are_no_numbers():
    with pytest.raises(InvalidInputError, match="must hold numbers, got the datatype BYTES; send FP64"):
        from_json(["1"], "BYTES")


ANYTHING = st.floats() | st.integers() | st.none() | st.text() | st.booleans() | st.lists(st.none())


@given(st.lists(ANYTHING, min_size=1), st.sampled_from(sorted(NUMBERS)))
def test_any_elements_are_finite_missing_or_refused(values, datatype):
    values = [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]
    try:
        read = from_json(values, datatype)
    except InvalidInputError as refusal:
        assert_clear(refusal)
    else:
        assert not np.isinf(read).any()
