"""The routers of a supervisor: started on its listening socket, told of every assignment, heard.

Leaves to others: what they say (the supervisor), what they do (`serve.router`).
Always: a router that ends is started again; one that has grown is replaced by another before it goes; each
life of a router has a name of its own.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from smallcraft.serve.processes.children import Backoff, Child, memory_of
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.processes.pages import PAGES_SOCKET
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.router.serving import RouterOrder, write_order

_LOG = logging.getLogger("smallcraft.serve")
_DRAIN_S = 20.0
_RESTART_S, _LONGEST_RESTART_S = 0.05, 5.0


class RouterLife:
    """One life of a router.

    Attributes:
        name: Its own.
        child: The process.
        is_following: Whether it follows an assignment of every model, and so accepts connections.
        is_leaving: Whether another one takes over.
        following: The models whose assignments it follows.
        replaces: The one that goes when this one is ready; None for none.
    """

    def __init__(self, name: str, replaces: RouterLife | None = None) -> None:
        self.name = name
        self.child: Child | None = None
        self.is_following = self.is_leaving = False
        self.replaces = replaces
        self.following: set[str] = set()
        self.began = time.monotonic()

    def send(self, message: Message) -> None:
        """Tell it something."""
        if self.child is not None:
            self.child.send(message)


class Routers:
    """All routers.

    Args:
        settings: Of the server.
        run: Folder of sockets.
        listener: Descriptor of the listening socket.
        boot: Names this life of the supervisor.
        welcome: What a new router is told.
        on_message: Told what a router says.
        on_end: Told of a life that ended, with its black box.

    Attributes:
        failures: How many ended one after the other before they accepted connections.
    """

    def __init__(
        self,
        settings: ServeSettings,
        run: Path,
        *,
        listener: int,
        boot: str,
        welcome: Callable[[], Sequence[Message]],
        on_message: Callable[[RouterLife, Message], None],
        on_end: Callable[[RouterLife, Path], None],
    ) -> None:
        self._settings = settings
        self._run = run
        self._pages = run / PAGES_SOCKET if settings.pages_command else None
        self._listener = listener
        self._boot = boot
        self._welcome = welcome
        self._on_message = on_message
        self._on_end = on_end
        self._lives: list[RouterLife] = []
        self._count = 0
        self._is_stopped = False
        self.failures = 0
        self._backoff = Backoff(_RESTART_S, _LONGEST_RESTART_S)

    @property
    def is_running(self) -> bool:
        """Whether any router is there."""
        return bool(self._lives)

    @property
    def lives(self) -> tuple[RouterLife, ...]:
        """Those that are there."""
        return tuple(self._lives)

    @property
    def is_ready(self) -> bool:
        """Whether as many as wanted accept connections."""
        return sum(life.is_following for life in self._lives) >= self._settings.routers

    def start(self) -> None:
        """Start as many as are wanted."""
        for _ in range(self._settings.routers):
            self._start()

    def tell(self, message: Message) -> None:
        """Tell all of them something."""
        for life in self._lives:
            life.send(message)

    def look(self) -> None:
        """Replace those that have grown; called a few times a second."""
        limit = self._settings.workers.memory_bytes
        for life in tuple(self._lives):
            if life.child is None or life.is_leaving or not life.is_following:
                continue
            size = memory_of(life.child.pid)
            if size is not None and size > limit:
                _LOG.error(
                    "router %s has %d bytes, more than %d; another one takes over", life.name, size, limit
                )
                life.is_leaving = True
                self._start(life)

    def followed(self, life: RouterLife) -> None:
        """A router follows every assignment, and accepts connections."""
        life.is_following = True
        replaced, life.replaces = life.replaces, None
        if replaced is not None and replaced.child is not None:
            replaced.child.stop(within_s=_DRAIN_S)

    def stop(self) -> None:
        """Let all of them answer what they have, and end."""
        self._is_stopped = True
        for life in self._lives:
            if life.child is not None:
                life.child.stop(within_s=_DRAIN_S)

    def kill(self) -> None:
        """End all of them at once."""
        self._is_stopped = True
        for life in self._lives:
            if life.child is not None:
                life.child.signal(signal.SIGKILL)

    def _start(self, replaces: RouterLife | None = None) -> None:
        if self._is_stopped:
            return
        self._count += 1
        settings, name = self._settings, f"{self._boot}-{self._count}"
        box = self._run / f"router-{self._count}.box"
        life = RouterLife(name, replaces)
        life.child = Child(
            settings.router_command,
            on_message=lambda message: self._on_message(life, message),
            on_end=lambda child: self._end(life, child, box),
            keep=(self._listener,),
        )
        order = RouterOrder(
            router=name,
            listener=self._listener,
            models=tuple(source.name for source in settings.models),
            state=settings.state,
            box=box,
            http=settings.http,
            patience=settings.patience,
            open_requests=settings.open_requests,
            tokens=settings.tokens,
            tracing=settings.tracing,
            windows=settings.windows,
            orphan_s=settings.orphan_s,
            pages=self._pages,
        )
        life.send(write_order(order))
        self._lives.append(life)
        for message in self._welcome():
            life.send(message)

    def _end(self, life: RouterLife, child: Child, box: Path) -> None:
        self._lives.remove(life)
        self._on_end(life, box)
        if self._is_stopped or life.is_leaving:
            return
        _LOG.error("router %s ended with code %s; another one starts", life.name, child.code)
        self.failures = 0 if life.is_following else self.failures + 1
        wait_s = self._backoff.wait_s(time.monotonic() - life.began)
        asyncio.get_running_loop().call_later(wait_s, self._start, life.replaces)
