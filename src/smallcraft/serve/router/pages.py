"""Shows at /ui what the web pages' process answers at its socket: a whole request there, a whole reply back.

Leaves to others: what is on the pages, and who may see them (they have a token of their own).
Always: it costs nothing where nobody asks for /ui; pages that may be starting are waited for, then are a 502
that says so; they hold no place of a request to a model; where there are none, nothing answers /ui.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import httptools

from smallcraft.serve.protocol.messages import Message, write_refusal
from smallcraft.serve.questions import Refusal

ROOT = "/ui"
_ANSWER_S = 30.0
_START_S, _LOOK_S = 10.0, 0.1
_MOST_BYTES = 32 << 20
# Of one connection, or written anew by whoever sends the reply.
_OWN_HEADERS = frozenset(
    {b"connection", b"keep-alive", b"transfer-encoding", b"date", b"server", b"upgrade", b"x-request-id"}
)
_NO_PAGES = Refusal(
    404, "nothing answers '/ui'; start the server with --ui, or run `smallcraft dashboard` beside it", {}
)
_NO_ANSWER = Refusal(
    502, "the web pages do not answer yet; they are started again, try once more in a few seconds", {}
)


def show_pages(
    pages: Path | None, scope: MutableMapping[str, Any], body: bytes
) -> Message | Awaitable[Message]:
    """The pages' answer to a request, or what will be it.

    Args:
        pages: Their socket; None for none.
        scope: Of the request, as ASGI has it.
        body: Whole.
    """
    if pages is None:
        return write_refusal(_NO_PAGES)
    path = bytes(scope["raw_path"]).removeprefix(ROOT.encode())
    if not path:
        return Message(307, [(b"location", f"{ROOT}/".encode()), (b"content-length", b"0")], b"")
    # A task of its own: a router steps its requests itself, and a time limit wants a task.
    return asyncio.get_running_loop().create_task(_forward(pages, _written(scope, path, body)))


def _written(scope: MutableMapping[str, Any], path: bytes, body: bytes) -> bytes:
    """The request as it goes to the pages, which close the connection after it."""
    query = bytes(scope["query_string"])
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    dropped = _OWN_HEADERS | {b"content-length", b"expect"}
    lines = [
        b"%b %b%b HTTP/1.1" % (method.encode(), path, b"?" + query if query else b""),
        *(b"%b: %b" % (name, value) for name, value in headers if name.lower() not in dropped),
        b"content-length: %d" % len(body),
        b"connection: close",
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def _forward(pages: Path, request: bytes) -> Message:
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await _connect(pages)
            try:
                writer.write(request)
                answer = _Answer()
                while not answer.is_whole and (data := await reader.read(1 << 16)):
                    answer.feed(data)
            finally:
                writer.close()
    except (OSError, TimeoutError, httptools.HttpParserError):
        return write_refusal(_NO_ANSWER)
    return answer.message() if answer.is_whole else write_refusal(_NO_ANSWER)


async def _connect(pages: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To their socket; a process that is just starting is waited for."""
    until = asyncio.get_running_loop().time() + _START_S
    while True:
        try:
            return await asyncio.open_unix_connection(str(pages))
        except (FileNotFoundError, ConnectionRefusedError):
            if asyncio.get_running_loop().time() >= until:
                raise
            await asyncio.sleep(_LOOK_S)


class _Answer:
    """A reply while it is read; the names are httptools'."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self.is_whole = False

    def feed(self, data: bytes) -> None:
        """More bytes; too many of them are no reply."""
        self._parser.feed_data(data)
        if len(self._body) > _MOST_BYTES:
            raise httptools.HttpParserError("the page is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if name.lower() not in _OWN_HEADERS | {b"content-length"}:
            self._headers.append((name.lower(), value))

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        self._body += part

    def on_message_complete(self) -> None:
        """Its end."""
        self.is_whole = True

    def message(self) -> Message:
        """The reply."""
        body = bytes(self._body)
        headers = [*self._headers, (b"content-length", b"%d" % len(body))]
        return Message(self._parser.get_status_code(), headers, body)
