"""Reads JSON Lines: one object a line, values as they are.

Always: blank lines are not rows; a key that a line lacks is a null; a line that is not one object is broken.
Columns whose values are not all of one kind become text, for `data.columns` to judge.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from smallcraft.data.badrows import BadRow, shown
from smallcraft.data.rawfile import RawFile
from smallcraft.data.table import require_columns
from smallcraft.errors import DataError

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_REMEDY = 'write one JSON object a line, like {"text": "...", "label": "..."}'


def read_json_lines(
    data: bytes,
    name: str,
    *,
    wanted: tuple[str, ...] | None,
    lists: frozenset[str] | None = frozenset(),
    is_part: bool = False,
) -> RawFile:
    """Read every line that is an object.

    Args:
        data: The file's bytes.
        name: What messages call it.
        wanted: Columns to read; None for all.
        lists: Those whose values may be lists of plain values; None for any.
        is_part: Whether other parts of the file may have what is missing here: objects, or a column.

    Raises:
        DataError: No line is an object, a missing column, or lists and objects as values.
    """
    if not is_part and data.lstrip()[:1] == b"[" and not _is_object_line(data.lstrip().split(b"\n", 1)[0]):
        raise DataError(f"{name} holds one JSON array, JSON Lines was wanted; {_REMEDY}")
    objects: list[dict[str, object]] = []
    lines: list[int] = []
    broken: list[BadRow] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        parsed = _parsed(line)
        if isinstance(parsed, dict):
            objects.append(parsed)
            lines.append(number)
        else:
            broken.append(_broken(name, number, line, parsed))
    columns = tuple(dict.fromkeys(key for row in objects for key in row))
    if not objects and not is_part:
        raise DataError(broken[0].sentence if broken else f"{name} is empty; rows were wanted")
    wanted = columns if wanted is None else wanted
    if not is_part:
        require_columns(wanted, columns, source=name)
    series = []
    for column in wanted:
        values = [row.get(column) for row in objects]
        may_list = lists is None or column in lists
        series.append(
            _list_column(column, values)
            if may_list and _are_lists(values)
            else _column(column, values, name, lines)
        )
    return RawFile(name, pl.DataFrame(series), columns, np.asarray(lines, dtype=np.int64), tuple(broken))


def _is_object_line(line: bytes) -> bool:
    return isinstance(_parsed(line), dict)


def _parsed(line: bytes) -> dict[str, object] | str:
    """The object, or why it is none."""
    try:
        value = json.loads(line)
        if isinstance(value, dict) and line.count(b":") > len(value):
            json.loads(line, object_pairs_hook=_with_distinct_keys)
    except json.JSONDecodeError as error:
        return f"is not JSON ({error.msg} at character {error.pos + 1})"
    except ValueError as error:
        return f"cannot be read ({error})"
    except RecursionError:
        return "nests too deeply to be read"
    if not isinstance(value, dict):
        return f"is not a JSON object but {type(value).__name__}"
    if _SURROGATE.search(line):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return "holds half of a surrogate pair, which is no character"
    return value


def _with_distinct_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("it names a key twice")
    return row


def _broken(name: str, number: int, line: bytes, why: str) -> BadRow:
    record = line.decode()
    return BadRow(
        file=name,
        line=number,
        row=None,
        column=None,
        value=None,
        reason=f"the line {why}: {shown(record)}",
        remedy=_REMEDY,
        record=record,
    )


def _are_lists(values: list[object]) -> bool:
    """Lists of plain values, or nothing."""
    kinds = {type(value) for value in values} - {type(None)}
    return kinds == {list} and not any(
        isinstance(item, list | dict) for value in values if isinstance(value, list) for item in value
    )


def _list_column(column: str, values: list[object]) -> pl.Series:
    texts = [[_scalar_text(item) for item in value] if isinstance(value, list) else None for value in values]
    return pl.Series(column, texts, dtype=pl.List(pl.String))


def _column(column: str, values: list[object], name: str, lines: Sequence[int]) -> pl.Series:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds & {list, dict}:
        at = next(at for at, value in enumerate(values) if isinstance(value, list | dict))
        raise DataError(
            f"{name}, line {lines[at]}, column '{column}': plain values were wanted, got the nested "
            f"{shown(values[at])}; flatten it into columns of their own"
        )
    if kinds == {int} and all(abs(v) < 2**63 for v in values if isinstance(v, int)):
        return pl.Series(column, values, dtype=pl.Int64)
    if kinds and kinds <= {int, float}:
        return pl.Series(column, [_as_float(value) for value in values], dtype=pl.Float64)
    if kinds == {bool}:
        return pl.Series(column, values, dtype=pl.Boolean)
    return pl.Series(column, [_scalar_text(value) for value in values], dtype=pl.String)


def _scalar_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _as_float(value: object) -> float | None:
    """The nearest double; an integer past every double is infinite, which `data.columns` refuses."""
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
