"""A column's profile as bytes, a few kilobytes for ten thousand rows, and back.

A blob is `SCB`, its format's number, a digest of the rest, and zlib of: the kind, counts apart, the cells.
Arrays are cut to the fewest bytes a number and laid out byte plane by byte plane, which zlib likes.
Leaves to others: several columns together (`data.profiles.packing`), the store.
Always: `from_blob(to_blob(p)) == p`; one profile has one blob on one zlib; other bytes are refused.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.categories import CategoryProfile
from smallcraft.data.profiles.exact_sums import to_float
from smallcraft.data.profiles.numeric import NumericProfile
from smallcraft.data.profiles.profile import ColumnProfile
from smallcraft.errors import IntegrityError
from smallcraft.stats.category_counts import CategoryCounts
from smallcraft.stats.histograms import Histogram

FORMAT = 1
_MAGIC = b"SCB" + bytes([FORMAT])
_DIGEST_BYTES = 8
_NUMBERS, _CATEGORIES = b"N", b"C"
_FOUR, _FIVE = struct.Struct("<4q"), struct.Struct("<5q")
_SIZE = struct.Struct("<I")
_LARGEST_BYTES = 1 << 28


def to_blob(column: ColumnProfile) -> bytes:
    """A column's profile as bytes."""
    packed = zlib.compress(pack_column(column), 6)
    return _MAGIC + _digest(packed) + packed


def from_blob(blob: bytes, *, name: str = "column") -> ColumnProfile:
    """A column's profile from its bytes.

    Args:
        blob: From `to_blob`.
        name: What it is of, for the message.

    Raises:
        IntegrityError: The bytes are not a blob that this version reads, or are damaged.
    """
    start = len(_MAGIC) + _DIGEST_BYTES
    packed = blob[start:]
    if blob[: len(_MAGIC)] != _MAGIC:
        raise _refusal(name, f"bytes that begin with {bytes(blob[:4])!r}")
    if _digest(packed) != blob[len(_MAGIC) : start]:
        raise _refusal(name, "bytes that do not match their digest")
    try:
        return unpack_column(_unzipped(packed))
    except (ValueError, struct.error, zlib.error, UnicodeDecodeError) as error:
        raise _refusal(name, f"bytes that hold none ({error})") from error


def _unzipped(packed: bytes) -> bytes:
    opener = zlib.decompressobj()
    plain = opener.decompress(packed, _LARGEST_BYTES)
    if not opener.eof:
        raise ValueError("more than it may be, or less than it was")
    return plain


def pack_column(column: ColumnProfile) -> bytes:
    """A column's profile, neither compressed nor protected."""
    if isinstance(column, NumericProfile):
        cells = column.histogram
        return b"".join(
            (
                _NUMBERS,
                _FOUR.pack(cells.nulls, cells.nans, cells.below, cells.above),
                _pack_whole(column.total),
                _pack_whole(column.squares),
                _pack_array(np.diff(cells.keys, prepend=np.int32(0)).astype(np.int64)),
                _pack_array(cells.counts),
            )
        )
    return b"".join(
        (
            _CATEGORIES,
            _FIVE.pack(column.n, column.nulls, column.rest, column.missed, column.capacity),
            _pack_array(column.counts),
            _pack_texts(column.values),
        )
    )


def unpack_column(data: bytes) -> ColumnProfile:
    """A column's profile from what `pack_column` made.

    Raises:
        ValueError: It is something else.
        struct.error: It is something else.
    """
    reader = Reader(data)
    kind = reader.take(1)
    if kind == _NUMBERS:
        nulls, nans, below, above = _FOUR.unpack(reader.take(_FOUR.size))
        total, squares = _read_whole(reader), _read_whole(reader)
        keys = np.cumsum(_read_array(reader)).astype(np.int32)
        counts = _read_array(reader)
        if len(keys) != len(counts):
            raise ValueError("keys and counts of different lengths")
        sums = to_float(total), to_float(squares)
        cells = Histogram(keys, counts, nulls, nans, below, above, *sums)
        column: ColumnProfile = NumericProfile(cells, total, squares)
    elif kind == _CATEGORIES:
        n, nulls, rest, missed, capacity = _FIVE.unpack(reader.take(_FIVE.size))
        times = _read_array(reader).tolist()
        named = dict(zip(_read_texts(reader), times, strict=True))
        column = CategoryProfile(CategoryCounts(named, nulls, rest, missed), n, capacity)
    else:
        raise ValueError(f"unknown kind {kind!r}")
    if not reader.is_done:
        raise ValueError("it goes on")
    return column


class Reader:
    """Takes bytes off the front.

    Args:
        data: All of them.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            ValueError: There are fewer.
        """
        if not 0 <= size <= len(self._data) - self._at:
            raise ValueError("it ends early")
        self._at += size
        return self._data[self._at - size : self._at]

    def take_sized(self) -> bytes:
        """The next bytes, whose number stands before them.

        Raises:
            ValueError: There are fewer.
        """
        (size,) = _SIZE.unpack(self.take(_SIZE.size))
        return self.take(size)

    @property
    def is_done(self) -> bool:
        """Whether all were taken."""
        return self._at == len(self._data)


def sized(data: bytes) -> bytes:
    """Bytes with their number before them."""
    return _SIZE.pack(len(data)) + data


def _pack_array(values: NDArray[np.int64]) -> bytes:
    """Whole numbers: how many, bytes of each, whether with a sign, their byte planes."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    width = max(1, (max(high, -low).bit_length() + (low < 0) + 7) // 8)
    planes = values.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width].T
    return _SIZE.pack(len(values)) + bytes([width, low < 0]) + planes.tobytes()


def _read_array(reader: Reader) -> NDArray[np.int64]:
    (size,) = _SIZE.unpack(reader.take(_SIZE.size))
    width, is_signed = reader.take(2)
    if not 1 <= width <= 8 or is_signed > 1:
        raise ValueError("an array of no known width")
    planes = np.frombuffer(reader.take(size * width), dtype=np.uint8).reshape(width, size)
    whole = np.zeros((size, 8), dtype=np.uint8)
    whole[:, :width] = planes.T
    if is_signed:
        whole[:, width:] = np.where(planes[-1] >= 128, 255, 0)[:, np.newaxis]
    return whole.view("<i8").reshape(size).astype(np.int64)


def _pack_whole(value: int) -> bytes:
    """An integer without the zeros at its end."""
    zeros = (value & -value).bit_length() - 1 if value else 0
    short = value >> zeros
    return struct.pack("<H", zeros) + sized(
        short.to_bytes(short.bit_length() // 8 + 1, "little", signed=True)
    )


def _read_whole(reader: Reader) -> int:
    zeros: int = struct.unpack("<H", reader.take(2))[0]
    return int.from_bytes(reader.take_sized(), "little", signed=True) << zeros


def _pack_texts(texts: Iterable[str]) -> bytes:
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = np.array([len(text) for text in encoded], dtype=np.int64)
    return _pack_array(sizes) + b"".join(encoded)


def _read_texts(reader: Reader) -> tuple[str, ...]:
    sizes = _read_array(reader).tolist()
    return tuple([reader.take(size).decode("utf-8", "surrogatepass") for size in sizes])


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


def _refusal(name: str, got: str) -> IntegrityError:
    return IntegrityError(
        f"a profile of {name} must be a blob of format {FORMAT}, got {got};"
        " leave its window out, or restore it from a copy"
    )
