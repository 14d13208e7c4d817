"""HTTP connections: uvicorn's httptools protocol with limits, and one write a reply.

A request is given to the application when all of it is there, so nobody slow holds a place in a queue.
Leaves to others: parsing (httptools), one request and its reply (`router.exchanges`), what is answered.
Always: headers and body together have a deadline; a body over the limit is refused before it is read; a
client that does not read its reply is let go; memory for bodies under way is bounded.
Not covered: TLS and HTTP/2, which a proxy in front speaks; a client that sent a second request behind the
first is not read from until that is answered, so nobody notices before that it has gone.
"""

from __future__ import annotations

import asyncio
import time
import urllib.parse
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from smallcraft.serve.protocol.messages import Message, write_refusal
from smallcraft.serve.questions import Refusal
from smallcraft.serve.router.exchanges import EXCHANGE, Exchange, response_bytes
from smallcraft.serve.router.stepping import Stepper

_NO_SCOPE: dict[str, Any] = {}
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_LONGEST_REMEMBERED = 200
# Bodies up to this size are not counted against the memory for bodies: a read call brings as much.
_SMALL_BYTES = 1 << 16
# What a refused client may still send before it is cut off: enough for it to read the refusal.
_LINGER_S = 2.0
# How long one that is idle may still ask when the server ends.
_PARTING_S = 0.5


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a client may do.

    Attributes:
        body_bytes: Of a request's body.
        header_bytes: Of its first line and headers.
        request_s: From a request's first byte to its last.
        reply_s: For a reply to be read, while nothing of it is.
        idle_s: Between requests.
        connections: Open at once, in one router.
        reading_bytes: Of all bodies under way together, small ones left out.
    """

    body_bytes: int = 1 << 20
    header_bytes: int = 1 << 16
    request_s: float = 10.0
    reply_s: float = 10.0
    idle_s: float = 75.0
    connections: int = 1024
    reading_bytes: int = 128 << 20


class Place(NamedTuple):
    """What a request's first line asks for, as ASGI has it."""

    path: str
    raw_path: bytes
    query: bytes


def _find_place(url: bytes) -> Place:
    """A URL taken apart; clients ask for the same few again and again."""
    return _remembered_place(url) if len(url) <= _LONGEST_REMEMBERED else _take_apart(url)


def _take_apart(url: bytes) -> Place:
    found = httptools.parse_url(url)
    path = found.path.decode("ascii")
    return Place(urllib.parse.unquote(path) if "%" in path else path, found.path, found.query or b"")


_remembered_place = lru_cache(maxsize=256)(_take_apart)


class Rules:
    """What all connections of a router share.

    Args:
        limits: Of each client.
        on_refused: Told in a word why a client was refused before its request was read.

    Attributes:
        reading_bytes: Of bodies under way.
    """

    def __init__(self, limits: HttpLimits, on_refused: Callable[[str], None]) -> None:
        self.limits = limits
        self.on_refused = on_refused
        self.reading_bytes = 0


