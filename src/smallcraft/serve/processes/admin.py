"""The socket that takes orders: for whoever may read the state folder of the server, and nobody else.

Leaves to others: what an order does (the supervisor), how a person gives one (the command line).
Always: the socket is this user's alone, and the kernel's word is taken for who is at its other end; every
order has an answer, in words when it is refused.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from smallcraft.errors import (
    ConfigError,
    IntegrityError,
    InvalidInputError,
    MissingPartError,
    NotFoundError,
    SmallcraftError,
)
from smallcraft.serve.processes.messages import Channel, Message, receive_message, send_message
from smallcraft.serve.processes.whereabouts import read_whereabouts

_ASK_S = 30.0
_CREDENTIALS = struct.Struct("3i")
_ERRORS = {
    kind.__name__: kind
    for kind in (
        *(SmallcraftError, InvalidInputError, ConfigError, NotFoundError, IntegrityError, MissingPartError),
    )
}


class AdminChannel(Channel):
    """One admin at the socket.

    Args:
        obey: Does what a message orders, and says what came of it.
    """

    def __init__(self, obey: Callable[[Message], dict[str, Any]]) -> None:
        super().__init__(self._hear, lambda _: None)
        self._obey = obey

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there; others than this user and root are sent away."""
        super().connection_made(transport)
        if peer_of(cast("socket.socket", transport.get_extra_info("socket"))) not in {0, os.geteuid()}:
            self.close()

    def _hear(self, message: Message, channel: Channel) -> None:
        try:
            channel.send({"ok": True, **self._obey(message)})
        except SmallcraftError as error:
            kind = next((base.__name__ for base in type(error).__mro__ if base.__name__ in _ERRORS), "")
            channel.send({"ok": False, "kind": kind, "error": str(error)})


async def listen_privately(path: Path, make: Callable[[], asyncio.Protocol]) -> asyncio.AbstractServer:
    """Listen on a unix socket that is this user's alone.

    Args:
        path: Where; in a folder that is this user's alone.
        make: A protocol for each connection.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    was = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(was)
    return await asyncio.get_running_loop().create_unix_server(make, sock=listener)


def ask_server(state: Path, message: Message, *, within_s: float = _ASK_S) -> dict[str, Any]:
    """Give the running server of a state folder an order, and wait for what came of it.

    Args:
        state: The folder.
        message: The order; `command` names it.
        within_s: How long to wait.

    Raises:
        NotFoundError: No server is running.
        SmallcraftError: It refused, with the error that it had.
    """
    where = read_whereabouts(state)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(within_s)
        try:
            connection.connect(str(where.admin))
            send_message(connection, message)
            answer = receive_message(connection)
        except TimeoutError as error:
            raise SmallcraftError(
                f"the server (process {where.pid}) did not answer within {within_s:g} s; look at its log"
            ) from error
        except OSError as error:
            raise NotFoundError(
                f"no server is running with the state folder {state} ({error.strerror}); "
                "start one with 'smallcraft serve'"
            ) from error
    if answer is None:
        raise NotFoundError(f"the server (process {where.pid}) hung up; look at its log")
    if not answer["ok"]:
        raise _ERRORS.get(answer["kind"], SmallcraftError)(answer["error"])
    return {name: value for name, value in answer.items() if name != "ok"}


def peer_of(connection: socket.socket) -> int:
    """The user at the other end of a unix socket, as the kernel knows it."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(found)[1]
    return user
