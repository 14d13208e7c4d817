"""The controller on Ray: one named actor that counts, decides, and tells routers.

What it decides with is what the supervisor decides with (`processes.roster`), over applications of Ray Serve
in place of workers, and mailboxes in place of sockets. Its state is a folder on the machine that it was
started on, where Ray starts it again when it dies.
Leaves to others: requests (`serve.ray.ingress`), replicas (Ray Serve), the rules (`serve.rollout`).
Always: what is told was written; a shipment counts once, across kills of the controller and of routers;
while it is away, requests are served as it said last.
Not covered: the loss of its machine, whose disk has the state.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from smallcraft.errors import SmallcraftError
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.admin import AdminChannel, listen_privately
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.processes.roster import Roster
from smallcraft.serve.processes.served import Served
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.processes.whereabouts import (
    Whereabouts,
    forget_whereabouts,
    hold_state_folder,
    make_run_folder,
    remove_run_folder,
    write_whereabouts,
)
from smallcraft.serve.ray.mailboxes import Mailbox, Mailboxes
from smallcraft.serve.ray.naming import server_name
from smallcraft.serve.ray.settings import RaySettings
from smallcraft.serve.ray.slots import ReleaseSlot, ServeApplications
from smallcraft.serve.rollout.standing import RolloutState

_LOG = logging.getLogger("smallcraft.serve")
_TICK_S = 0.25
_REFRESH_S = 0.5
_ANSWER_S = 20.0
_END_S = 30.0
Value = TypeVar("Value")


class RayController:
    """Decides on the rollouts of one server; every public method is called from other processes.

    Args:
        settings: Of the server.
        on_ray: Of the cluster.
        on_done: Told of a rollout that is done, until it returns.
    """

    def __init__(
        self,
        settings: ServeSettings,
        on_ray: RaySettings,
        on_done: Callable[[RolloutState], None] | None = None,
    ) -> None:
        self._settings = settings
        self._on_ray = on_ray
        self._on_done = on_done
        self._server = server_name(settings.state)
        self._roster = Roster()
        self._mail = Mailboxes(self._forget_router)
        self._applications = ServeApplications()
        # One thread: two calls of Serve at a time get in each other's way.
        self._calls = ThreadPoolExecutor(1, thread_name_prefix="serve-calls")
        self._slots: dict[str, ReleaseSlot] = {}
        self._is_stopping = False
        # One thread has all of it; other processes' calls are handed to its loop.
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        threading.Thread(target=self._loop.run_forever, name="controller", daemon=True).start()
        self._on_loop(self._start())

    # --- for routers and replicas ----------------------------------------------------

    def hear(self, router: str, said: Sequence[Message]) -> list[Message]:
        """A router says something, and hears what there is for it."""
        return self._on_loop(self._hear(router, said))

    def hear_replica(self, message: Message) -> None:
        """A replica of a release tells of itself."""
        self._on_loop(self._hear_replica(message))

    # --- for who started it ----------------------------------------------------------

    def serves(self) -> list[str]:
        """Labels of the releases that it was started with."""
        return [source.label for source in self._settings.models]

    def standing(self) -> dict[str, Any]:
        """Whether every model answers, and why one never will."""
        return self._on_loop(self._standing())

    def listen_at(self, host: str, port: int) -> dict[str, Any]:
        """Note where requests are read; gives what was noted of where the server is."""
        return self._on_loop(self._publish(host, port))

    def is_stopped(self) -> bool:
        """Whether somebody ordered the server to end."""
        return self._is_stopping

    def stop(self) -> None:
        """End what answers, and let go of the state."""
        self._on_loop(self._end(), within_s=2 * _END_S)

    # --- on the loop -----------------------------------------------------------------

    async def _start(self) -> None:
        self._stack.enter_context(hold_state_folder(self._settings.state))
        await self._refresh()
        for source in self._settings.models:
            self._roster.add(
                Served(
                    source,
                    self._settings,
                    Path(),
                    now=time.monotonic(),
                    on_news=lambda model: self._mail.tell_all(model.message()),
                    on_death=lambda _: None,
                    on_done=self._on_done,
                    make_slot=self._make_slot,
                )
            )
        self._roster.hold_leases(self._settings)
        if self._settings.windows is not None:
            self._roster.alarm("windows", "windows for `smallcraft watch` are not written on Ray")
        run = make_run_folder()
        self._stack.callback(remove_run_folder, run)
        self._where = Whereabouts(os.getpid(), str(run), self._settings.host, self._settings.port)
        admin = await listen_privately(self._where.admin, lambda: AdminChannel(self._obey))
        self._stack.callback(admin.close)
        await self._publish(self._settings.host, self._settings.port)
        self._beside = [self._loop.create_task(work) for work in (self._tick_on(), self._refresh_on())]

    def _make_slot(self, source: ModelSource, served: Served) -> ReleaseSlot:
        slot = ReleaseSlot(
            source,
            served,
            applications=self._applications,
            calls=self._calls,
            server=self._server,
            settings=self._settings,
            on_ray=self._on_ray,
        )
        before = self._slots.get(slot.application)
        if before is not None:
            before.hand_over()
        self._slots[slot.application] = slot
        return slot

    async def _hear(self, router: str, said: Sequence[Message]) -> list[Message]:
        mailbox = self._mail.of(router, now=time.monotonic())
        for message in said:
            self._take(message, mailbox)
        return mailbox.empty()

    def _take(self, message: Message, mailbox: Mailbox) -> None:
        kind = message.get("kind")
        if kind == "hello":
            for model in self._roster.models.values():
                mailbox.send(model.message())
        elif kind == "counts":
            self._roster.shipping.take(message, mailbox)
        elif kind == "ask":
            mailbox.send(self._roster.answer(message))
        elif kind == "following":
            self._roster.models[message["model"]].follow_news(mailbox.router, message["local"])

    async def _hear_replica(self, message: Message) -> None:
        slot = self._slots.get(str(message.get("application")))
        if slot is not None:
            slot.hear(message)

    async def _standing(self) -> dict[str, Any]:
        models = self._roster.models.values()
        failures = [f"{model.name} is not served: {model.failure}" for model in models if model.failure]
        is_ready = all(model.is_ready for model in models)
        return {"is_ready": is_ready, "failure": "" if is_ready else "; ".join(failures)}

    async def _publish(self, host: str, port: int) -> dict[str, Any]:
        self._where = Whereabouts(self._where.pid, self._where.run, host, port)
        try:
            write_whereabouts(self._settings.state, self._where)
        except OSError as error:
            told = f"{self._settings.state} cannot be written ({error.strerror}), so no orders can be given"
            self._roster.alarm("state", told)
        return {"pid": self._where.pid, "run": self._where.run, "host": host, "port": port}

    def _obey(self, message: Message) -> dict[str, Any]:
        if message.get("command") == "stop":
            self._is_stopping = True
            return {"told": "the server answers what it has, and ends"}
        told = self._roster.obey(message)
        if message.get("command") == "status":
            told |= {"pid": os.getpid(), "routers": list(self._mail.routers), "on": "ray"}
        return told

    def _forget_router(self, router: str) -> None:
        self._roster.forget_router(router)

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                self._roster.tick()
                self._roster.look()
                self._mail.forget_silent(now=time.monotonic())
                self._forget_slots()
            except Exception:  # noqa: BLE001 - whatever broke, requests are served on
                _LOG.exception("a tick failed")

    def _forget_slots(self) -> None:
        for name, slot in list(self._slots.items()):
            if slot.has_left:
                del self._slots[name]

    async def _refresh_on(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_S)
            try:
                await self._refresh()
            except Exception as error:  # noqa: BLE001 - Serve's own controller may be away for a while
                _LOG.error("Ray Serve does not say how it stands: %s", error)

    async def _refresh(self) -> None:
        await self._loop.run_in_executor(self._calls, self._applications.refresh)

    async def _end(self) -> None:
        for task in self._beside:
            task.cancel()
        self._roster.tick()
        for model in self._roster.models.values():
            model.stop(is_urgent=True)
        until = time.monotonic() + _END_S
        while time.monotonic() < until:
            self._roster.look()
            await self._refresh()
            if not any(model.is_running for model in self._roster.models.values()):
                break
            await asyncio.sleep(_TICK_S)
        self._roster.close()
        forget_whereabouts(self._settings.state)
        await self._stack.aclose()

    def _on_loop(self, work: Coroutine[Any, Any, Value], *, within_s: float = _ANSWER_S) -> Value:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result(within_s)
        except TimeoutError as error:
            raise SmallcraftError(
                f"the controller did not answer within {within_s:g} s; look at its log in the Ray dashboard"
            ) from error
