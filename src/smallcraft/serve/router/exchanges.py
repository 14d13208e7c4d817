"""One request that has come whole, and its one reply: what an application is given in place of a stream.

An application that knows it finds it in the scope (`extensions[EXCHANGE]`) and answers in one write; for any
other it has the two ends of ASGI, with the body in one event and the reply put together from its events.
Leaves to others: the connection (`router.connections`), what is answered (`serve.app`).
Always: a request has one reply; what is said after it, or to a client that has gone, is dropped.
Not covered: replies that stream; an ASGI reply is sent when it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from smallcraft.serve.protocol.messages import Header, Message
from smallcraft.serve.router.stepping import Slot

EXCHANGE = "smallcraft.exchange"
_LINE, _LINES = b": ", b"\r\n"
Event = MutableMapping[str, Any]


class Sender(Protocol):
    """The connection that a request came over."""

    def send_reply(self, exchange: Exchange, message: Message) -> None:
        """Send a reply, and go on with the next request."""


class Exchange:
    """One request and its reply.

    Args:
        sender: The connection.
        scope: ASGI's.

    Attributes:
        body: Of the request, whole when the application is called; None when it is too long.
        request_id: The header `x-request-id`; None without one.
        keep_alive: Whether the connection stays open after the reply.
        on_gone: Called when the client goes before it was answered.
        is_done: Whether the reply was sent.
        is_gone: Whether the client has gone.
    """

    __slots__ = (
        *("_gone", "_is_told", "_sender", "_start", "body", "is_done", "is_gone", "keep_alive", "on_gone"),
        *("request_id", "scope"),
    )

    def __init__(self, sender: Sender, scope: Event) -> None:
        self.scope = scope
        self.body: bytes | bytearray | None = b""
        self.request_id: bytes | None = None
        self.keep_alive = True
        self.on_gone: Callable[[], None] | None = None
        self.is_done = self.is_gone = False
        self._sender = sender
        self._is_told = False
        self._start: Event | None = None
        self._gone: Slot[None] | None = None

    def reply(self, message: Message) -> None:
        """Send the reply."""
        if not (self.is_done or self.is_gone):
            self.is_done = True
            self._sender.send_reply(self, message)

    def leave(self) -> None:
        """The client goes, and waits for nothing any more."""
        if self.is_done or self.is_gone:
            return
        self.is_gone = True
        if self._gone is not None:
            self._gone.set(None)
        if self.on_gone is not None:
            self.on_gone()

    async def receive(self) -> Event:
        """As ASGI has it: the body, and then that the client has gone."""
        if not self._is_told:
            self._is_told = True
            return {"type": "http.request", "body": bytes(self.body or b""), "more_body": False}
        if not (self.is_done or self.is_gone):
            self._gone = Slot()
            await self._gone
        return {"type": "http.disconnect"}

    async def send(self, event: Event) -> None:
        """As ASGI has it: the beginning of a reply, and parts of its body until the last."""
        if event["type"] == "http.response.start":
            self._start = {**event, "parts": []}
            return
        assert self._start is not None, "a reply begins with http.response.start"
        self._start["parts"].append(event.get("body", b""))
        if not event.get("more_body"):
            body = b"".join(self._start["parts"])
            headers = [*self._start.get("headers", ())]
            if not any(name.lower() == b"content-length" for name, _ in headers):
                headers.append((b"content-length", b"%d" % len(body)))
            self.reply(Message(self._start["status"], headers, body))


def response_bytes(
    message: Message, usual: Iterable[Header], *, is_last: bool, is_head: bool = False
) -> bytes:
    """A reply as it goes over the wire.

    Args:
        message: Status, headers and body.
        usual: Headers of every reply.
        is_last: Whether the connection is closed after it.
        is_head: Whether only the headers were asked for.
    """
    lines = _LINES.join(map(_LINE.join, (*usual, *message.headers)))
    end = b"\r\nconnection: close\r\n\r\n" if is_last else b"\r\n\r\n"
    body = b"" if is_head else message.body
    return b"".join((STATUS_LINE[message.status], lines, end, body))
