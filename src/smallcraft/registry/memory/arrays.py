"""Columns of numbers as one small file: a zip of stored `.npy` members beside a JSON note of what they are.

Leaves to others: what the columns mean (`memory.rows`, `memory.answers`), which tensors changed
(`memory.tensors`).
Always: equal columns give equal bytes; no pickle is read, and nothing is unpacked that is larger than the
file itself.
Covered: compressed members, objects, foreign or repeated names, a shape that the bytes do not fill.
"""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError

_ABOUT = "about"
_SUFFIX = ".npy"
_HEADERS: Mapping[tuple[int, int], Callable[[io.BytesIO], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What `zipfile` and numpy raise on bytes that somebody damaged.
_UNREADABLE = (
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, KeyError),
    *(SyntaxError, TypeError, OverflowError, struct.error),
)


@dataclass(frozen=True)
class StoredArray:
    """An array as it lies in a file: shape, type as numpy spells it, order, and the bytes of its values."""

    shape: tuple[int, ...]
    dtype: str
    is_fortran: bool
    data: bytes


@dataclass(frozen=True)
class Columns:
    """What such a file holds.

    Attributes:
        about: The note.
        arrays: Name to a column, one-dimensional.
    """

    about: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def write_columns(columns: Columns) -> bytes:
    """The file's bytes; any `numpy.load(..., allow_pickle=False)` opens it.

    >>> read_columns(write_columns(Columns({"format": 1}, {})), what="x.npz", wanted={}).about
    {'format': 1}
    """
    note = np.frombuffer(canonical_json(columns.about), dtype=np.uint8)
    arrays: dict[str, Any] = {**columns.arrays, _ABOUT: note}
    assert not any(array.dtype.hasobject or array.ndim != 1 for array in arrays.values()), (
        "columns of numbers"
    )
    buffer = io.BytesIO()
    # Members of a zip that numpy writes are dated 1980: the same everywhere.
    ordered: dict[str, Any] = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    np.savez(buffer, **ordered)
    return buffer.getvalue()


def read_columns(data: bytes, *, what: str, wanted: Mapping[str, str]) -> Columns:
    """Parse such a file.

    Args:
        data: Its bytes.
        what: Its path, for messages.
        wanted: Every column that must be there, and its type as numpy spells it (`<u8`).

    Raises:
        IntegrityError: It is anything else; the first thing that is wrong is named.
    """
    found = read_members(data, what=what)
    types = {**wanted, _ABOUT: "|u1"}
    if set(found) != set(types):
        raise _broken(
            what, f"must hold the columns {', '.join(sorted(types))}, got {', '.join(sorted(found))}"
        )
    arrays = {name: _column(found[name], dtype, f"{what}: {name}") for name, dtype in types.items()}
    try:
        about = json.loads(arrays.pop(_ABOUT).tobytes())
    except (ValueError, RecursionError) as error:
        raise _broken(what, f"has a note that is not JSON ({error})") from error
    if not isinstance(about, dict):
        raise _broken(what, f"has a note that is {type(about).__name__}, not a JSON object")
    return Columns(about, arrays)


def read_members(data: bytes, *, what: str) -> Mapping[str, bytes]:
    """The arrays of an `.npz` by name, each as the bytes of its `.npy`.

    Args:
        data: The file.
        what: Its path, for messages.

    Raises:
        IntegrityError: It is no zip of plainly stored `.npy` members.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _refuse_members(members, len(data), what)
            return {member.filename.removesuffix(_SUFFIX): archive.read(member) for member in members}
    except _UNREADABLE as error:
        raise _broken(what, f"is no zip ({error})") from error


def parse_array(data: bytes, *, what: str) -> StoredArray:
    """An `.npy` by hand: numpy would make room for any shape that the header claims.

    Args:
        data: The file.
        what: Its name, for messages.

    Raises:
        IntegrityError: It is no array of plain values that fill it.
    """
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = _HEADERS.get(version)
        if read_header is None:
            raise _broken(what, f"is an array of version {version}, which is not known")
        shape, is_fortran, dtype = read_header(stream)
    except _UNREADABLE as error:
        raise _broken(what, f"is no array ({error})") from error
    rest = data[stream.tell() :]
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(rest) or min(shape, default=0) < 0:
        raise _broken(what, f"must be plain values that fill it, got {dtype.str} of shape {shape}")
    return StoredArray(tuple(shape), dtype.str, is_fortran, rest)


def _refuse_members(members: list[zipfile.ZipInfo], size: int, what: str) -> None:
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise _broken(what, "holds two members of one name")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise _broken(
                what, f"holds '{member.filename}' compressed or encrypted; arrays are stored plainly"
            )
    if sum(member.file_size for member in members) > size:
        raise _broken(what, "declares more bytes than it has")


def _column(data: bytes, dtype: str, what: str) -> NDArray[Any]:
    found = parse_array(data, what=what)
    if found.dtype != dtype or len(found.shape) != 1:
        raise _broken(what, f"must be one column of {dtype}, got {found.dtype} of shape {found.shape}")
    return np.frombuffer(found.data, dtype=dtype)


def _broken(what: str, fault: str) -> IntegrityError:
    return IntegrityError(f"{what} {fault}; do not use it, take the release from its registry again")
