"""How much a request may ask."""

from __future__ import annotations

import pytest
from tests.serve.protocol.models import NUMBERS, TEXT, opened, predicted, tensor

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.limits import LIMITS, Limits
from smallcraft.serve.protocol.reading import read_question


def test_a_request_at_the_limits_is_read():
    texts = ["x" * LIMITS.characters] * LIMITS.rows
    assert read_question(opened(tensor("message", texts)), TEXT).inputs.n == LIMITS.rows


@pytest.mark.parametrize("rows", [0, 3])
def test_rows_beyond_the_limits_are_refused_with_the_remedy(rows):
    request = opened(tensor("features", [1.0] * 3 * rows, "FP64", [rows, 3]))
    with pytest.raises(
        InvalidInputError, match=r"1 to 2 rows, got \[\d, 3\]; ask about more rows in several"
    ):
        read_question(request, NUMBERS, Limits(rows=2))


def test_tensors_beyond_the_limit_are_refused_before_they_are_read():
    request = opened(*[{"name": "no tensor"}] * 3)
    with pytest.raises(InvalidInputError, match="at most 2 inputs, got 3; send each column once"):
        read_question(request, NUMBERS, Limits(tensors=2))


def test_plain_rows_beyond_the_limits_are_refused():
    with pytest.raises(InvalidInputError, match="1 to 256 rows, got 257; send several requests"):
        predicted(TEXT, {"rows": ["x"] * 257})


def test_a_text_beyond_the_limit_is_refused_in_every_form():
    limits = Limits(characters=5)
    with pytest.raises(InvalidInputError, match="at most 5 characters, got 6 in row 1; shorten it"):
        read_question(opened(tensor("message", ["short", "longer"])), TEXT, limits)
