"""The front door as an ASGI application: a request's bytes to a model, a refusal, or a word about the server.

Under `router.connections` a request comes whole and its reply is one write; under any other ASGI server the
same application reads and sends as ASGI has it.
Leaves to others: the protocol (`serve.protocol`), who answers (`router.desk`), connections.
Always: every reply names its request; every refusal says what was wanted, what came and the next step; who
may not ask learns nothing.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from hmac import compare_digest
from pathlib import Path
from typing import Any

from xxhash import xxh3_64_intdigest

from smallcraft import __version__
from smallcraft.errors import SmallcraftError
from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.protocol.encodings import unpack_body
from smallcraft.serve.protocol.headers import find_headers
from smallcraft.serve.protocol.messages import Message, json_message, one_of, refusal_of, write_refusal
from smallcraft.serve.protocol.metadata import (
    model_metadata,
    model_ready,
    server_live,
    server_metadata,
    server_ready,
)
from smallcraft.serve.protocol.openapi import describe_server
from smallcraft.serve.protocol.opening import open_infer, open_predict
from smallcraft.serve.protocol.replies import write_reply
from smallcraft.serve.protocol.routes import Goal, Route, find_route
from smallcraft.serve.questions import Refusal
from smallcraft.serve.router.asking import Given, Request
from smallcraft.serve.router.desk import Desk
from smallcraft.serve.router.exchanges import EXCHANGE, Exchange
from smallcraft.serve.router.models import ServedModel
from smallcraft.serve.router.pages import show_pages
from smallcraft.serve.tracing import Span, Tracing

_LOG = logging.getLogger("smallcraft.serve")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]
# Asks the supervisor: for what, about which rollout, and what the client accepts.
AskSupervisor = Callable[[Goal, str, str], Awaitable[Message]]

_NONE: Mapping[str, Any] = {}
_OPEN_TO_ALL: frozenset[Goal] = frozenset({"live", "ready"})
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_NO_TOKEN = Refusal(
    401,
    "this server wants 'authorization: Bearer TOKEN' with a token that it knows; ask who runs it for one",
    {"www-authenticate": "Bearer"},
)


class App:
    """An ASGI application over the models of one router.

    Args:
        router: Name of this life of this router; begins the names of requests.
        models: By name; the first one answers where a path names none.
        desk: Answers requests.
        counters: What it counts.
        ask_supervisor: For what only the supervisor knows.
        tokens: Any of which a client must send; none for no such rule.
        pages: Socket of the web pages, which have a token of their own; None for none.
        most_bytes: Of a body, unpacked.
        tracing: Of sampled requests; None for none.
    """

    def __init__(
        self,
        router: str,
        models: Mapping[str, ServedModel],
        desk: Desk,
        counters: Counters,
        *,
        ask_supervisor: AskSupervisor,
        tokens: Sequence[str] = (),
        pages: Path | None = None,
        most_bytes: int = 1 << 20,
        tracing: Tracing | None = None,
    ) -> None:
        self._models = models
        self._desk = desk
        self._counters = counters
        self._ask_supervisor = ask_supervisor
        self._tokens = tuple(token.encode() for token in tokens)
        self._pages = pages
        self._most_bytes = most_bytes
        self._tracing = tracing
        self._router = router.encode()
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers: Headers = scope["headers"]
        exchange: Exchange | None = scope.get("extensions", _NONE).get(EXCHANGE)
        body: bytes | bytearray | None
        if exchange is not None:
            body, request_id = exchange.body, exchange.request_id
        else:
            request_id = next((value for name, value in headers if name == b"x-request-id"), None)
            body = await read_body(receive, self._most_bytes)
        try:
            message = self._respond(scope, headers, body, exchange)
            if not isinstance(message, Message):
                message = await message
        except SmallcraftError as error:
            message = self._refuse("invalid", refusal_of(error))
        except Exception:  # noqa: BLE001 - the edge of a request: whatever broke, the others go on
            _LOG.exception("a request was not answered")
            message = self._refuse("broken", refusal_of(SmallcraftError()))
        message.headers.append((b"x-request-id", self._name_of(request_id)))
        self._counters.reply_bytes += len(message.body)
        if exchange is not None:
            exchange.reply(message)
            return
        await send({"type": "http.response.start", "status": message.status, "headers": message.headers})
        is_head = scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if is_head else message.body})

    def _respond(
        self, scope: Scope, headers: Headers, body: bytes | bytearray | None, exchange: Exchange | None
    ) -> Message | Awaitable[Message]:
        """The reply to a request, or what will be it."""
        if body is None:
            told = f"a body may have {self._most_bytes} bytes, got more; ask about fewer rows at a time"
            return self._refuse("body", Refusal(413, told, {}))
        route = find_route(scope["method"], scope["path"])
        if isinstance(route, Refusal):
            return self._refuse("unknown", route)
        if route.goal == "pages":
            return show_pages(self._pages, scope, bytes(body))
        if self._tokens and route.goal not in _OPEN_TO_ALL and not self._may_ask(headers):
            return self._refuse("token", _NO_TOKEN)
        if route.goal == "infer" or route.goal == "predict":
            return self._answer(route, headers, bytes(body), exchange)
        return self._tell(route, headers)

    async def _answer(
        self, route: Route, headers: Headers, body: bytes, exchange: Exchange | None
    ) -> Message:
        model = self._models.get(route.model) or self._model(route.model)
        if isinstance(model, Refusal):
            return self._refuse("unknown", model)
        self._counters.request_bytes += len(body)
        found = find_headers(headers)
        fingerprint = xxh3_64_intdigest(body)
        if found.encoding is not None:
            body = unpack_body(body, found.encoding, most_bytes=self._most_bytes)
        if route.goal == "infer":
            opened = open_infer(body, json_length=found.json_length, key=found.key)
        else:
            opened = open_predict(body, key=found.key)
        request = Request(opened, fingerprint, version=route.version)
        if exchange is not None:
            exchange.on_gone = request.gone
        span = None if self._tracing is None else self._begin(route.goal, headers)
        given = await self._desk.answer(model, request)
        if span is not None:
            _end(span, given)
        if isinstance(given, Given):
            return write_reply(given.question, given.answered.reply, given.interface, arm=given.arm)
        return write_refusal(given)

    async def _tell(self, route: Route, headers: Headers) -> Message:
        goal = route.goal
        if goal == "live":
            return server_live()
        if goal == "ready":
            absent = [name for name, model in self._models.items() if not model.is_ready]
            return server_ready(why_not=f"{', '.join(absent)} cannot answer yet" if absent else "")
        if goal == "server":
            return server_metadata(__version__)
        if goal == "openapi":
            told = [interface for model in self._models.values() for interface in model.interfaces().values()]
            return json_message(describe_server(told, version=__version__))
        if goal in {"model", "model_ready"}:
            return self._tell_model(route)
        accept = next((value for name, value in headers if name == b"accept"), b"")
        return await self._ask_supervisor(goal, route.rollout, accept.decode("latin-1"))

    def _tell_model(self, route: Route) -> Message:
        model = self._model(route.model)
        if isinstance(model, Refusal):
            return self._refuse("unknown", model)
        if route.version and route.version not in model.versions:
            known = ", ".join(model.versions) or "none yet"
            told = f"version {route.version[:40]!r} is not served; there is {known}"
            return self._refuse("unknown", Refusal(404, told, {}))
        if route.goal == "model_ready":
            return model_ready(model.name, why_not="" if model.is_ready else "no worker answers yet")
        interfaces = model.interfaces(route.version)
        if not interfaces:
            return model_ready(model.name, why_not="it is not loaded yet")
        own = interfaces.get("") or next(iter(interfaces.values()))
        return model_metadata(own, versions=model.versions, heads=[head for head in interfaces if head])

    def _model(self, name: str) -> ServedModel | Refusal:
        model = self._models.get(name) if name else next(iter(self._models.values()), None)
        if model is not None:
            return model
        return Refusal(404, f"no model of the name {name[:80]!r}; {one_of(name, self._models)}", {})

    def _may_ask(self, headers: Headers) -> bool:
        sent = next((value for name, value in headers if name == b"authorization"), b"")
        scheme, _, token = sent.partition(b" ")
        # Every token is compared, so that the time tells nothing about any.
        matches = [compare_digest(token.strip(), known) for known in self._tokens]
        return scheme.lower() == b"bearer" and any(matches)

    def _name_of(self, sent: bytes | None) -> bytes:
        """The client's name for its request where it is one, else one of ours."""
        if sent is not None and _REQUEST_ID.fullmatch(sent):
            return sent
        return b"%b-%x" % (self._router, next(self._numbers))

    def _begin(self, goal: Goal, headers: Headers) -> Span | None:
        assert self._tracing is not None
        sent = next((value for name, value in headers if name == b"traceparent"), None)
        return self._tracing.begin(goal, None if sent is None else sent.decode("latin-1"))

    def _refuse(self, reason: str, told: Refusal) -> Message:
        self._counters.refuse(reason)
        return write_refusal(told)


def _end(span: Span, given: Given | Refusal) -> None:
    if isinstance(given, Given):
        facts = {"smallcraft.release": given.interface.facts.label, "smallcraft.arm": given.arm}
        span.end({"http.response.status_code": 200, **facts})
    else:
        failure = given.message if given.status >= 500 else ""
        span.end({"http.response.status_code": given.status}, failure=failure)


async def read_body(receive: Receive, most: int) -> bytes | None:
    """A body as ASGI brings it; None when it has more bytes than this."""
    body = bytearray()
    while True:
        event = await receive()
        body += event.get("body", b"")
        if len(body) > most:
            return None
        if not event.get("more_body"):
            return bytes(body)
