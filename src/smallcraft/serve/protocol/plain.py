"""Rows that people send to `/predict`: `{"text": "..."}`, columns by name, or `{"rows": [...]}`.

Further columns are ignored, so that a whole record may be sent as it is.
Always: every column that the model reads is there; null says that a number or a category is not known.
Not covered: a column of the name `rows` or `parameters`, which only tensors can carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from smallcraft.bundle.inputs import Inputs, category_text
from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.interface import ModelInterface
from smallcraft.serve.protocol.limits import Limits
from smallcraft.serve.protocol.messages import one_of, shown
from smallcraft.serve.protocol.opening import Opened

# What the text may always be called, whatever its column is named.
TEXT = "text"


def arrange_rows(opened: Opened, interface: ModelInterface, limits: Limits) -> Inputs:
    """The rows of a plain request as a bundle reads them.

    Args:
        opened: By `open_predict`.
        interface: Of the model.
        limits: Of rows and texts.

    Raises:
        InvalidInputError: No rows or too many, a column is missing, or a value is of the wrong kind.
    """
    rows = _rows(opened, interface, limits)
    spec = interface.facts.spec
    numbers = np.empty((len(rows), len(spec.numbers)))
    for place, name in enumerate(spec.numbers):
        numbers[:, place] = [_number(value, name) for value in _column(rows, name)]
    return Inputs(
        n=len(rows),
        texts=None
        if spec.text is None
        else [_text(value, spec.text, limits) for value in _texts(rows, interface)],
        numbers=numbers,
        categories=tuple(
            [_category(value, name, limits) for value in _column(rows, name)] for name in spec.categories
        ),
    )


def _rows(opened: Opened, interface: ModelInterface, limits: Limits) -> list[Mapping[str, Any]]:
    if opened.form == "row":
        return [opened.content]
    rows = opened.content["rows"]
    if type(rows) is not list or not 0 < len(rows) <= limits.rows:
        got = f"{len(rows)}" if type(rows) is list else shown(rows)
        raise InvalidInputError(
            f"rows must be a list of 1 to {limits.rows} rows, got {got}; send several requests"
        )
    is_only_text = len(interface.kinds) == 1 and interface.facts.spec.text is not None
    for number, row in enumerate(rows):
        if type(row) is not dict and not (is_only_text and type(row) is str):
            raise InvalidInputError(
                f"row {number} must be a JSON object of columns, got {shown(row)}; "
                f'write {{"{next(iter(interface.kinds))}": ...}}'
            )
    return [{TEXT: row} if type(row) is str else row for row in rows]


def _texts(rows: list[Mapping[str, Any]], interface: ModelInterface) -> list[Any]:
    """The text column, which is also found as `text` unless another column has that name."""
    name = interface.facts.spec.text
    assert name is not None
    if TEXT not in interface.kinds:
        rows = [row if name in row or TEXT not in row else {name: row[TEXT]} for row in rows]
    return _column(rows, name)


def _column(rows: list[Mapping[str, Any]], name: str) -> list[Any]:
    try:
        return [row[name] for row in rows]
    except KeyError as error:
        number, row = next((number, row) for number, row in enumerate(rows) if name not in row)
        where = f" in row {number}" if len(rows) > 1 else ""
        known = [key for key in row if key != "parameters"]
        raise InvalidInputError(
            f"column '{name}' is missing{where}; {one_of(name, known)}; "
            "send every column the model reads, null for an unknown number or category"
        ) from error


def _text(value: object, name: str, limits: Limits) -> str:
    if type(value) is not str:
        raise InvalidInputError(
            f"column '{name}' must be a string, got {shown(value)}; put the text in quotes"
        )
    return _short(value, name, limits)


def _number(value: object, name: str) -> float:
    if value is None:
        return np.nan
    if type(value) is float or type(value) is int or type(value) is bool:
        return float(value)
    raise InvalidInputError(
        f"column '{name}' must be a number, got {shown(value)}; write it without quotes, or null when unknown"
    )


def _category(value: object, name: str, limits: Limits) -> str | None:
    if value is None:
        return None
    if isinstance(value, str | int | float):
        return _short(category_text(value), name, limits)
    raise InvalidInputError(
        f"column '{name}' must be a string, a number or true or false, got {shown(value)}; "
        "write null when unknown"
    )


def _short(text: str, name: str, limits: Limits) -> str:
    if len(text) > limits.characters:
        raise InvalidInputError(
            f"column '{name}' must have at most {limits.characters:,} characters, got {len(text):,}; "
            "shorten it"
        )
    return text
