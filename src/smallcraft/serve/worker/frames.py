"""Length-prefixed frames between a router and a worker on one machine: how they begin, and how they are cut.

Both ends are of one version (the supervisor starts both), so nothing is negotiated; a frame that does not fit
is a broken link, never a guess. Numbers are in this machine's byte order.
Leaves what stands in a frame to `worker.asking` and `worker.replying`.
Always: frames come out as they went in, however the stream was cut.
Not covered: hostile peers; the socket belongs to one user, in a folder that only they enter.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

from smallcraft.errors import IntegrityError

# From the router: a question, and one that nobody waits for any more.
ASK, CANCEL = 1, 2
# From the worker: what it serves; an answer; wrong rows, too late, a failure; "send me no more".
HELLO, REPLY, REFUSED, EXPIRED, FAILED, LEAVING = 3, 4, 5, 6, 7, 8

MOST_BYTES = 256 << 20
# Bytes that follow these twelve, the question's number, the kind.
PREFIX = struct.Struct("<III")
_BODY = PREFIX.size
_SIZE = struct.Struct("<I")


def short_frame(kind: int, number: int, text: str = "") -> bytes:
    """A frame of a number and a text, such as a refusal."""
    told = text.encode()
    return PREFIX.pack(len(told), number, kind) + told


def short_text(frame: bytes) -> str:
    """The text of a short frame."""
    return frame[_BODY:].decode()


def hello_frame(told: Mapping[str, Any]) -> bytes:
    """What a worker says first, as JSON."""
    return short_frame(HELLO, 0, json.dumps(told))


def read_hello(frame: bytes) -> Mapping[str, Any]:
    """What `hello_frame` was given."""
    told: Mapping[str, Any] = json.loads(short_text(frame))
    return told


def kind_of(frame: bytes) -> int:
    """What a frame is: one of the constants above."""
    return frame[8]


def number_of(frame: bytes) -> int:
    """Which question it is about."""
    number: int = _SIZE.unpack_from(frame, 4)[0]
    return number


class FrameCutter:
    """Cuts a stream into frames."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Frames that are whole with these bytes, in order.

        Raises:
            IntegrityError: A frame claims more bytes than any may have.
        """
        if self._left:
            data = self._left + data
        frames: list[bytes] = []
        start, end = 0, len(data)
        while end - start >= _BODY:
            stop = start + _BODY + _SIZE.unpack_from(data, start)[0]
            if stop - start > MOST_BYTES:
                raise IntegrityError(
                    f"a frame may have {MOST_BYTES} bytes, got one that claims {stop - start}; "
                    "both ends must be of one version: restart the server"
                )
            if stop > end:
                break
            frames.append(data if stop - start == end else data[start:stop])
            start = stop
        self._left = data[start:] if start else data
        return frames
