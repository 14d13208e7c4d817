"""The input tensors of a request, each with its name, datatype and shape checked and its bytes found.

Leaves to others: the elements (`numbers`, `texts`), and whether the model has such a column (`columns`).
Always: raw tensors follow each other without gaps or overlaps and end where the body ends.
Source: open-inference-protocol, "Inference Request JSON Object"; Triton's `extension_binary_data`.
Not covered: shared memory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.datatypes import BYTES, DATATYPES, NUMBERS
from smallcraft.serve.protocol.limits import Limits
from smallcraft.serve.protocol.messages import shown
from smallcraft.serve.protocol.opening import Opened

_MOST_DIMENSIONS = 2


class RawTensor(NamedTuple):
    """An input tensor whose elements were not looked at yet; a tuple for the same reason as `Opened`.

    Attributes:
        name: Of the input.
        datatype: One of `DATATYPES`.
        rows: The first dimension.
        columns: The second dimension; 1 where there is none.
        dimensions: 1 or 2.
        data: Its elements as JSON, flat or row by row; None for a raw tensor.
        body: The request's body, which a raw tensor is a part of.
        start: Of a raw tensor: where it begins in the body.
        stop: Where it ends.
    """

    name: str
    datatype: str
    rows: int
    columns: int
    dimensions: int
    data: list[Any] | None
    body: bytes
    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many elements it has."""
        return self.rows * self.columns

    @property
    def shape(self) -> list[int]:
        """As the client wrote it."""
        return [self.rows, self.columns][: self.dimensions]


def read_tensors(opened: Opened, limits: Limits) -> list[RawTensor]:
    """Every input of a request, in its order.

    Raises:
        InvalidInputError: A field is missing or of the wrong kind, or the raw tensors do not fill the body.
    """
    entries = opened.content.get("inputs")
    if type(entries) is not list or not entries:
        raise InvalidInputError(
            f"inputs must be a list of tensors, got {shown(entries)}; "
            'write [{"name": ..., "shape": [...], "datatype": ..., "data": [...]}]'
        )
    if len(entries) > limits.tensors:
        raise InvalidInputError(
            f"a request must have at most {limits.tensors:,} inputs, got {len(entries):,}; "
            "send each column once, or numbers together as one tensor"
        )
    tensors = []
    at = opened.binary_at
    for entry in entries:
        tensor = _read_tensor(entry, opened.body, at, limits)
        at = tensor.stop
        tensors.append(tensor)
    if at != len(opened.body):
        raise InvalidInputError(
            "the raw tensors must fill the body after its JSON: it has "
            f"{len(opened.body) - opened.binary_at} bytes there, got binary_data_size of "
            f"{at - opened.binary_at} in all; correct one of them"
        )
    return tensors


def _read_tensor(entry: object, body: bytes, at: int, limits: Limits) -> RawTensor:
    if type(entry) is not dict:
        raise InvalidInputError(
            f"an input must be a JSON object, got {shown(entry)}; give it name, shape and datatype"
        )
    name = entry.get("name")
    if type(name) is not str:
        raise InvalidInputError(f"an input must have a name, got {shown(name)}; name a column of the model")
    datatype = entry.get("datatype")
    if type(datatype) is not str or (datatype not in NUMBERS and datatype != BYTES):
        raise InvalidInputError(
            f"the datatype of input {shown(name)} must be one of {', '.join(DATATYPES)}, "
            f"got {shown(datatype)}; texts are BYTES"
        )
    rows, columns, dimensions = _dimensions(entry.get("shape"), name, limits)
    data = entry.get("data")
    parameters = entry.get("parameters")
    stop = at if parameters is None else at + _binary_size(parameters, name)
    if data is None and (parameters is None or "binary_data_size" not in parameters):
        raise InvalidInputError(
            f"input {shown(name)} must have data, or binary_data_size among its parameters, got neither; "
            "add its elements"
        )
    if data is not None and (type(data) is not list or stop != at):
        raise InvalidInputError(
            f"input {shown(name)} must have a list as data, or raw bytes after the JSON, got "
            f"{'both' if stop != at else shown(data)}; choose one"
        )
    if stop > len(body):
        raise InvalidInputError(
            f"input {shown(name)} must lie inside the body, got binary_data_size {stop - at} with "
            f"{len(body) - at} bytes left; set Inference-Header-Content-Length to the length of the JSON"
        )
    return RawTensor(name, datatype, rows, columns, dimensions, data, body, at, stop)


def _dimensions(shape: object, name: str, limits: Limits) -> tuple[int, int, int]:
    """Rows, columns and how many dimensions were written."""
    if type(shape) is list and 0 < len(shape) <= _MOST_DIMENSIONS:
        rows, columns = shape[0], shape[-1] if len(shape) > 1 else 1
        if type(rows) is int and type(columns) is int and 0 < rows <= limits.rows and columns >= 0:
            return rows, columns, len(shape)
    raise InvalidInputError(
        f"the shape of input {shown(name)} must be [rows] or [rows, columns] with 1 to {limits.rows} rows, "
        f"got {shown(shape)}; ask about more rows in several requests"
    )


def _binary_size(parameters: object, name: str) -> int:
    if type(parameters) is not dict:
        raise InvalidInputError(
            f"the parameters of input {shown(name)} must be a JSON object, got {shown(parameters)}; "
            "leave them out"
        )
    size = parameters.get("binary_data_size")
    if type(size) is int and size >= 0:
        return size
    if "shared_memory_region" in parameters:
        raise InvalidInputError(
            f"input {shown(name)} must come in the request, got a shared memory region; "
            "send binary_data_size and its bytes"
        )
    if size is None:
        return 0
    raise InvalidInputError(
        f"binary_data_size of input {shown(name)} must be a number of bytes, got {shown(size)}; "
        "give the length of its raw elements"
    )


def refuse_count(tensor: RawTensor, got: int) -> InvalidInputError:
    """An error that says how many elements a shape asks for."""
    return InvalidInputError(
        f"input {shown(tensor.name)} of shape {tensor.shape} must have {tensor.size} elements, got {got}; "
        "correct its shape or its data"
    )


def flat_data(tensor: RawTensor) -> list[Any]:
    """The JSON elements of a tensor in row-major order.

    Raises:
        InvalidInputError: They are nested in another way than the shape says, or of another number.
    """
    data = tensor.data
    assert data is not None
    if data and type(data[0]) is list:
        if tensor.dimensions != _MOST_DIMENSIONS or len(data) != tensor.rows:
            raise refuse_count(tensor, len(data))
        rows, data = data, []
        for number, row in enumerate(rows):
            if type(row) is not list or len(row) != tensor.columns:
                raise InvalidInputError(
                    f"input {shown(tensor.name)} of shape {tensor.shape} must have lists of {tensor.columns} "
                    f"elements, got {shown(row)} in row {number}; send a flat list, or one list a row"
                )
            data += row
    if len(data) != tensor.size:
        raise refuse_count(tensor, len(data))
    return data
