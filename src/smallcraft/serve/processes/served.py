"""One model in the supervisor: its controller, the workers that it needs, and what routers are told.

Leaves to others: deciding (`serve.controller`), processes (`processes.workers`, `serve.ray.slots`), routers.
Always: a worker runs for each release that the assignment names and for no other; what happens to workers of
the new release is told to the controller before anything is done about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.serve.controller import Controller
from smallcraft.serve.loading.source import ModelSource, write_source
from smallcraft.serve.metrics.reading import Restarts, WorkerReading
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.processes.sources import SourceBook
from smallcraft.serve.processes.workers import Reason, WorkerSlot
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.standing import RolloutState
from smallcraft.serve.rollout.starting import Declared
from smallcraft.serve.state.deciding import Moment

_NOWHERE: Mapping[str, str | None] = {"socket": None, "box": None}


@dataclass(frozen=True, slots=True)
class Beginning:
    """A rollout to be begun.

    Attributes:
        source: The new release.
        plan: The declared settings.
        declared: What both releases say of themselves.
        salt: A random text.
        unsafe_repeat: Whether to try a bundle that was rolled back once more.
    """

    source: ModelSource
    plan: RolloutPlan
    declared: Declared
    salt: str
    unsafe_repeat: bool = False


class Slot(Protocol):
    """What answers for one release, wherever it runs: a worker on this machine, replicas on a cluster."""

    @property
    def source(self) -> ModelSource:
        """The release."""

    @property
    def is_ready(self) -> bool:
        """Whether it can be asked now."""

    @property
    def is_running(self) -> bool:
        """Whether any of it is there."""

    @property
    def reach(self) -> Mapping[str, str | None]:
        """Where it can be asked, as `router.models.read_reach` reads it."""

    def readings(self) -> list[tuple[int, int | None]]:
        """Number and resident bytes of each process."""

    def look(self, now: float) -> None:
        """Look after it; called a few times a second."""

    def stop(self) -> None:
        """Answer what is there, and end."""

    def kill(self) -> None:
        """End at once."""


class Served:
    """One model.

    Args:
        source: The stable release that the server was started with.
        settings: Of the server.
        run: Folder of sockets.
        now: Monotonic seconds.
        on_news: Called when routers must be told something.
        on_death: Called with the black box of a worker that died.
        on_done: Told of a rollout that is done, until it returns.
        make_slot: Makes what answers for a release; by default a worker on this machine.

    Attributes:
        name: Of the model.
        controller: Decides on its rollouts.
        failure: Why the stable release does not load; empty where it does.
    """

    def __init__(
        self,
        source: ModelSource,
        settings: ServeSettings,
        run: Path,
        *,
        now: float,
        on_news: Callable[[Served], None],
        on_death: Callable[[Path], None],
        on_done: Callable[[RolloutState], None] | None = None,
        make_slot: Callable[[ModelSource, Served], Slot] | None = None,
    ) -> None:
        self.name = source.name
        self.failure = ""
        self._settings = settings
        self._run = run
        self._on_news = on_news
        self._on_death = on_death
        self._make_slot = make_slot or Served._worker_slot
        folder = settings.state / source.name
        self.controller = Controller(folder, stable=contender(source), now=now, on_done=on_done)
        self._book = SourceBook(folder)
        self._known = {source.digest: source}
        self._note(source)
        self._slots: dict[str, Slot] = {}
        self._leaving: list[Slot] = []
        self._locals: dict[str, frozenset[str]] = {}
        self._restarts: Counter[tuple[str, str]] = Counter()
        self._assignment = self.controller.assignment()
        self._arrange()

    @property
    def is_ready(self) -> bool:
        """Whether the stable release can be asked, or loaded by routers."""
        slot = self._slots.get(self._assignment.stable.digest)
        return self._settings.in_process or (slot is not None and slot.is_ready)

    @property
    def is_running(self) -> bool:
        """Whether any worker is there."""
        return any(slot.is_running for slot in (*self._slots.values(), *self._leaving))

    def sources(self) -> tuple[ModelSource, ...]:
        """The releases that are served, as far as their files are known."""
        named = [told for told in (self._assignment.stable, self._assignment.canary) if told is not None]
        found = [self._find(told.digest) for told in named]
        return tuple(source for source in found if source is not None)

    def alarms(self) -> tuple[str, ...]:
        """What a person should look at: copies of served releases that were not what was recorded."""
        return tuple(
            f"a copy of {label} was damaged and is replaced; look at the disk: {reason}"
            for source in self.sources()
            for label, reason in source.mended_copies().items()
        )

    def tick(self, at: Moment) -> None:
        """Let time pass: decide, and do what was decided; called four times a second."""
        if self.controller.tick(at) is not None:
            self._assignment = self.controller.assignment()
            self._on_news(self)
            self._arrange()

    def look(self, now: float) -> None:
        """Look after the workers; called a few times a second."""
        for slot in (*self._slots.values(), *self._leaving):
            slot.look(now)
        self._leaving = [slot for slot in self._leaving if slot.is_running]

    def begin(self, beginning: Beginning, *, at: Moment) -> str:
        """Begin a rollout.

        Returns:
            Its id.

        Raises:
            InvalidInputError: It cannot begin now; says what to do first.
            SmallcraftError: The state cannot be written.
        """
        source = beginning.source
        if source.name != self.name:
            raise InvalidInputError(f"a release of {self.name} can be rolled out here, got {source.label}")
        self._known[source.digest] = source
        # Noted first: a rollout that goes on after a kill must find what to load.
        self._book.note(source)
        self.controller.start(
            contender(source),
            beginning.plan,
            beginning.declared,
            salt=beginning.salt,
            at=at,
            unsafe_repeat=beginning.unsafe_repeat,
        )
        self.tick(at)
        state = self.controller.state
        assert state is not None
        return state.id

    def follow_news(self, router: str, local: Sequence[str]) -> None:
        """A router follows the assignment; these releases it has loaded itself."""
        self._locals[router] = frozenset(local)
        self._arrange()

    def forget_router(self, router: str) -> None:
        """A router is gone."""
        self._locals.pop(router, None)

    def message(self) -> Message:
        """What routers are told now."""
        assignment = self._assignment
        named = [told for told in (assignment.stable, assignment.canary) if told is not None]
        reach = {told.digest: self._reach(told.digest) for told in named}
        return {
            "kind": "assignment",
            "model": self.name,
            "assignment": assignment.to_message(),
            "reach": reach,
        }

    def stop(self, *, is_urgent: bool = False) -> None:
        """End all workers."""
        for slot in (*self._slots.values(), *self._leaving):
            if is_urgent:
                slot.kill()
            else:
                slot.stop()

    def workers(self) -> tuple[WorkerReading, ...]:
        """Every worker process."""
        return tuple(
            WorkerReading(self.name, slot.source.label, str(pid), size)
            for slot in (*self._slots.values(), *self._leaving)
            for pid, size in slot.readings()
        )

    def restarts(self) -> tuple[Restarts, ...]:
        """How often workers were started again."""
        counted = self._restarts.items()
        return tuple(Restarts(self.name, release, reason, count) for (release, reason), count in counted)

    # --- as a watcher of workers -----------------------------------------------------

    def worker_ready(self, slot: Slot) -> None:
        """A worker can be asked."""
        self._on_news(self)
        self.controller.report_loaded(slot.source.digest)

    def worker_gone(self, slot: Slot) -> None:
        """No worker of a release can be asked."""
        self.controller.report_unloaded(slot.source.digest)

    def worker_died(self, slot: Slot, box: Path | None, reason: Reason) -> None:
        """A worker ended that should not have."""
        if box is not None:
            self._on_death(box)
        self._restarts[slot.source.label, reason] += 1
        self.controller.report_crash(slot.source.digest)

    def worker_unloadable(self, slot: Slot, why: str) -> None:
        """A release does not load."""
        self._restarts[slot.source.label, "load_failed"] += 1
        if slot.source.digest == self._assignment.stable.digest:
            self.failure = why
        self.controller.report_load_failure(slot.source.digest, why)

    def worker_grew(self, slot: Slot, size_bytes: int) -> bool:
        """A worker grew past its limit; whether it is to be replaced."""
        digest, limit = slot.source.digest, self._settings.workers.memory_bytes
        self.controller.report_memory(digest, size_bytes=size_bytes, limit_bytes=limit)
        if digest != self._assignment.stable.digest:
            return False
        self._restarts[slot.source.label, "memory"] += 1
        return True

    # --- how -------------------------------------------------------------------------

    def _note(self, source: ModelSource) -> None:
        try:
            self._book.note(source)
        except SmallcraftError:
            # The controller raises the alarm; the source is known as long as this process lives.
            return

    def _find(self, digest: str) -> ModelSource | None:
        return self._known.get(digest) or self._book.find(digest)

    def _reach(self, digest: str) -> dict[str, Any]:
        slot, source = self._slots.get(digest), self._find(digest)
        is_local = self._settings.in_process and digest == self._assignment.stable.digest
        return {
            **(_NOWHERE if slot is None else slot.reach),
            "source": write_source(source) if is_local and source is not None else None,
        }

    def _arrange(self) -> None:
        """Start the workers that are missing, stop those that nobody needs."""
        stable, canary = self._assignment.stable, self._assignment.canary
        wanted = {stable.digest} if self._needs_worker(stable.digest) else set()
        if canary is not None:
            wanted.add(canary.digest)
        for digest in [digest for digest in self._slots if digest not in wanted]:
            slot = self._slots.pop(digest)
            slot.stop()
            self._leaving.append(slot)
        for digest in wanted - set(self._slots):
            source = self._find(digest)
            if source is None:
                self.controller.report_load_failure(digest, "nobody knows any more where its files are")
            else:
                self._slots[digest] = self._make_slot(source, self)

    def _needs_worker(self, digest: str) -> bool:
        """Of the stable release: always, or as long as a router has not loaded it itself."""
        if not self._settings.in_process:
            return True
        loaded = self._locals.values()
        return digest in self._slots and not (loaded and all(digest in local for local in loaded))

    @staticmethod
    def _worker_slot(source: ModelSource, served: Served) -> WorkerSlot:
        settings = served._settings
        return WorkerSlot(
            source,
            command=settings.worker_command,
            run=served._run,
            limits=settings.workers,
            loading=settings.loading,
            orphan_s=settings.orphan_s,
            watcher=served,
            keeps_embeddings=settings.windows is not None,
        )


def contender(source: ModelSource) -> NamedRelease:
    """A release as rollouts name it."""
    return NamedRelease(source.label, source.digest)
