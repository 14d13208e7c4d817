"""Laws of canonical JSON and digests: RFC 8785's own vectors, one byte string a value, refusals."""

from __future__ import annotations

import enum
import hashlib
import json
import math
import struct
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import canonical_json, digest_bytes, digest_file, digest_value, plain
from smallcraft.errors import InvalidInputError

# RFC 8785, appendix B: the bits of a double and its JSON form.
RFC_NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


class Colour(enum.StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Point:
    x: float
    tags: tuple[str, ...] = ()


@pytest.mark.parametrize("bits", RFC_NUMBERS)
def test_numbers_are_written_as_rfc_8785_writes_them(bits):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(number).decode() == RFC_NUMBERS[bits]


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_numbers_that_json_lacks_are_refused_with_the_remedy(bits):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(InvalidInputError, match=r"finite numbers only, got .*write None for 'not measured'"):
        canonical_json(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_to_the_same_bits(number):
    back = float(canonical_json(number))
    assert back == number
    assert math.copysign(1, back) == math.copysign(1, number) or number == 0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_of_an_array_is_written_as_the_plain_number(number):
    assert canonical_json(np.float64(number)) == canonical_json(number)


def test_keys_are_sorted_by_utf16_code_units_as_in_rfc_8785():
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    written = json.loads(canonical_json(dict.fromkeys(keys)), object_pairs_hook=list)
    assert [key for key, _ in written] == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_text_is_escaped_as_in_rfc_8785():
    text = '\u20ac$\u000f\u000aA\'B"\\\\"/'
    assert canonical_json(text) == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()
    assert canonical_json("\x00\x1f\x7f\b\f\t\r") == b'"\\u0000\\u001f\x7f\\b\\f\\t\\r"'


def test_the_whole_sample_of_rfc_8785_is_written_as_there():
    sample = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert canonical_json(sample).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@given(json_values)
def test_a_value_reads_back_equal(value):
    assert json.loads(canonical_json(value), parse_int=float) == json.loads(
        json.dumps(value), parse_int=float
    )


@given(json_values)
def test_writing_what_was_read_gives_the_same_bytes(value):
    once = canonical_json(value)
    assert canonical_json(json.loads(once, parse_int=float)) == once


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 9)))
def test_the_order_of_keys_does_not_matter(value):
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


def test_records_enums_and_tuples_are_unfolded():
    value = {"point": Point(1.0, ("a",)), "colour": Colour.RED}
    assert canonical_json(value) == b'{"colour":"red","point":{"tags":["a"],"x":1}}'
    assert plain(value) == {"point": {"x": 1.0, "tags": ["a"]}, "colour": "red"}


@pytest.mark.parametrize("value", [b"x", bytearray(b"x"), object(), 1j, Point, {"a": [object()]}])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(InvalidInputError, match=r"canonical JSON holds .*; convert it first"):
        canonical_json(value)


@pytest.mark.parametrize("value", [{"a", "b"}, frozenset({"a"})])
def test_a_set_is_refused_for_it_has_no_order(value):
    with pytest.raises(InvalidInputError, match="convert it first"):
        canonical_json(value)


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 10**30])
def test_an_integer_that_a_double_cannot_hold_is_refused(number):
    with pytest.raises(
        InvalidInputError, match=rf"past 2\*\*53 is not exact in JSON, got {number}; pass it as"
    ):
        canonical_json([number])
    assert canonical_json(2**53) == b"9007199254740992"


@pytest.mark.parametrize("value", ["a\ud800", {"\udc00": 1}, ["\ud83d"]])
def test_a_lone_surrogate_is_refused_in_text_and_in_keys(value):
    with pytest.raises(InvalidInputError, match="must be valid Unicode, got a lone surrogate at"):
        canonical_json(value)


@pytest.mark.parametrize("key", [1, None, ("a",), True])
def test_a_key_that_is_no_text_is_refused(key):
    with pytest.raises(InvalidInputError, match="a JSON key must be a string, got"):
        canonical_json({key: 1})


def test_a_digest_is_that_of_the_canonical_bytes():
    value = {"b": 1.0, "a": "ö"}
    expected = hashlib.sha256('{"a":"ö","b":1}'.encode()).hexdigest()
    assert digest_value(value) == f"sha256:{expected}"


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_a_file_has_the_digest_of_its_bytes(tmp_path, size):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    file = tmp_path / "data"
    file.write_bytes(data)
    assert digest_file(file) == digest_bytes(data) == f"sha256:{hashlib.sha256(data).hexdigest()}"


@given(json_values, json_values)
def test_values_share_a_digest_exactly_when_they_are_written_alike(one, other):
    assert (digest_value(one) == digest_value(other)) == (canonical_json(one) == canonical_json(other))
