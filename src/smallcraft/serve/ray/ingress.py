"""One replica of the ingress on Ray Serve: the router of one machine, under Serve's HTTP proxies.

    proxy -> ASGI -> app (protocol, errors, headers) -> desk (arm, admission, counts) -> handle of a release

It is what `router.serving` is under uvicorn: the same application, desk, models, counters and follower; only
what carries requests in, questions out and counts away is Ray's.
Leaves to others: sockets, connections and their time limits (Serve's proxies), deciding
(`serve.ray.controlling`).
Always: it takes requests only when it can answer; without a controller it serves on as it was told last; a
client that goes is counted as one that went.
Not covered: windows for `smallcraft watch`, traces, the pages at /ui; they are of the server of one machine.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smallcraft.serve.app import App, Receive, Scope, Send, read_body
from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.protocol.messages import Message as Reply
from smallcraft.serve.ray.lines import ControllerLine
from smallcraft.serve.ray.links import connect_application
from smallcraft.serve.ray.naming import find_controller
from smallcraft.serve.router.desk import Desk, Patience
from smallcraft.serve.router.exchanges import EXCHANGE, Exchange
from smallcraft.serve.router.following import Follower
from smallcraft.serve.router.models import Connect, ServedModel
from smallcraft.serve.worker.blackbox import unread_box

_SHIP_S = 0.25
_SWEEP_S = 0.1
_REQUEST_ID = b"x-request-id"
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class IngressOrder:
    """What a replica of the ingress is to do.

    Attributes:
        controller: Name of the actor that decides.
        models: Names; the first answers where a path names none.
        patience: How long it waits.
        open_requests: That may be open at once, a model.
        tokens: Any of which a client must send; none for no such rule.
        most_bytes: Of a body, unpacked.
    """

    controller: str
    models: tuple[str, ...]
    patience: Patience
    open_requests: int
    tokens: tuple[str, ...]
    most_bytes: int


class Ingress:
    """An ASGI application; its lifespan is the router's life.

    Args:
        order: What to do.
        line: To the controller.
        connect: Makes links to releases.
    """

    def __init__(self, order: IngressOrder, line: ControllerLine, connect: Connect, *, router: str) -> None:
        self._order = order
        self._line = line
        counters = Counters(router)
        desk = Desk(counters, order.patience)
        self._models: Mapping[str, ServedModel] = {
            name: ServedModel(
                name,
                router=router,
                counters=counters,
                limit=order.open_requests,
                on_death=lambda _: None,
                connect=connect,
            )
            for name in order.models
        }
        self._follower = Follower(
            router, self._models, counters, desk.quarantine, box=unread_box(), on_drain=lambda: None
        )
        self._app = App(
            router,
            self._models,
            desk,
            counters,
            ask_supervisor=self._follower.ask,
            tokens=order.tokens,
            most_bytes=order.most_bytes,
        )
        self._beside: list[asyncio.Task[None]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live from start to end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def start(self) -> None:
        """Follow the controller; over when every model can answer."""
        loop = asyncio.get_running_loop()
        beside = (self._line.keep(self._follower), self._follower.follow(), self._ship(), self._sweep())
        self._beside = [loop.create_task(work) for work in beside]
        while not self._follower.is_ready:
            await asyncio.sleep(_SWEEP_S)

    async def stop(self) -> None:
        """Tell what was counted last, and end."""
        await self._follower.ship_last()
        for task in self._beside:
            task.cancel()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request as the router's own connections bring it: whole, and its client known to be there."""
        replying = _Replying()
        exchange = Exchange(replying, scope)
        exchange.request_id = next((value for name, value in scope["headers"] if name == _REQUEST_ID), None)
        exchange.body = await read_body(receive, self._order.most_bytes)
        told = {**scope, "extensions": {EXCHANGE: exchange}}
        # Apart: Serve cancels this call when the client goes, and what was asked is counted all the same.
        task = asyncio.get_running_loop().create_task(self._app(told, receive, send))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            reply = await replying.reply
        except asyncio.CancelledError:
            exchange.leave()
            raise
        # Serve names each request in its reply itself, as its client named it.
        headers = [(name, value) for name, value in reply.headers if name != _REQUEST_ID]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body})

    async def _ship(self) -> None:
        while True:
            await asyncio.sleep(_SHIP_S)
            self._follower.ship()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = time.monotonic()
            for model in self._models.values():
                model.give_up_late(now)


class _Replying:
    """Where the application sends its one reply."""

    def __init__(self) -> None:
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def send_reply(self, exchange: Exchange, message: Reply) -> None:  # noqa: ARG002 - a connection has several
        """Here it is."""
        if not self.reply.done():
            self.reply.set_result(message)


def ingress_builder(order: IngressOrder) -> Callable[[], Application]:
    """What Ray Serve builds each replica's application with.

    Args:
        order: What each is to do.
    """

    def build() -> Application:
        from ray.exceptions import RayError

        router = f"i{os.urandom(4).hex()}"
        found: list[Any] = []

        async def carry(said: Sequence[Message]) -> Sequence[Message]:
            if not found:
                found.append(find_controller(order.controller))
            try:
                heard: Sequence[Message] = await found[0].hear.remote(router, list(said))
            except RayError:
                # Another one may have come in its place.
                found.clear()
                raise
            return heard

        line = ControllerLine(carry, (RayError, ValueError))
        return Ingress(order, line, connect_application, router=router)

    return build