class Connection(HttpToolsProtocol):
    """One client's connection.

    Args:
        config: uvicorn's.
        server_state: uvicorn's.
        app_state: uvicorn's.
        _loop: uvicorn's.
        rules: Of all connections of this router.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        rules: Rules,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._rules = rules
        self._limits = rules.limits
        self._application = cast("Callable[..., Coroutine[Any, Any, None]]", self.app)
        # The request that is read, the one that is answered, and those that wait for it.
        self._incoming: Exchange | None = None
        self._answering: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._is_refused = self._is_ending = self._has_begun = self._has_asked = False
        self._length = self._header_bytes = self._body_bytes = self._reserved = self._unread_bytes = 0
        self._request_id: bytes | None = None
        # Since when a request is read, nothing happens, a reply is unread; 0 for not now.
        self._reading_since = self._unread_since = 0.0
        self._idle_since = time.monotonic()

    # --- what the event loop says ----------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        super().connection_made(cast("asyncio.Transport", transport))
        if len(self.connections) > self._limits.connections:
            self._refuse(
                "connections", 503, f"{self._limits.connections} connections are open; come back later"
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, and waits for nothing any more."""
        self._release()
        super().connection_lost(exc)
        self._waiting.clear()
        if self._answering is not None:
            self._answering.leave()

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived."""
        if self._is_refused:
            return
        self._idle_since = 0.0
        self._has_begun = True
        if self._header_bytes >= 0:
            self._header_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here: the request is answered as what it is, and is the last.
            self._is_refused = True
            self._hang_up_after_reply()
        except httptools.HttpParserError:
            self._refuse("malformed", 400, "an HTTP/1.1 request was expected, got other bytes")
        if self._header_bytes > self._limits.header_bytes:
            self._refuse("headers", 431, f"headers may have {self._limits.header_bytes} bytes; send fewer")

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._answering is None and not self.transport.is_closing():
            self._go_on()

    def shutdown(self) -> None:
        """The server ends: answer what is under way, or comes at once, and hang up."""
        self._is_ending = True
        if self._answering is not None:
            self._hang_up_after_reply()
        elif self._incoming is not None:
            self._incoming.keep_alive = False
        elif self._idle_since:
            # Its next request may be on its way.
            self._idle_since = time.monotonic()

    # --- what the parser says --------------------------------------------------------

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._request_id = None
        self._length = self._body_bytes = 0
        self._reading_since = time.monotonic()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        name = name.lower()
        self.headers.append((name, value))
        # Lengths first: most headers are none of these.
        size = len(name)
        if size == 14 and name == b"content-length":
            self._length = int(value)
        elif size == 12 and name == b"x-request-id":
            self._request_id = value
        elif size == 6 and name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """All headers are there; a body that would be too long is not read."""
        self._header_bytes = -1
        self._has_asked = True
        self._incoming = self._open_exchange()
        if self._length > _SMALL_BYTES:
            self._expect(self._length)
        if self.expect_100_continue and not self._is_refused:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        exchange = self._incoming
        if self._is_refused or exchange is None:
            return
        if not exchange.body:
            exchange.body = body
        elif isinstance(exchange.body, bytearray):
            exchange.body += body
        else:
            exchange.body = bytearray(exchange.body) + body
        self._body_bytes += len(body)
        if self._body_bytes > max(self._reserved, _SMALL_BYTES):
            # Sent in chunks, so that nobody knows how long it will be.
            self._expect(max(self._body_bytes, self._limits.body_bytes))

    def on_message_complete(self) -> None:
        """All of a request is there: answer it, or let it wait for the one before it."""
        self._header_bytes = 0
        self._reading_since = 0.0
        if self._reserved:
            self._release()
        exchange, self._incoming = self._incoming, None
        if self._is_refused or exchange is None:
            return
        if self._answering is None:
            self._start(exchange)
        else:
            self.flow.pause_reading()
            self._waiting.append(exchange)

    # --- what the application says ---------------------------------------------------

    def send_reply(self, exchange: Exchange, message: Message) -> None:
        """Send a reply, and go on with the next request."""
        self.server_state.total_requests += 1
        self._answering = None
        transport = self.transport
        if transport.is_closing():
            return
        is_last = not exchange.keep_alive
        is_head = exchange.scope["method"] == "HEAD"
        # The scope holds the exchange: what is not tied in a ring is freed at once.
        exchange.scope = _NO_SCOPE
        usual = self.server_state.default_headers
        transport.write(response_bytes(message, usual, is_last=is_last, is_head=is_head))
        if is_last:
            transport.close()
        elif not self.flow.write_paused:
            self._go_on()

    # --- as time passes --------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """Let go of a client that takes too long; called about once a second."""
        limits, unread = self._limits, self.transport.get_write_buffer_size()
        if unread == 0 or unread < self._unread_bytes:
            self._unread_since = 0.0
        elif self._unread_since == 0.0:
            self._unread_since = now
        elif now - self._unread_since > limits.reply_s:
            self.transport.abort()
        self._unread_bytes = unread
        if self._is_refused or self._answering is not None:
            return
        if self._reading_since and now - self._reading_since > limits.request_s:
            self._refuse(
                "slow", 408, f"a request must be there within {limits.request_s:g} s; send it faster"
            )
        elif self._idle_since:
            # Who has asked before may ask again; who has not is no client yet.
            patience = limits.idle_s if self._has_asked else limits.request_s
            if now - self._idle_since > (_PARTING_S if self._is_ending else patience):
                self.transport.close()

    # --- how -------------------------------------------------------------------------

    def _open_exchange(self) -> Exchange:
        parser, place = self.parser, _find_place(self.url)
        version = parser.get_http_version()
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "scheme": self.scheme,
            "path": place.path,
            "raw_path": place.raw_path,
            "query_string": place.query,
            "root_path": "",
            "headers": self.headers,
            "client": self.client,
            "server": self.server,
        }
        exchange = Exchange(self, scope)
        scope["extensions"] = {EXCHANGE: exchange}
        exchange.request_id = self._request_id
        exchange.keep_alive = version != "1.0" and parser.should_keep_alive() and not self._is_ending
        return exchange

    def _start(self, exchange: Exchange) -> None:
        self._answering = exchange
        Stepper(self._application(exchange.scope, exchange.receive, exchange.send), self._break).go_on()

    def _start_next(self, exchange: Exchange) -> None:
        if not self.transport.is_closing():
            self._start(exchange)

    def _break(self, error: Exception) -> None:
        """The application failed, which it should never do: hang up, so that nobody waits."""
        self.logger.error("a request broke the application", exc_info=error)
        self.transport.abort()

    def _go_on(self) -> None:
        """Answer the next request, or wait for one."""
        if self._waiting:
            # Not from here: a hundred small requests that came together would call each other so deep.
            self._answering = following = self._waiting.popleft()
            self.loop.call_soon(self._start_next, following)
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self._reading_since:
            # The next request is half there; its clock stood still while nothing was read.
            self._reading_since = time.monotonic()
        else:
            self._idle_since = time.monotonic()

    def _expect(self, length: int) -> None:
        """Make room for a body, or refuse it."""
        most = self._limits.body_bytes
        if length > most:
            self._refuse(
                "body", 413, f"a body may have {most} bytes, got more; ask about fewer rows at a time"
            )
            return
        self._rules.reading_bytes += length - self._reserved
        self._reserved = length
        if self._rules.reading_bytes > self._limits.reading_bytes:
            self._refuse("reading", 503, "too many long requests come in at once; come back later")

    def _release(self) -> None:
        self._rules.reading_bytes -= self._reserved
        self._reserved = 0

    def _refuse(self, reason: str, status: int, message: str) -> None:
        """Say why, and hang up; what the client still sends is thrown away, so that it can read this."""
        if self._is_refused:
            return
        self._is_refused = True
        self._release()
        self._rules.on_refused(reason)
        if self._answering is not None:
            # Replies keep their order: the present one is the last.
            self._hang_up_after_reply()
            return
        told = write_refusal(Refusal(status, message, {"retry-after": "1"} if status == 503 else {}))
        self.transport.write(response_bytes(told, self.server_state.default_headers, is_last=True))
        if not self._has_begun:
            # Nothing was said that would have to be thrown away first.
            self.transport.close()
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)

    def _hang_up_after_reply(self) -> None:
        self._waiting.clear()
        if self._answering is not None:
            self._answering.keep_alive = False
        else:
            self.transport.close()
