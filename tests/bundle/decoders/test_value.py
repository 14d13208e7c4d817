"""Numbers and their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smallcraft.bundle.decoders.value import Value
from smallcraft.errors import BundleFormatError

VALUES = np.array([[1.0], [-2.5]])


def test_the_value_is_the_answer_and_the_interval_has_one_width():
    found = Value(0.5, 0.9).decide(VALUES, ("hours",))
    assert found.labels == (1.0, -2.5)
    assert found.low.tolist() == [0.5, -3.0]
    assert found.high.tolist() == [1.5, -2.0]
    assert found.confidence is None


def test_without_a_width_there_is_no_interval():
    found = Value().decide(VALUES, ("hours",))
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize(
    "change",
    [
        *({"half_width": value} for value in (-1, math.nan, math.inf, "x")),
        *({"coverage": value} for value in (0, 1, 90, "x")),
    ],
    ids=str,
)
def test_a_value_out_of_its_range_is_refused(change):
    with pytest.raises(BundleFormatError, match="a half width of 0 or more and a coverage in"):
        Value.read(Value(1.0, 0.9).describe() | change)


def test_a_description_without_its_numbers_is_refused():
    with pytest.raises(BundleFormatError, match="a decision for a value wants"):
        Value.read({"kind": "value"})
