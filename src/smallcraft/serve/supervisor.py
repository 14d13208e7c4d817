"""The parent of a server: starts routers and workers, starts them again, decides on rollouts, ends all.

    start: state and lease -> workers load -> routers follow -> connections are accepted
    end:   routers answer what they have -> workers answer what they have -> state is closed

Requests never pass through here, so they are served while it is busy, and for a while when it is gone.
Leaves to others: requests (`serve.router`), decisions (`serve.controller`), each child (`processes.workers`,
`processes.routers`).
Always: what was decided was written; nothing that it started outlives it for long.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from smallcraft.errors import NotFoundError, SmallcraftError
from smallcraft.serve.loading.trial import try_model
from smallcraft.serve.processes.admin import AdminChannel, listen_privately
from smallcraft.serve.processes.listening import listen
from smallcraft.serve.processes.messages import Channel, Message
from smallcraft.serve.processes.pages import Pages
from smallcraft.serve.processes.roster import Roster
from smallcraft.serve.processes.routers import RouterLife, Routers
from smallcraft.serve.processes.served import Served
from smallcraft.serve.processes.settings import ServeSettings, check_settings
from smallcraft.serve.processes.whereabouts import (
    Whereabouts,
    forget_whereabouts,
    hold_state_folder,
    make_run_folder,
    read_whereabouts,
    remove_run_folder,
    write_whereabouts,
)
from smallcraft.serve.rollout.standing import RolloutState
from smallcraft.serve.worker.blackbox import read_under_way

_LOG = logging.getLogger("smallcraft.serve")
_TICK_S = 0.25
_POLL_S = 0.05
_MOST_DEATHS = 64
_MOST_FAILURES = 3
_END_S = 30.0

OnDone = Callable[[RolloutState], None]
OnReady = Callable[[Whereabouts], None]


def serve(settings: ServeSettings, *, on_done: OnDone | None = None, on_ready: OnReady | None = None) -> None:
    """Serve until SIGTERM or SIGINT; in the main thread of a process.

    Args:
        settings: What, where, and under which limits.
        on_done: Told of a rollout that is DONE, until it returns; it moves the registry's alias.
        on_ready: Told once where the server is, when it accepts connections.

    Raises:
        InvalidInputError: The settings, the address or the state folder cannot be used.
        SmallcraftError: A release does not load.
    """
    check_settings(settings)
    with hold_state_folder(settings.state):
        asyncio.run(Supervisor(settings, on_done=on_done, on_ready=on_ready).run())


class Supervisor:
    """One server, from start to end.

    Args:
        settings: What, where, and under which limits.
        on_done: As `serve` has it.
        on_ready: As `serve` has it.
    """

    def __init__(
        self, settings: ServeSettings, *, on_done: OnDone | None = None, on_ready: OnReady | None = None
    ) -> None:
        self._settings = settings
        self._on_done = on_done
        self._on_ready = on_ready
        self._roster = Roster()
        self._models = self._roster.models
        self._routers: Routers | None = None
        self._pages: Pages | None = None
        self._deaths: list[tuple[str, tuple[int, ...]]] = []
        self._orphans: dict[Channel, str] = {}
        self._is_over = asyncio.Event()
        self._ticking: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Start, serve, end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._is_over.set)
        async with AsyncExitStack() as stack:
            last = _last_whereabouts(self._settings.state)
            listener = stack.enter_context(
                listen(
                    self._settings.host,
                    self._settings.port,
                    may_share=last is not None and last.port == self._settings.port,
                )
            )
            run = make_run_folder()
            stack.callback(remove_run_folder, run)
            where = Whereabouts(os.getpid(), str(run), self._settings.host, listener.getsockname()[1])
            stack.push_async_callback(self._end)
            await self._start(where, listener.fileno(), stack)
            if last is not None:
                loop.call_later(self._settings.orphan_s + 5.0, remove_run_folder, Path(last.run))
            if self._on_ready is not None and not self._is_over.is_set():
                self._on_ready(where)
            await self._is_over.wait()

    # --- start and end ---------------------------------------------------------------

    async def _start(self, where: Whereabouts, listener: int, stack: AsyncExitStack) -> None:
        settings, run = self._settings, Path(where.run)
        if settings.in_process:
            await self._try_first()
        for source in settings.models:
            model = Served(
                source,
                settings,
                run,
                now=time.monotonic(),
                on_news=self._tell,
                on_death=self._note_death,
                on_done=self._on_done,
            )
            self._roster.add(model)
        self._roster.hold_leases(settings)
        control = await listen_privately(where.control, lambda: Channel(self._hear_orphan, self._lose_orphan))
        admin = await listen_privately(where.admin, lambda: AdminChannel(self._obey))
        stack.callback(control.close)
        stack.callback(admin.close)
        self._publish(where, stack)
        self._ticking = asyncio.create_task(self._tick_on())
        await self._until(self._are_models_ready)
        self._routers = Routers(
            settings,
            run,
            listener=listener,
            boot=f"r{secrets.token_hex(4)}",
            welcome=self._welcome,
            on_message=self._hear,
            on_end=self._forget_router,
        )
        self._routers.start()
        await self._until(self._are_routers_ready)
        if settings.pages_command and not self._is_over.is_set():
            self._pages = Pages(settings.pages_command, run)

    async def _try_first(self) -> None:
        """Load in a child what routers will load themselves."""
        loop = asyncio.get_running_loop()
        for source in self._settings.models:
            await loop.run_in_executor(None, lambda: try_model(source, limits=self._settings.loading))  # noqa: B023 - awaited

    def _publish(self, where: Whereabouts, stack: AsyncExitStack) -> None:
        state = self._settings.state
        try:
            write_whereabouts(state, where)
        except OSError as error:
            self._roster.alarm(
                "state", f"{state} cannot be written ({error.strerror}), so no orders can be given"
            )
            return
        stack.callback(forget_whereabouts, state)

    async def _until(self, is_ready: Callable[[], bool]) -> None:
        while not self._is_over.is_set() and not is_ready():
            await asyncio.sleep(_POLL_S)

    def _are_models_ready(self) -> bool:
        for model in self._models.values():
            if model.failure and not model.is_ready:
                raise SmallcraftError(f"{model.name} is not served: {model.failure}")
        return all(model.is_ready for model in self._models.values())

    def _are_routers_ready(self) -> bool:
        assert self._routers is not None
        if self._routers.failures >= _MOST_FAILURES:
            raise SmallcraftError("routers end before they accept connections; their log says why")
        return self._routers.is_ready

    async def _end(self) -> None:
        """Routers first, so that nobody asks a worker that has gone."""
        until = time.monotonic() + _END_S
        if self._pages is not None:
            self._pages.stop()
        if self._routers is not None:
            self._routers.stop()
            await _while(lambda: self._routers is not None and self._routers.is_running, until)
            self._routers.kill()
        if self._ticking is not None:
            self._ticking.cancel()
            self._roster.tick()
        for model in self._models.values():
            model.stop(is_urgent=self._routers is None)
        await _while(lambda: any(model.is_running for model in self._models.values()), until)
        for model in self._models.values():
            model.stop(is_urgent=True)
        self._roster.close()

    # --- as time passes --------------------------------------------------------------

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                self._roster.tick()
                self._roster.look()
                if self._routers is not None:
                    self._routers.look()
            except Exception:  # noqa: BLE001 - whatever broke, requests are served on
                _LOG.exception("a tick failed")

    # --- routers ---------------------------------------------------------------------

    def _welcome(self) -> Sequence[Message]:
        """What a new router must know."""
        told: list[Message] = [{"kind": "deaths", "deaths": self._deaths}] if self._deaths else []
        return [*told, *(model.message() for model in self._models.values())]

    def _tell(self, model: Served) -> None:
        if self._routers is not None:
            self._routers.tell(model.message())

    def _hear(self, life: RouterLife, message: Message) -> None:
        kind = message.get("kind")
        if kind == "counts":
            self._roster.shipping.take(message, life)
        elif kind == "ask":
            life.send(self._roster.answer(message))
        elif kind == "alarm":
            self._roster.alarm(life.name, message["why"])
        elif kind == "following":
            self._models[message["model"]].follow_news(life.name, message["local"])
            life.following.add(message["model"])
            if self._routers is not None and life.following >= set(self._models):
                self._routers.followed(life)

    def _forget_router(self, life: RouterLife, box: Path) -> None:
        self._roster.forget_router(life.name)
        self._note_death(box)
        box.unlink(missing_ok=True)

    def _note_death(self, box: Path) -> None:
        """Remember what a process died at, for routers that are not there yet."""
        under_way = read_under_way(box)
        if under_way.fingerprints:
            self._deaths = [*self._deaths[1 - _MOST_DEATHS :], (str(box), under_way.fingerprints)]
            if self._routers is not None:
                self._routers.tell({"kind": "deaths", "deaths": self._deaths[-1:]})

    def _hear_orphan(self, message: Message, channel: Channel) -> None:
        """A router of a supervisor that was killed: what it counted is taken, and ours serve on."""
        kind = message.get("kind")
        if kind == "hello":
            self._orphans[channel] = str(message["router"])
            channel.send({"kind": "drain"})
        elif kind == "counts":
            self._roster.shipping.take(message, channel)

    def _lose_orphan(self, channel: Channel) -> None:
        router = self._orphans.pop(channel, None)
        if router is not None:
            self._roster.shipping.forget(router)

    # --- orders ----------------------------------------------------------------------

    def _obey(self, message: Message) -> dict[str, Any]:
        if message.get("command") == "stop":
            self._is_over.set()
            return {"told": "the server answers what it has, and ends"}
        told = self._roster.obey(message)
        if message.get("command") == "status":
            routers = () if self._routers is None else self._routers.lives
            pids = [life.child.pid for life in routers if life.child is not None]
            told |= {"pid": os.getpid(), "routers": pids}
        return told


async def _while(is_running: Callable[[], bool], until: float) -> None:
    while is_running() and time.monotonic() < until:
        await asyncio.sleep(_POLL_S)


def _last_whereabouts(state: Path) -> Whereabouts | None:
    """Of a server of this state folder that did not end in order."""
    try:
        return read_whereabouts(state)
    except NotFoundError:
        return None
