"""Frames of a part: bytes appended one after the other, each with its length and digest.

Leaves to others: files and locks (`data.profiles.parts`), what is in a frame (`data.profiles.packing`).
Always: a frame is read whole and undamaged or not at all; what a killed writer left of its last frame is told
from damage further up.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from smallcraft.errors import IntegrityError

_ANY_HEADER = b"smallcraft part "
HEADER = _ANY_HEADER + b"1\n"
_LENGTH = struct.Struct("<I")
_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Frames:
    """What could be read.

    Attributes:
        payloads: Of whole frames, in order.
        whole_bytes: Where the last whole frame ends.
        is_damaged: Whether whole frames follow one that is not what was written.
    """

    payloads: tuple[bytes, ...]
    whole_bytes: int
    is_damaged: bool


def frame(payload: bytes) -> bytes:
    """A payload as it is appended."""
    return _LENGTH.pack(len(payload)) + _digest(payload) + payload


def read_frames(data: bytes) -> Frames:
    """The frames of a part's bytes, as far as they are whole.

    Args:
        data: From the first byte on, the header included.

    >>> read_frames(HEADER + frame(b"one") + frame(b"two")[:-1]).payloads
    (b'one',)
    """
    if not data.startswith(HEADER):
        return Frames((), 0, is_damaged=len(data) >= len(HEADER) and any(data))
    payloads, end, is_damaged, has_gap = [], len(HEADER), False, False
    for payload, stop in _walk(data):
        if payload is None:
            has_gap = True
        elif has_gap:
            is_damaged = True
        else:
            payloads.append(payload)
            end = stop
    return Frames(tuple(payloads), end, is_damaged)


def read_whole(data: bytes, *, name: str) -> tuple[bytes, ...]:
    """The frames of a part that was closed.

    Args:
        data: All of it.
        name: Of the file, for the message.

    Raises:
        IntegrityError: It is not what was written, or of another format.
    """
    if data.startswith(_ANY_HEADER) and not data.startswith(HEADER):
        raise IntegrityError(
            f"{name} must be a part of format 1, got another one; collect it with the version that wrote it"
        )
    found = read_frames(data)
    if found.is_damaged or found.whole_bytes != len(data):
        raise IntegrityError(
            f"{name} must hold whole frames to its end at byte {len(data)}, got damage at byte"
            f" {found.whole_bytes}; set it aside, its rows are not in the window"
        )
    return found.payloads


def _walk(data: bytes) -> Iterator[tuple[bytes | None, int]]:
    """Each frame and where it ends; None for one whose bytes are not what its digest says."""
    start = len(HEADER)
    while start + _LENGTH.size + _DIGEST_BYTES <= len(data):
        (length,) = _LENGTH.unpack_from(data, start)
        begin = start + _LENGTH.size + _DIGEST_BYTES
        stop = begin + length
        if stop > len(data):
            return
        payload = data[begin:stop]
        is_whole = length and _digest(payload) == data[start + _LENGTH.size : begin]
        yield payload if is_whole else None, stop
        start = stop


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=_DIGEST_BYTES).digest()
