"""Cuts a file of weights into its named tensors, by its header alone: safetensors and npz, no framework.

Leaves to others: which files may be stored (`content.formats`), what tensors share (`content.blocks`).
Always: segments lie in file order and tile the file without a gap; no tensor's bytes are read.
Covered: safetensors that break the format (doubled keys, gaps, overlaps, sizes past the end): refused.
Not covered: whether a zip is sound; an npz that cannot be cut, like any other file, is one segment.

Source:
    The safetensors format: 8 bytes of header length, JSON, then tensors without holes; PKWARE's
    APPNOTE 4.3.7 for a zip's local headers; NEP 1 for npy.
"""

from __future__ import annotations

import json
import math
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.buffers import BufferFile

HEADER_LIMIT_BYTES = 100_000_000

_LENGTH_BYTES = 8
_MOST_AXES = 64  # numpy's limit; a longer shape's product would be a way to burn time
_METADATA = "__metadata__"
_TENSOR_KEYS = {"dtype", "shape", "data_offsets"}
_BITS: Mapping[str, int] = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}
_LOCAL_HEADER_BYTES = 30
_NPY_MAGIC = b"\x93NUMPY"
_NPY_SHORT_BYTES = 10
_UNREADABLE_ZIP = (
    zipfile.BadZipFile,
    struct.error,
    ValueError,
    OSError,
    NotImplementedError,
    EOFError,
    IndexError,
)


@dataclass(frozen=True)
class Segment:
    """A named run of bytes in a file.

    Attributes:
        name: The tensor's; `header` and `<...>` for what lies between tensors.
        start: First byte.
        stop: One past the last byte.
        kind: Type and shape in the file's own words; empty for what is no tensor.
    """

    name: str
    start: int
    stop: int
    kind: str = ""

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return self.stop - self.start


def cut(data: memoryview, *, path: str) -> tuple[Segment, ...]:
    """The segments of a file.

    Args:
        data: The whole file, `(n,)` bytes.
        path: Its name; the suffix says how it is read.

    Returns:
        Segments that tile `[0, n)` in order, none of them empty.

    Raises:
        InvalidInputError: A `.safetensors` file that breaks its format.
    """
    if path.endswith(".safetensors"):
        return cut_safetensors(data, path=path)
    if path.endswith(".npz"):
        return _tile(_npz_members(data), len(data))
    return _tile([], len(data))


def cut_safetensors(data: memoryview, *, path: str) -> tuple[Segment, ...]:
    """The header and the tensors of a safetensors file, read strictly.

    Args:
        data: The whole file, `(n,)` bytes; only its header is looked at.
        path: Its name, for messages.

    Raises:
        InvalidInputError: Anything that the format forbids.
    """
    start = _header_end(data, path)
    header = _parse_header(bytes(data[_LENGTH_BYTES:start]), path)
    tensors = [_tensor(name, about, path) for name, about in header.items() if name != _METADATA]
    at = 0
    for tensor in sorted(tensors, key=lambda tensor: (tensor.start, tensor.stop)):
        if tensor.start != at:
            fault = "overlaps the one before" if tensor.start < at else "leaves a gap before it"
            raise _refusal(path, f"tensor {tensor.name!r} starts at {tensor.start}, not at {at}: it {fault}")
        at = tensor.stop
    if start + at != len(data):
        raise _refusal(path, f"its tensors end at byte {start + at}, the file at {len(data)}")
    moved = [Segment(t.name, start + t.start, start + t.stop, t.kind) for t in tensors]
    return _tile([Segment("header", 0, start), *moved], len(data))


def _header_end(data: memoryview, path: str) -> int:
    if len(data) < _LENGTH_BYTES:
        raise _refusal(path, f"the header's length takes 8 bytes, the file has {len(data)}")
    (length,) = struct.unpack_from("<Q", data)
    if length > HEADER_LIMIT_BYTES:
        raise _refusal(path, f"its header may have {HEADER_LIMIT_BYTES} bytes, it states {length}")
    if _LENGTH_BYTES + length > len(data):
        raise _refusal(path, f"its header states {length} bytes, the file has {len(data)} in all")
    return int(_LENGTH_BYTES + length)


