"""Our HTTP front in a thread: uvicorn with our connections, over a real socket, for one ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from uvicorn.server import Server

from smallcraft.serve.router.connections import HttpLimits, Rules
from smallcraft.serve.router.serving import uvicorn_config


class SweepingServer(Server):
    """uvicorn that lets go of slow clients, as a router does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.sweeping = asyncio.ensure_future(self.sweep())

    async def sweep(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            for connection in tuple(self.server_state.connections):
                connection.sweep(time.monotonic())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self.sweeping.cancel()


@dataclass
class Front:
    """What is served, and who was refused."""

    port: int
    server: SweepingServer
    rules: Rules
    refused: list[str] = field(default_factory=list)

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    def dial(self) -> socket.socket:
        """A client's connection."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def say(self, data: bytes) -> bytes:
        """Send bytes, and give all that comes until the server hangs up."""
        with self.dial() as client:
            client.sendall(data)
            return listen(client)


def listen(client: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    heard = bytearray()
    with contextlib.suppress(ConnectionError):
        while data := client.recv(1 << 16):
            heard += data
    return bytes(heard)


@contextlib.contextmanager
def front(app: Any, **limits: Any) -> Iterator[Front]:
    """Serve an application.

    Args:
        app: ASGI.
        limits: Of `HttpLimits`.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    refused: list[str] = []
    rules = Rules(HttpLimits(**limits), refused.append)
    server = SweepingServer(uvicorn_config(app, rules))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Front(listener.getsockname()[1], server, rules, refused)
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()
