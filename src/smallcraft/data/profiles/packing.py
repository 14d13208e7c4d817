"""What a process saw of a window, by release and segment, as the payload of one frame, and back.

Leaves to others: frames and files (`data.profiles.parts`), a single column's bytes (`data.profiles.blobs`).
Always: what was seen of a row is in one frame, its counts and its being kept; so a crash loses both or none.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from smallcraft.data.profiles.blobs import Reader, pack_column, sized, unpack_column
from smallcraft.data.profiles.kept import KeepLimits, KeptRow, KeptRows, merge_kept
from smallcraft.data.profiles.profile import Profile, SliceName, merge_profiles
from smallcraft.errors import IntegrityError

FORMAT = 1
_ROWS = struct.Struct("<2q")


@dataclass(frozen=True)
class Seen:
    """What was seen of one release and segment.

    Attributes:
        profile: Of all rows.
        kept: Some of them as they came; None where none may be kept.
    """

    profile: Profile
    kept: KeptRows | None = None


def pack_seen(slices: Mapping[SliceName, Seen]) -> bytes:
    """What was seen, as bytes for `PartWriter.append`."""
    packed = b"".join(
        _pack_text(name.release)
        + _pack_text(name.segment)
        + sized(pack_profile(seen.profile))
        + _pack_kept(seen.kept)
        for name, seen in sorted(slices.items())
    )
    return bytes([FORMAT]) + zlib.compress(packed, 1)


def unpack_seen(payload: bytes) -> dict[SliceName, Seen]:
    """What was seen, from the bytes.

    Raises:
        IntegrityError: They are something else.
    """
    if payload[:1] != bytes([FORMAT]):
        raise IntegrityError(
            f"a part's frame must be of format {FORMAT}, got {payload[:1]!r};"
            " collect it with the version that wrote it"
        )
    try:
        reader, found = Reader(zlib.decompress(payload[1:])), {}
        while not reader.is_done:
            name = SliceName(_read_text(reader), _read_text(reader))
            profile = unpack_profile(reader.take_sized())
            found[name] = Seen(profile, _read_kept(reader.take_sized()))
    except (ValueError, TypeError, KeyError, struct.error, zlib.error) as error:
        raise IntegrityError(
            f"a part's frame must hold what was seen, got bytes that do not ({error}); set the part aside"
        ) from error
    return found


def merge_seen(parts: Iterable[Mapping[SliceName, Seen]]) -> dict[SliceName, Seen]:
    """What several frames saw, together."""
    together: dict[SliceName, list[Seen]] = {}
    for slices in parts:
        for name, seen in slices.items():
            together.setdefault(name, []).append(seen)
    merged = {}
    for name, several in together.items():
        kept = [seen.kept for seen in several if seen.kept is not None]
        profile = merge_profiles([seen.profile for seen in several])
        merged[name] = Seen(profile, merge_kept(kept) if kept else None)
    return merged


def pack_profile(profile: Profile) -> bytes:
    """A profile, neither compressed nor protected."""
    head = _ROWS.pack(profile.n, profile.left_out)
    columns = (_pack_text(name) + sized(pack_column(column)) for name, column in profile.columns.items())
    return head + b"".join(columns)


def unpack_profile(data: bytes) -> Profile:
    """A profile from what `pack_profile` made.

    Raises:
        ValueError: It is something else.
        struct.error: It is something else.
    """
    reader, columns = Reader(data), {}
    n, left_out = _ROWS.unpack(reader.take(_ROWS.size))
    while not reader.is_done:
        name = _read_text(reader)
        columns[name] = unpack_column(reader.take_sized())
    return Profile(n, left_out, columns)


def _pack_text(text: str) -> bytes:
    return sized(text.encode("utf-8", "surrogatepass"))


def _read_text(reader: Reader) -> str:
    return reader.take_sized().decode("utf-8", "surrogatepass")


def _pack_kept(kept: KeptRows | None) -> bytes:
    if kept is None:
        return sized(b"null")
    limits = kept.limits
    rows = [[str(row.draw), row.record, row.answer, row.confidence, row.distance] for row in kept.rows]
    described = {"n": kept.n, "limits": [limits.random, limits.unsure, limits.far], "rows": rows}
    return sized(json.dumps(described).encode())


def _read_kept(data: bytes) -> KeptRows | None:
    described: Any = json.loads(data)
    if described is None:
        return None
    rows = tuple(KeptRow(int(draw), *values) for draw, *values in described["rows"])
    return KeptRows(described["n"], KeepLimits(*described["limits"]), rows)
