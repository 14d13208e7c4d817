"""A release's worker, kept running: started, started again, replaced when it grows, stopped.

Leaves to others: what its end means for a rollout (the supervisor tells the controller).
Always: a worker that is replaced goes when the next one is ready, so that nobody waits; one that neither
answers nor ends is ended; one that keeps dying is started more and more seldom.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from smallcraft.serve.loading.limits import LoadLimits, explain_ending
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.children import Backoff, Child, memory_of
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.processes.settings import WorkerLimits
from smallcraft.serve.worker.blackbox import read_under_way
from smallcraft.serve.worker.starting import FAILED_TO_LOAD, WorkerOrder, write_order

_LOG = logging.getLogger("smallcraft.serve")
# What grows this much past its limit before its replacement is ready is ended at once.
_HARD = 1.5
Reason = Literal["crashed", "hung", "memory", "load_failed"]


class Watcher(Protocol):
    """Who is told what happens to workers."""

    def worker_ready(self, slot: WorkerSlot) -> None:
        """A worker of the release can be asked, at `slot.place`."""

    def worker_gone(self, slot: WorkerSlot) -> None:
        """None can."""

    def worker_died(self, slot: WorkerSlot, box: Path | None, reason: Reason) -> None:
        """One ended that should not have, with this black box; it is started again."""

    def worker_unloadable(self, slot: WorkerSlot, why: str) -> None:
        """The release does not load."""

    def worker_grew(self, slot: WorkerSlot, size_bytes: int) -> bool:
        """One grew past its limit; whether it is to be replaced."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker can be asked, and its black box."""

    socket: Path
    box: Path


class _Running:
    """One process of a slot."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.began = time.monotonic()
        self.child: Child | None = None
        self.is_ready = self.is_leaving = False
        self.failure = ""
        self.reason: Reason = "crashed"


class WorkerSlot:
    """The worker of one release.

    Args:
        source: What it serves.
        command: Starts one.
        run: Folder of sockets.
        limits: While it serves.
        loading: While it loads.
        orphan_s: How long it serves without a supervisor.
        watcher: Who is told.
        keeps_embeddings: Whether replies have what an encoder said on the way to them.
    """

    def __init__(
        self,
        source: ModelSource,
        *,
        command: tuple[str, ...],
        run: Path,
        limits: WorkerLimits,
        loading: LoadLimits,
        orphan_s: float,
        watcher: Watcher,
        keeps_embeddings: bool = False,
    ) -> None:
        self.source = source
        self.is_stopped = False
        self._command = command
        self._run = run
        self._limits = limits
        self._loading = loading
        self._orphan_s = orphan_s
        self._watcher = watcher
        self._keeps_embeddings = keeps_embeddings
        self._backoff = Backoff(limits.restart_s, limits.longest_restart_s)
        self._now: _Running | None = None
        self._next: _Running | None = None
        self._leaving: list[_Running] = []
        self._count = 0
        self._has_loaded = False
        self._timer: asyncio.TimerHandle | None = None
        self._start()

    @property
    def place(self) -> Place | None:
        """Where a worker can be asked now; None for none."""
        return None if self._now is None else self._now.place

    @property
    def is_ready(self) -> bool:
        """Whether a worker can be asked now."""
        return self._now is not None

    @property
    def reach(self) -> Mapping[str, str | None]:
        """Where it can be asked, as routers are told it."""
        place = self.place
        if place is None:
            return {"socket": None, "box": None}
        return {"socket": str(place.socket), "box": str(place.box)}

    @property
    def is_running(self) -> bool:
        """Whether any process of it is there."""
        return any(running is not None for running in (self._now, self._next, *self._leaving))

    def readings(self) -> list[tuple[int, int | None]]:
        """Number and resident bytes of each process."""
        running = (self._now, self._next, *self._leaving)
        return [
            (one.child.pid, memory_of(one.child.pid))
            for one in running
            if one is not None and one.child is not None
        ]

    def look(self, now: float) -> None:
        """End what hangs, replace what has grown; called a few times a second."""
        current = self._now
        if current is None or current.child is None:
            return
        under_way = read_under_way(current.place.box)
        if under_way.since and now - under_way.since > self._limits.batch_s:
            current.reason = "hung"
            current.child.signal(signal.SIGKILL)
            return
        size = memory_of(current.child.pid)
        if size is None or size <= self._limits.memory_bytes:
            return
        if size > _HARD * self._limits.memory_bytes:
            current.reason = "memory"
            current.child.signal(signal.SIGKILL)
        elif self._next is None and self._watcher.worker_grew(self, size):
            self._start()

    def stop(self) -> None:
        """Answer what is there, and end; nothing is started again."""
        self.is_stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for running in (self._now, self._next):
            if running is not None:
                self._leave(running)
        self._now = self._next = None

    def kill(self) -> None:
        """End at once."""
        self.stop()
        for running in self._leaving:
            if running.child is not None:
                running.child.signal(signal.SIGKILL)

    def _start(self) -> None:
        self._count += 1
        name = f"{self.source.digest[-12:]}-{self._count}"
        running = _Running(Place(self._run / f"{name}.sock", self._run / f"{name}.box"))
        self._next = running
        running.child = Child(
            self._command,
            on_message=lambda message: self._hear(running, message),
            on_end=lambda child: self._end(running, child),
        )
        order = WorkerOrder(
            source=self.source,
            limits=self._loading,
            socket=running.place.socket,
            box=running.place.box,
            memory_bytes=self._limits.memory_bytes,
            leave_s=self._limits.leave_s,
            orphan_s=self._orphan_s,
            keeps_embeddings=self._keeps_embeddings,
        )
        running.child.send(write_order(order))

    def _hear(self, running: _Running, message: Message) -> None:
        if message.get("kind") == "failed":
            running.failure = str(message["reason"])
        elif message.get("kind") == "ready" and running is self._next:
            running.is_ready = self._has_loaded = True
            before, self._now, self._next = self._now, running, None
            self._watcher.worker_ready(self)
            if before is not None:
                # Its routers have been told of the new one; LEAVING makes sure.
                self._leave(before)

    def _leave(self, running: _Running) -> None:
        running.is_leaving = True
        self._leaving.append(running)
        if running.child is not None:
            running.child.stop(within_s=self._limits.leave_s + 1.0)

    def _end(self, running: _Running, child: Child) -> None:
        running.place.socket.unlink(missing_ok=True)
        if running in self._leaving:
            self._leaving.remove(running)
            running.place.box.unlink(missing_ok=True)
            return
        was_now = running is self._now
        if was_now:
            self._now = None
        else:
            self._next = None
        code = child.code or 0
        if was_now:
            self._watcher.worker_gone(self)
        # What has loaded before and is ended from outside while it loads again has crashed.
        if running.is_ready or (self._has_loaded and code < 0):
            _LOG.error("worker %d of %s ended: %s", child.pid, self.source.label, _ending(running, code))
            self._watcher.worker_died(self, running.place.box, running.reason)
        else:
            why = running.failure if code == FAILED_TO_LOAD else explain_ending(code)
            _LOG.error("%s does not load: %s", self.source.label, why)
            self._watcher.worker_unloadable(self, why)
        if not self.is_stopped and self._next is None:
            wait_s = self._backoff.wait_s(time.monotonic() - running.began)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._start_if_none)

    def _start_if_none(self) -> None:
        if not self.is_stopped and self._next is None and self._now is None:
            self._start()


def _ending(running: _Running, code: int) -> str:
    if running.reason == "hung":
        return "one batch took longer than any may"
    if running.reason == "memory":
        return "it outgrew its memory before it could be replaced"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
