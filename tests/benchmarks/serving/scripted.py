"""A real server on a unix socket or a port, in a thread, that does what its test wants of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.serving.messages import Target

# Given a request's path and body and the connection, answers or does not.
Handler = Callable[[str, bytes, asyncio.StreamWriter], Awaitable[None]]


class ScriptedServer:
    """Reads whole requests and hands them to its handler, until `with` ends."""

    def __init__(self, handler: Handler, socket: Path | None = None) -> None:
        self._handler, self._socket = handler, socket
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        assert self._is_up.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(20)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        if self._socket is not None:
            server = await asyncio.start_unix_server(self._talk, self._socket)
            self.target = Target(path=str(self._socket))
        else:
            server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
            self.target = Target(port=server.sockets[0].getsockname()[1])
        self._is_up.set()
        await self._over.wait()
        for _ in range(5):  # turns of the loop, in which who has come is accepted: a closed server cannot
            await asyncio.sleep(0)
        server.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.wait(others, timeout=0.05)
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.lower().split("\r\n")
                length = next((line[16:] for line in lines if line.startswith("content-length: ")), "0")
                await self._handler(head.split()[1], await reader.readexactly(int(length)), writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass
        finally:
            writer.transport.abort()
            self._writers.discard(writer)


def reply(body: bytes, *headers: str, status: int = 200) -> bytes:
    """A whole reply."""
    lines = (f"HTTP/1.1 {status} What", f"content-length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def echo(path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
    """Answers what was said; the arm is the path's."""
    writer.write(reply(body, f"x-arm: {path.strip('/')}"))