def _parse_header(text: bytes, path: str) -> Mapping[str, object]:
    try:
        header = json.loads(
            text.decode("utf-8"), object_pairs_hook=_without_doubles, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise _refusal(path, f"its header cannot be read ({error})") from error
    if not isinstance(header, dict) or not text.startswith(b"{"):
        raise _refusal(path, "its header must be a JSON object from the first byte on")
    metadata = header.get(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _refusal(path, f"{_METADATA} must map text to text")
    return header


def _without_doubles(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"key {name!r} stands there twice")
        found[name] = value
    return found


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _tensor(name: str, about: object, path: str) -> Segment:
    """A tensor as its header line states it; offsets count from the header's end."""
    if not isinstance(about, dict) or set(about) != _TENSOR_KEYS:
        raise _refusal(path, f"tensor {name!r} must state dtype, shape and data_offsets, and nothing else")
    dtype, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise _refusal(path, f"tensor {name!r} has the unknown dtype {dtype!r}")
    if not _are_counts(shape) or not _are_counts(offsets) or len(offsets) != 2:
        raise _refusal(path, f"shape and data_offsets of tensor {name!r} must be whole numbers, not negative")
    if len(shape) > _MOST_AXES:
        raise _refusal(path, f"tensor {name!r} may have {_MOST_AXES} axes, it has {len(shape)}")
    bits = math.prod(shape) * _BITS[dtype]
    if bits % 8 or offsets[0] + bits // 8 != offsets[1]:
        raise _refusal(path, f"tensor {name!r} needs {bits / 8:g} bytes, data_offsets says {offsets}")
    return Segment(name, offsets[0], offsets[1], f"{dtype}{shape}")


def _are_counts(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 2**63 for item in value
    )


def _refusal(path: str, what: str) -> InvalidInputError:
    return InvalidInputError(f"{path} is no sound safetensors file: {what}; write it again with safetensors")


def _npz_members(data: memoryview) -> list[Segment]:
    """Bytes of each member as they lie in the zip, an npy's header apart; nothing where it cannot be read."""
    try:
        with zipfile.ZipFile(BufferFile(data)) as archive:
            members = [_member(data, info) for info in archive.infolist()]
    except _UNREADABLE_ZIP:
        return []
    members.sort(key=lambda member: member.start)
    stops = [0, *(member.stop for member in members)]
    is_sound = all(stop <= member.start for stop, member in zip(stops, members, strict=False))
    return members if is_sound and stops[-1] <= len(data) else []


def _member(data: memoryview, info: zipfile.ZipInfo) -> Segment:
    name_bytes, extra_bytes = struct.unpack_from("<HH", data, info.header_offset + 26)
    start = info.header_offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes
    stop = start + info.compress_size
    if info.compress_type != zipfile.ZIP_STORED:
        return Segment(info.filename, start, stop)
    body, kind = _npy_body(data, start, stop)
    return Segment(info.filename, body, stop, kind)


def _npy_body(data: memoryview, start: int, stop: int) -> tuple[int, str]:
    """Where an npy's numbers begin, and its header's text; `start` and nothing for any other member."""
    if bytes(data[start : start + len(_NPY_MAGIC)]) != _NPY_MAGIC or data[start + len(_NPY_MAGIC)] != 1:
        return start, ""
    (length,) = struct.unpack_from("<H", data, start + _NPY_SHORT_BYTES - 2)
    body = start + _NPY_SHORT_BYTES + length
    if body > stop:
        return start, ""
    return body, bytes(data[start + _NPY_SHORT_BYTES : body]).decode("latin-1").strip()


def _tile(segments: Sequence[Segment], size_bytes: int) -> tuple[Segment, ...]:
    """The segments in order, with what lies between them, the empty ones left out."""
    tiles: list[Segment] = []
    at, before = 0, "whole"
    for segment in sorted(segments, key=lambda segment: (segment.start, segment.stop)):
        if segment.start > at:
            tiles.append(Segment(f"<before {segment.name}>", at, segment.start))
        if segment.size_bytes:
            tiles.append(segment)
        at, before = segment.stop, f"after {segment.name}"
    if at < size_bytes:
        tiles.append(Segment(f"<{before if segments else 'whole'}>", at, size_bytes))
    return tuple(tiles)
