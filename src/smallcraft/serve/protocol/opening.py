"""A request's body, opened: its JSON is read and says who asks and which head, not yet what.

So the arm can be drawn from the key before the rows are read as that arm's model has its columns.
Leaves to others: tensors (`tensors`, `columns`), rows of the plain face (`plain`).
Always: whatever the bytes are, an opened request or an `InvalidInputError`.
Not covered: a JSON object that has a name twice; the last one counts, as in most readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.limits import LONGEST_NAME
from smallcraft.serve.protocol.messages import shown
from smallcraft.serve.questions import Form

_NO_PARAMETERS: Mapping[str, Any] = {}


class Opened(NamedTuple):
    """A request whose JSON was read; a tuple, since a frozen dataclass costs a microsecond more a request.

    Attributes:
        form: How the reply will be put.
        content: The JSON object.
        parameters: Its `parameters`.
        body: The whole body.
        binary_at: Where in it the raw tensors begin; its length when there are none.
        key: Who asks; None for nobody in particular.
        head: Which head; empty for the model's own.
        id: The client's name for the request; None when it gave none.
    """

    form: Form
    content: Mapping[str, Any]
    parameters: Mapping[str, Any]
    body: bytes
    binary_at: int
    key: str | None
    head: str
    id: str | None


def open_infer(body: bytes, *, json_length: bytes | None = None, key: bytes | None = None) -> Opened:
    """Open the body of `/infer`.

    Args:
        body: As it came.
        json_length: The header `Inference-Header-Content-Length`.
        key: The header `x-key`; `parameters.key` in the body goes before it.

    Raises:
        InvalidInputError: The body is no JSON object, or an envelope field is of the wrong kind.
    """
    binary_at = len(body) if json_length is None else _length(json_length, len(body))
    content = _object(body if binary_at == len(body) else body[:binary_at])
    parameters = _parameters(content)
    request_id = content.get("id")
    if request_id is not None:
        request_id = _name(request_id, "id")
    return Opened(
        "tensors",
        content,
        parameters,
        body,
        binary_at,
        _key(parameters, key),
        _head(parameters),
        request_id,
    )


def open_predict(body: bytes, *, key: bytes | None = None) -> Opened:
    """Open the body of `/predict`: columns of one row, or `{"rows": [...]}`; `parameters` as in `/infer`.

    Args:
        body: As it came.
        key: The header `x-key`.

    Raises:
        InvalidInputError: As `open_infer`.
    """
    content = _object(body)
    parameters = _parameters(content)
    form: Form = "rows" if "rows" in content else "row"
    return Opened(form, content, parameters, body, len(body), _key(parameters, key), _head(parameters), None)


def _object(text: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(
            f"the body must be JSON in UTF-8, got something else ({error}); "
            "write null, not NaN, for an unknown number"
        ) from error
    if type(content) is not dict:
        raise InvalidInputError(
            f"the body must be a JSON object, got {shown(content)}; "
            'send {"inputs": [...]} or {"text": "..."}'
        )
    return content


def _length(header: bytes, most: int) -> int:
    # Digits alone: int() would take a sign, spaces and underscores too.
    if header.isdigit() and len(header) < 20 and int(header) <= most:
        return int(header)
    raise InvalidInputError(
        f"Inference-Header-Content-Length must be a number of bytes up to the body's {most}, "
        f"got {shown(header.decode('latin-1'))}; count the bytes of the JSON part"
    )


def _parameters(content: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = content.get("parameters")
    if parameters is None:
        return _NO_PARAMETERS
    if type(parameters) is not dict:
        raise InvalidInputError(
            f"parameters must be a JSON object, got {shown(parameters)}; "
            'write {"key": "..."} or leave it out'
        )
    return parameters


def _key(parameters: Mapping[str, Any], header: bytes | None) -> str | None:
    key = parameters.get("key")
    if key is not None:
        return _name(str(key) if type(key) is int else key, "parameters.key") or None
    if header is None:
        return None
    try:
        return _name(header.decode("utf-8"), "the header x-key") or None
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"the header x-key must be UTF-8, got {header[:40]!r}; encode it so"
        ) from error


def _head(parameters: Mapping[str, Any]) -> str:
    head = parameters.get("head")
    return "" if head is None else _name(head, "parameters.head")


def _name(value: object, what: str) -> str:
    if type(value) is not str or len(value) > LONGEST_NAME:
        got = f"one of {len(value)}" if type(value) is str else shown(value)
        raise InvalidInputError(
            f"{what} must be a string of at most {LONGEST_NAME} characters, got {got}; "
            "shorten it or leave it out"
        )
    return value
