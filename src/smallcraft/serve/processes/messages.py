"""JSON messages of known length over a stream socket: how the supervisor, its children and its admins talk.

Leaves to others: what the messages say.
Always: a message arrives whole or not at all; a peer that does not speak this is refused at its first bytes.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from smallcraft.errors import IntegrityError

Message = Mapping[str, Any]

MOST_BYTES = 64 << 20
_SIZE = struct.Struct(">I")


def encode_message(message: Message) -> bytes:
    """A message as it is sent: its length in four bytes, then JSON."""
    told = json.dumps(message).encode()
    return _SIZE.pack(len(told)) + told


class MessageCutter:
    """Cuts a stream into messages."""

    def __init__(self) -> None:
        self._left = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Messages that are whole with these bytes, in order.

        Raises:
            IntegrityError: The peer sends something else.
        """
        self._left += data
        messages: list[Message] = []
        while len(self._left) >= _SIZE.size:
            size = _SIZE.unpack_from(self._left)[0]
            if size > MOST_BYTES:
                raise IntegrityError(
                    f"a message may have {MOST_BYTES} bytes, got one that claims {size}; "
                    "only smallcraft itself may write to this socket"
                )
            if len(self._left) < _SIZE.size + size:
                break
            messages.append(_read(bytes(self._left[_SIZE.size : _SIZE.size + size])))
            del self._left[: _SIZE.size + size]
        return messages


def _read(told: bytes) -> Message:
    try:
        message = json.loads(told)
    except ValueError as error:
        raise IntegrityError(
            f"a message must be JSON, got something else ({error}); "
            "only smallcraft itself may write to this socket"
        ) from error
    if not isinstance(message, dict):
        raise IntegrityError(f"a message must be an object, got {type(message).__name__}; update both ends")
    return message


def send_message(connection: socket.socket, message: Message) -> None:
    """Send a message on a blocking socket.

    Raises:
        OSError: The peer is gone.
    """
    connection.sendall(encode_message(message))


def receive_message(connection: socket.socket) -> Message | None:
    """The next message on a blocking socket; None when the peer is gone.

    Raises:
        IntegrityError: The peer sends something else.
    """
    size = _receive(connection, _SIZE.size)
    if size is None:
        return None
    wanted = _SIZE.unpack(size)[0]
    if wanted > MOST_BYTES:
        raise IntegrityError(f"a message may have {MOST_BYTES} bytes, got {wanted}; update both ends")
    told = _receive(connection, wanted)
    return None if told is None else _read(told)


def _receive(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        try:
            part = connection.recv(min(size - len(parts), 1 << 16))
        except ConnectionError:
            return None
        if not part:
            return None
        parts += part
    return bytes(parts)


class Line(Protocol):
    """One end of a talk, whatever carries it."""

    @property
    def is_open(self) -> bool:
        """Whether the peer is there."""

    def send(self, message: Message) -> None:
        """Send a message; lost where the peer is."""

    def close(self) -> None:
        """Hang up."""


class Channel(asyncio.Protocol):
    """One end of a stream of messages, in an event loop.

    Args:
        on_message: Called with each message and this channel.
        on_lost: Called once when the peer is gone, or spoke something else.
    """

    def __init__(
        self, on_message: Callable[[Message, Channel], None], on_lost: Callable[[Channel], None]
    ) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._cutter = MessageCutter()
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        """Whether the peer is there."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The peer is there."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived."""
        try:
            messages = self._cutter.feed(data)
        except IntegrityError:
            self.close()
            return
        for message in messages:
            self._on_message(message, self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        """The peer is gone."""
        self._transport = None
        self._on_lost(self)

    def send(self, message: Message) -> None:
        """Send a message; lost where the peer is."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode_message(message))

    def close(self) -> None:
        """Send what is left, then hang up."""
        if self._transport is not None:
            self._transport.close()
