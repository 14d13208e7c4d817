"""Arrays as numpy writes them, npy and npz: judged by their headers, without a pickle and without a bomb.

Leaves to others: which files may be stored at all (`content.formats`), what a zip may look like
(`content.archives`).
Always: no number is read; of a compressed member only its first bytes are unpacked.
Covered: object arrays, members that are no arrays, sizes that the header does not account for, zips that
unpack to far more than they are.
Not covered: an npz that states its sizes rightly and fits the limit, yet not the reader's memory.

Source:
    NEP 1 (the npy format, versions 1 to 3); Fifield (2019), A better zip bomb.
"""

from __future__ import annotations

import ast
import io
import math
import struct
from collections.abc import Mapping
from typing import IO

import numpy as np

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.archives import check_members, check_zip, open_zip
from smallcraft.registry.content.buffers import BufferFile
from smallcraft.registry.content.pickles import pickle_error

EXPANDED_ALWAYS_BYTES = 64 << 20
EXPANDED_RATIO = 100
MEMBER_LIMIT = 10_000

_MAGIC = b"\x93NUMPY"
_LENGTHS: Mapping[bytes, str] = {b"\1\0": "<H", b"\2\0": "<I", b"\3\0": "<I"}
_HEADER_LIMIT = 10_000  # numpy's own
_MOST_AXES = 64
_KEYS = {"descr", "fortran_order", "shape"}
_UNREADABLE = (ValueError, TypeError, KeyError, SyntaxError, struct.error, RecursionError, MemoryError)


def check_npy(path: str, data: memoryview) -> None:
    """Refuse what is not exactly one array of plain numbers or text.

    Args:
        path: Its path, for messages.
        data: All of its bytes; only the header is looked at.

    Raises:
        InvalidInputError: It is refused.
    """
    _check_array(path, BufferFile(data), len(data))


def check_npz(path: str, data: memoryview) -> None:
    """Refuse a zip that holds anything but arrays, or more of them than its size allows.

    Args:
        path: Its path, for messages.
        data: All of its bytes; only headers are looked at.

    Raises:
        InvalidInputError: It is refused.
    """
    with open_zip(data, use=path) as archive:
        members = archive.infolist()
        if len(members) > MEMBER_LIMIT:
            raise _npz_error(path, f"it may hold {MEMBER_LIMIT:,} arrays, it holds {len(members):,}")
        check_zip(archive, size_bytes=len(data), use=path)
        check_members([info.filename for info in members], use=path)
        expanded, limit = sum(info.file_size for info in members), _expanded_limit(len(data))
        if expanded > limit:
            raise _npz_error(
                path,
                f"with its {len(data):,} bytes it may unpack to {limit:,}, it states {expanded:,}, as a "
                "zip bomb does",
            )
        for info in members:
            if not info.filename.endswith(".npy"):
                raise _npz_error(path, f"it holds {info.filename!r}, which is none")
            with archive.open(info) as stream:
                _check_array(f"{path}/{info.filename}", stream, info.file_size)


def _expanded_limit(size_bytes: int) -> int:
    return max(EXPANDED_ALWAYS_BYTES, EXPANDED_RATIO * size_bytes)


def _check_array(use: str, stream: IO[bytes] | io.RawIOBase, size_bytes: int) -> None:
    """The header of an npy: plain numbers or text, exactly as many as there are bytes."""
    start = stream.read(len(_MAGIC) + 2) or b""
    layout = _LENGTHS.get(start[len(_MAGIC) :]) if start.startswith(_MAGIC) else None
    if layout is None:
        raise _npy_error(use, "it does not begin as one of format 1 to 3")
    length_bytes = stream.read(struct.calcsize(layout)) or b""
    if len(length_bytes) < struct.calcsize(layout):
        raise _npy_error(use, "it ends inside its header")
    (length,) = struct.unpack(layout, length_bytes)
    if length > _HEADER_LIMIT:
        raise _npy_error(use, f"its header may have {_HEADER_LIMIT:,} bytes, it states {length:,}")
    array_bytes = _stated_bytes(use, stream.read(length) or b"")
    stated = len(start) + len(length_bytes) + length + array_bytes
    if stated != size_bytes:
        raise _npy_error(use, f"its header makes it {stated:,} bytes, it has {size_bytes:,}")


def _stated_bytes(use: str, text: bytes) -> int:
    """How many bytes of numbers a header speaks of."""
    try:
        header = ast.literal_eval(text.decode("utf-8").strip())
        dtype, shape = np.lib.format.descr_to_dtype(header["descr"]), header["shape"]
    except _UNREADABLE as error:
        raise _npy_error(use, f"its header cannot be read ({error})") from error
    if dtype.hasobject:
        raise pickle_error(use, "its dtype is object, so what it holds are pickled objects")
    if set(header) != _KEYS or not _is_shape(shape):
        raise _npy_error(use, f"its header says {str(header)[:200]}")
    return int(math.prod(shape) * dtype.itemsize)


def _is_shape(shape: object) -> bool:
    return (
        isinstance(shape, tuple)
        and len(shape) <= _MOST_AXES
        and all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**63 for n in shape)
    )


def _npy_error(use: str, what: str) -> InvalidInputError:
    return InvalidInputError(f"{use} must be an npy array, but {what}; write it again with numpy.save")


def _npz_error(path: str, what: str) -> InvalidInputError:
    return InvalidInputError(f"{path} must be a zip of arrays, but {what}; write it again with numpy.savez")
