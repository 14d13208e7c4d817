"""Texts and categories of a tensor, from JSON or from raw bytes.

Always: valid Unicode, no longer than the limit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from smallcraft.bundle.inputs import category_text
from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.datatypes import BYTES, NUMBERS
from smallcraft.serve.protocol.limits import Limits
from smallcraft.serve.protocol.messages import shown
from smallcraft.serve.protocol.numbers import read_numbers
from smallcraft.serve.protocol.tensors import RawTensor, flat_data, refuse_count

_PREFIX = 4


def read_texts(tensor: RawTensor, limits: Limits) -> list[str]:
    """The elements of a tensor of texts.

    Raises:
        InvalidInputError: It is not BYTES, an element is no text, not UTF-8 or too long, or the number of
            elements is not the shape's.
    """
    values = _bytes_elements(tensor, limits)
    for row, value in enumerate(values):
        if type(value) is not str:
            raise InvalidInputError(
                f"input {shown(tensor.name)} must hold texts, got {shown(value)} in row {row}; send a string"
            )
    return values


def read_categories(tensor: RawTensor, limits: Limits) -> list[str | None]:
    """The elements of a tensor of categories in their one spelling; None where missing.

    Whole numbers and truth values are categories too: `true`, and 3 or 3.0 as `3`, as in the training data.

    Raises:
        InvalidInputError: As `read_texts`.
    """
    if tensor.datatype == BYTES:
        values = _bytes_elements(tensor, limits)
        for row, value in enumerate(values):
            if value is not None and type(value) is not str:
                raise InvalidInputError(
                    f"input {shown(tensor.name)} of datatype BYTES must hold texts, got {shown(value)} "
                    f"in row {row}; send a string, or null when unknown"
                )
        return values
    return [None if value is None else category_text(value) for value in _typed_values(tensor)]


def _typed_values(tensor: RawTensor) -> list[Any]:
    """Numbers and truth values as Python has them, None where missing."""
    datatype = NUMBERS[tensor.datatype]
    checked = read_numbers(tensor)
    if datatype.is_float:
        return [None if value != value else value for value in checked.tolist()]
    if tensor.data is None:
        # Not from float64: a long whole number must keep its last digits.
        return list(np.frombuffer(tensor.body, datatype.dtype, tensor.size, tensor.start).tolist())
    data = flat_data(tensor)
    whole = bool if datatype.name == "BOOL" else int
    return [None if value is None else whole(value) for value in data]


def _bytes_elements(tensor: RawTensor, limits: Limits) -> list[Any]:
    if tensor.datatype != BYTES:
        raise InvalidInputError(
            f"input {shown(tensor.name)} must hold texts, got the datatype {tensor.datatype}; send BYTES"
        )
    values = _unpack(tensor) if tensor.data is None else flat_data(tensor)
    for row, value in enumerate(values):
        if type(value) is str and len(value) > limits.characters:
            raise InvalidInputError(
                f"a text of input {shown(tensor.name)} must have at most {limits.characters:,} characters, "
                f"got {len(value):,} in row {row}; shorten it"
            )
    return values


def _unpack(tensor: RawTensor) -> list[Any]:
    """Elements that each come after their length in four little-endian bytes."""
    body, at, stop = tensor.body, tensor.start, tensor.stop
    values: list[str] = []
    while at < stop and len(values) <= tensor.size:
        begin = at + _PREFIX
        at = begin + int.from_bytes(body[at:begin], "little")
        if begin > stop or at > stop:
            raise InvalidInputError(
                f"element {len(values)} of input {shown(tensor.name)} must end inside its binary_data_size, "
                f"got a length that reaches {max(at, begin) - stop} bytes past it; "
                "put each element's length in four little-endian bytes before it"
            )
        try:
            values.append(body[begin:at].decode("utf-8"))
        except UnicodeDecodeError as error:
            raise InvalidInputError(
                f"element {len(values)} of input {shown(tensor.name)} must be UTF-8, got bytes that are not "
                f"({error.reason} at byte {error.start}); encode it as UTF-8"
            ) from error
    if len(values) != tensor.size or at != stop:
        raise refuse_count(tensor, len(values))
    return values
