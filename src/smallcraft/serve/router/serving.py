"""A router process from its first message to its end: uvicorn over a socket that the supervisor opened.

Leaves to others: what is answered (`serve.app`), following the supervisor (`router.following`).
Always: it accepts connections only when it can answer; SIGTERM lets requests under way be answered; without
a supervisor it serves on for a while, looks for the next one, and ends when none comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from uvicorn.config import Config
from uvicorn.server import Server

from smallcraft.errors import NotFoundError
from smallcraft.serve.app import App
from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.processes.control import take_control
from smallcraft.serve.processes.messages import Channel, receive_message
from smallcraft.serve.processes.whereabouts import read_whereabouts
from smallcraft.serve.router.connections import Connection, HttpLimits, Rules
from smallcraft.serve.router.desk import Desk, Patience
from smallcraft.serve.router.following import Follower
from smallcraft.serve.router.models import ServedModel
from smallcraft.serve.tracing import TraceSettings, open_tracing
from smallcraft.serve.windows.feeding import Feeding
from smallcraft.serve.windows.settings import WindowSettings, read_windows, write_windows
from smallcraft.serve.worker.blackbox import BlackBox, read_under_way

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_SHIP_S = 0.25
_SWEEP_S = 0.1
_LOOK_S = 0.5
_DRAIN_S = 15
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class RouterOrder:
    """What a router is to do.

    Attributes:
        router: Names this life of it.
        listener: The descriptor of the listening socket, inherited.
        models: Names, the first one answers where a path names none.
        state: The folder that tells where the next supervisor is when this one is gone.
        box: Where to note what it is at.
        http: What a client may do.
        patience: How long is waited.
        open_requests: That may be open at once, a model.
        tokens: Any of which a client must send.
        tracing: Of sampled requests; None for none.
        windows: Of what was asked and answered; None for none.
        orphan_s: How long it serves without a supervisor.
        pages: Socket of the web pages that it shows at /ui; None for none.
    """

    router: str
    listener: int
    models: tuple[str, ...]
    state: Path
    box: Path
    http: HttpLimits = field(default_factory=HttpLimits)
    patience: Patience = field(default_factory=Patience)
    open_requests: int = 512
    tokens: tuple[str, ...] = ()
    tracing: TraceSettings | None = None
    windows: WindowSettings | None = None
    orphan_s: float = 30.0
    pages: Path | None = None


def write_order(order: RouterOrder) -> dict[str, Any]:
    """An order as a message."""
    windows = write_windows(order.windows)
    pages = None if order.pages is None else str(order.pages)
    told = {"state": str(order.state), "box": str(order.box), "windows": windows, "pages": pages}
    return {**asdict(order), **told}


def read_order(message: Mapping[str, Any]) -> RouterOrder:
    """An order from what `write_order` wrote."""
    tracing = message["tracing"]
    told = {
        "models": tuple(message["models"]),
        "tokens": tuple(message["tokens"]),
        "state": Path(message["state"]),
        "box": Path(message["box"]),
        "http": HttpLimits(**message["http"]),
        "patience": Patience(**message["patience"]),
        "tracing": None if tracing is None else TraceSettings(**tracing),
        "windows": read_windows(message["windows"]),
        "pages": None if message["pages"] is None else Path(message["pages"]),
    }
    return RouterOrder(**{**message, **told})


class Router(Server):
    """uvicorn, with what goes on beside requests.

    Args:
        order: What to do.
        control: The socket to the supervisor.
    """

    def __init__(self, order: RouterOrder, control: socket.socket) -> None:
        self._order = order
        self._control = control
        self._counters = counters = Counters(order.router)
        self._feeding = None if order.windows is None else Feeding(order.windows)
        windows = None if self._feeding is None else self._feeding.buffer
        self._desk = Desk(counters, order.patience, windows)
        self._models = {name: self._model(name) for name in order.models}
        self._follower = Follower(
            order.router,
            self._models,
            counters,
            self._desk.quarantine,
            box=BlackBox(order.box),
            on_drain=self._drain,
            keeps_embeddings=order.windows is not None,
        )
        app = App(
            order.router,
            self._models,
            self._desk,
            counters,
            ask_supervisor=self._follower.ask,
            tokens=order.tokens,
            pages=order.pages,
            most_bytes=order.http.body_bytes,
            tracing=open_tracing(order.tracing, service="smallcraft-router", rng=random.Random()),  # noqa: S311 - a sample
        )
        super().__init__(uvicorn_config(app, Rules(order.http, counters.refuse)))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Follow the supervisor; accept when every model can answer."""
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_connection(self._channel, sock=self._control)
        self._follower.meet(channel, is_orphan=False)
        beside = [self._follower.follow(), self._ship(), self._sweep(), self._find_supervisor()]
        if self._feeding is not None:
            beside.append(self._feeding.feed())
        self._beside = [loop.create_task(work) for work in beside]
        while not self._follower.is_ready:
            if self.should_exit or not self._follower.is_led:
                raise SystemExit(1)
            await asyncio.sleep(_SWEEP_S)
        # What is there now stays; the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way and who waits at the door, then tell what was counted last."""
        await self._let_in_the_rest(sockets or [])
        await super().shutdown(sockets)
        await self._follower.ship_last()
        for task in self._beside:
            task.cancel()
        if self._feeding is not None:
            await self._feeding.finish()

    async def _let_in_the_rest(self, listeners: Sequence[socket.socket]) -> None:
        """Accept who has connected: with the last descriptor of a socket its queue is gone."""
        loop = asyncio.get_running_loop()
        make = partial(
            cast("Callable[..., Connection]", self.config.http_protocol_class),
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        for listener in listeners:
            with contextlib.suppress(OSError):
                while True:
                    accepted, _ = listener.accept()
                    await loop.connect_accepted_socket(make, accepted)

    def _model(self, name: str) -> ServedModel:
        return ServedModel(
            name,
            router=self._order.router,
            counters=self._counters,
            limit=self._order.open_requests,
            on_death=self._blame,
        )

    def _channel(self) -> Channel:
        return Channel(self._follower.take, self._follower.lose)

    def _blame(self, box: Path) -> None:
        newly = self._desk.quarantine.blame(read_under_way(box).fingerprints, str(box))
        self._counters.quarantined += len(newly)

    def _drain(self) -> None:
        self.should_exit = True

    async def _ship(self) -> None:
        while True:
            await asyncio.sleep(_SHIP_S)
            self._follower.ship()
            if self._feeding is not None:
                self._follower.raise_alarm(self._feeding.alarm)

    async def _sweep(self) -> None:
        """Let go of clients and workers that take too long."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = time.monotonic()
            for connection in tuple(self.server_state.connections):
                cast("Connection", connection).sweep(now)
            for model in self._models.values():
                model.give_up_late(now)

    async def _find_supervisor(self) -> None:
        """Look for the next supervisor when this one is gone; end when none comes."""
        led_at = time.monotonic()
        while not self.should_exit:
            await asyncio.sleep(_LOOK_S)
            if self._follower.is_led:
                led_at = time.monotonic()
                continue
            if time.monotonic() - led_at > self._order.orphan_s:
                self._drain()
            with contextlib.suppress(OSError, NotFoundError):
                path = read_whereabouts(self._order.state).control
                loop = asyncio.get_running_loop()
                _, channel = await loop.create_unix_connection(self._channel, str(path))
                self._follower.meet(channel, is_orphan=True)


def uvicorn_config(app: App, rules: Rules) -> Config:
    """Uvicorn as it is used here: HTTP alone, our connections, no log of every request.

    Args:
        app: The application.
        rules: Of its connections.
    """
    return Config(
        cast("ASGI3Application", app),
        loop="uvloop",
        http=cast("type[asyncio.Protocol]", partial(Connection, rules=rules)),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_DRAIN_S,
    )


def run_router() -> None:
    """The whole life of a router process."""
    control = take_control()
    message = receive_message(control)
    if message is None:
        return
    order = read_order(message)
    control.setblocking(False)
    listener = socket.socket(fileno=order.listener)
    listener.setblocking(False)
    Router(order, control).run(sockets=[listener])
