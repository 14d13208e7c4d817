"""Numbers of a tensor, from JSON or from raw bytes, as float64.

JSON is packed by `struct`, which is three times as fast as numpy on lists of this length and takes nothing
but numbers; a tensor's datatype rounds both forms alike, so both get the same answer.
Always: finite, or NaN for a missing value (`null`, or NaN in raw bytes).
"""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.datatypes import NUMBERS, Datatype
from smallcraft.serve.protocol.messages import shown
from smallcraft.serve.protocol.tensors import RawTensor, flat_data, refuse_count

_FLOAT64 = np.dtype(np.float64)


def read_numbers(tensor: RawTensor) -> NDArray[np.float64]:
    """The elements of a tensor of numbers, `(rows * columns,)` in row-major order.

    Args:
        tensor: Of any datatype.

    Raises:
        InvalidInputError: It holds texts, a value does not fit the datatype or is infinite, or the number
            of elements is not the shape's.
    """
    datatype = NUMBERS.get(tensor.datatype)
    if datatype is None:
        raise InvalidInputError(
            f"input {shown(tensor.name)} must hold numbers, got the datatype {tensor.datatype}; send FP64"
        )
    return _from_bytes(tensor, datatype) if tensor.data is None else _from_json(tensor, datatype)


def _from_bytes(tensor: RawTensor, datatype: Datatype) -> NDArray[np.float64]:
    size = tensor.rows * tensor.columns
    if tensor.stop - tensor.start != size * datatype.size_bytes:
        raise InvalidInputError(
            f"input {shown(tensor.name)} of shape {tensor.shape} and datatype {datatype.name} must have "
            f"{size * datatype.size_bytes} raw bytes, got {tensor.stop - tensor.start}; correct one of them"
        )
    if datatype.name == "BOOL":
        _refuse_other_than_bits(tensor)
    values: NDArray[np.float64] = np.frombuffer(tensor.body, datatype.dtype, size, tensor.start)
    # Raw tensors begin wherever the JSON ended; arithmetic wants them aligned.
    if datatype.dtype is not _FLOAT64 or not values.flags.aligned:
        values = values.astype(_FLOAT64)
    if datatype.is_float and not _are_finite_or_missing(values, datatype):
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise InvalidInputError(
            f"input {shown(tensor.name)} must hold finite numbers, got {values[row]} at element {row}; "
            "send NaN for an unknown one"
        )
    return values


def _are_finite_or_missing(values: NDArray[np.float64], datatype: Datatype) -> bool:
    # One product tells most tensors apart; it must not overflow, which numpy would warn about.
    if datatype.squares_fit and math.isfinite(values.dot(values)):
        return True
    return not np.logical_or.reduce(np.isinf(values))


def _refuse_other_than_bits(tensor: RawTensor) -> None:
    raw = np.frombuffer(tensor.body, np.uint8, tensor.size, tensor.start)
    if raw.max(initial=0) > 1:
        element = int(np.flatnonzero(raw > 1)[0])
        raise InvalidInputError(
            f"input {shown(tensor.name)} of datatype BOOL must have bytes of 0 and 1, got {raw[element]} "
            f"at element {element}; send UINT8 for other numbers"
        )


def _from_json(tensor: RawTensor, datatype: Datatype) -> NDArray[np.float64]:
    data = flat_data(tensor) if tensor.dimensions > 1 else tensor.data
    assert data is not None
    if len(data) != tensor.size:
        raise refuse_count(tensor, len(data))
    try:
        if datatype.name == "BOOL":
            _refuse_other_than_truths(data)
        packed = struct.pack(f"<{len(data)}{datatype.code}", *data)
    except (struct.error, OverflowError, TypeError):
        return _with_missing(tensor, data, datatype)
    return np.frombuffer(packed, datatype.dtype).astype(_FLOAT64, copy=False)


def _refuse_other_than_truths(data: list[object]) -> None:
    # `struct` would take the truth of anything at all.
    if not all(value in (False, True) for value in data):
        raise TypeError


def _with_missing(tensor: RawTensor, data: list[object], datatype: Datatype) -> NDArray[np.float64]:
    """Values one by one: null is missing; the first that does not fit is named."""
    values = np.full(len(data), np.nan)
    one = struct.Struct(f"<{datatype.code}")
    for place, value in enumerate(data):
        if value is None:
            continue
        try:
            if datatype.name == "BOOL":
                _refuse_other_than_truths([value])
            (values[place],) = one.unpack(one.pack(value))
        except (struct.error, OverflowError, TypeError) as error:
            raise InvalidInputError(
                f"input {shown(tensor.name)} must hold values of {datatype.name}, got {shown(value)} at "
                f"element {place}; convert it, or write null when unknown"
            ) from error
    return values
