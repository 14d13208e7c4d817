"""Input tensors as a bundle's columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serve.protocol.models import MIXED, NUMBERS, TEXT, asked, interface, raw_asked, tensor

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.errors import InvalidInputError

ROW = {
    "message": tensor("message", ["a", "b"]),
    "age": tensor("age", [31, 45.5], "FP64"),
    "job": tensor("job", ["nurse", None]),
    "is_new": tensor("is_new", [True, False], "BOOL"),
}


def assert_same(mine, theirs):
    assert (mine.n, mine.texts, mine.categories) == (theirs.n, theirs.texts, theirs.categories)
    np.testing.assert_array_equal(mine.numbers, theirs.numbers)
    assert mine.numbers.dtype == theirs.numbers.dtype


def test_columns_in_any_order_are_read_as_the_bundle_reads_them():
    expected = read_inputs(
        {"message": ["a", "b"], "age": [31, 45.5], "job": ["nurse", None], "is_new": [True, False]},
        MIXED.facts.spec,
    )
    assert_same(asked(MIXED, *ROW.values()).inputs, expected)
    assert_same(asked(MIXED, *reversed(ROW.values())).inputs, expected)


@given(st.lists(st.tuples(*[st.none() | st.floats(-1e300, 1e300)] * 3), min_size=1, max_size=4))
def test_numbers_together_are_the_same_as_one_by_one(rows):
    columns = dict(zip(("age", "hours", "gain"), zip(*rows, strict=True), strict=True))
    expected = read_inputs(columns, NUMBERS.facts.spec)
    flat = [value for row in rows for value in row]
    assert_same(asked(NUMBERS, tensor("features", flat, "FP64", [len(rows), 3])).inputs, expected)
    nested = [list(row) for row in rows]
    assert_same(asked(NUMBERS, tensor("features", nested, "FP64", [len(rows), 3])).inputs, expected)
    each = [tensor(name, values, "FP64") for name, values in columns.items()]
    assert_same(asked(NUMBERS, *each).inputs, expected)
    raw = np.array(rows, dtype="<f8").tobytes()
    assert_same(raw_asked(NUMBERS, "features", "FP64", [len(rows), 3], raw).inputs, expected)


@pytest.mark.parametrize("names", [("features",), ("features", "age")])
def test_a_column_that_is_called_features_can_be_asked(names):
    model = interface(InputSpec(None, names, ()))
    inputs = asked(model, *(tensor(name, [1.5, 2.0], "FP32") for name in names)).inputs
    np.testing.assert_array_equal(inputs.numbers, np.array([[1.5, 2.0]] * len(names)).T)


@pytest.mark.parametrize("left_out", sorted(ROW))
def test_a_missing_column_is_refused_by_name(left_out):
    with pytest.raises(InvalidInputError, match=f"input '{left_out}' is missing; the model reads 4 columns"):
        asked(MIXED, *(each for name, each in ROW.items() if name != left_out))


def test_a_missing_number_points_to_all_of_them_together():
    with pytest.raises(
        InvalidInputError, match=r"has 1 \(or all together as 'features' of shape \[rows, 3\]\)"
    ):
        asked(NUMBERS, tensor("age", [1.0], "FP64"))


def test_a_column_given_twice_is_refused():
    with pytest.raises(InvalidInputError, match="input 'message' must be given once, got it twice"):
        asked(TEXT, tensor("message", ["a"]), tensor("message", ["b"]))


def test_a_misspelt_column_is_refused_with_the_nearest():
    with pytest.raises(InvalidInputError, match=r"input 'mesage' is not one of .* did you mean 'message'"):
        asked(TEXT, tensor("mesage", ["a"]))


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(
        InvalidInputError, match=r"'age' must have the shape \[2\], a value for each row, got \[1\]"
    ):
        asked(MIXED, ROW["message"], tensor("age", [1.0], "FP64"))


@pytest.mark.parametrize("shape", [[2, 2], [4, 1], [1, 4], [4], [2, 0]])
def test_numbers_of_another_width_are_refused(shape):
    with pytest.raises(InvalidInputError, match=r"must stand alone and have the shape \[rows, 3\]"):
        asked(NUMBERS, tensor("features", [1.0] * 4, "FP64", shape))


def test_numbers_together_must_stand_alone():
    together = tensor("features", [1.0] * 3, "FP64", [1, 3])
    with pytest.raises(InvalidInputError, match="must stand alone"):
        asked(NUMBERS, together, tensor("age", [1.0], "FP64"))
    with pytest.raises(InvalidInputError, match="must stand alone"):
        asked(NUMBERS, together, together)
