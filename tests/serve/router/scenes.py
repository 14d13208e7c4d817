"""A router's inside for tests: a desk, a model, and workers in threads that it reaches over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.serve.running import row
from tests.serve.worker_threads import WorkerThread

from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.metrics.tally import Tally
from smallcraft.serve.protocol.opening import open_infer
from smallcraft.serve.rollout.assignment import Assignment
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.router.asking import Request
from smallcraft.serve.router.desk import Desk, Patience
from smallcraft.serve.router.models import Reach, ServedModel
from smallcraft.serve.worker.blackbox import read_under_way


@dataclass
class Scene:
    """One router's inside."""

    patience: Patience = field(default_factory=Patience)
    limit: int = 64
    counters: Counters = field(default_factory=lambda: Counters("r1"))
    deaths: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desk = Desk(self.counters, self.patience)
        self.model = ServedModel(
            "m", router="r1", counters=self.counters, limit=self.limit, on_death=self._blame
        )

    def _blame(self, box: Path) -> None:
        self.deaths.append(box)
        self.desk.quarantine.blame(read_under_way(box).fingerprints, str(box))

    async def reach(self, worker: WorkerThread) -> bool:
        return await self.model.reach(digest_of(worker), Reach(worker.path, worker.box))

    def follow(
        self, stable: WorkerThread, canary: WorkerThread | None = None, weight: float = 0.0, **more: object
    ) -> bool:
        told = {"rollout": "ro", "step": 1, "salt": "salt", "weight": weight, **more}
        return self.model.follow(
            Assignment(1, contender(stable), None if canary is None else contender(canary), **told)
        )

    def tallies(self) -> tuple[Tally, Tally]:
        assert self.model.split is not None
        return self.model.split.tallies.arms


def digest_of(worker: WorkerThread) -> str:
    return worker.model.heads[""].digest


def contender(worker: WorkerThread) -> NamedRelease:
    return NamedRelease(worker.model.heads[""].label, digest_of(worker))


def request(first: float = 0.5, *, key: str | None = None, version: str = "", width: int = 4) -> Request:
    """A request of one row whose first number is this."""
    told = row(first, width) | ({} if key is None else {"parameters": {"key": key}})
    return Request(open_infer(json.dumps(told).encode()), hash(first) & 0xFFFF, version=version)


@contextlib.asynccontextmanager
async def scene(
    stable: WorkerThread, canary: WorkerThread | None = None, weight: float = 0.0, **settings: object
) -> AsyncIterator[Scene]:
    """A desk over one or two workers, whose links are closed in the end."""
    more = {name: settings.pop(name) for name in ("is_shadow", "rollout") if name in settings}
    made = Scene(**settings)
    try:
        assert await made.reach(stable)
        assert canary is None or await made.reach(canary)
        assert made.follow(stable, canary, weight, **more)
        yield made
    finally:
        for worker in (stable, canary):
            if worker is not None:
                worker.model.may_go_on.set()
        await hang_up(made)


async def hang_up(made: Scene) -> None:
    """Close all links of a router, and wait until they are closed."""
    arms = [*made.model._arms.values(), *made.model._retired]
    links = [link for arm in arms for link in arm._links]
    for arm in arms:
        arm.retire()
    while any(link.is_connected for link in links):
        await asyncio.sleep(0.005)


async def held(worker: WorkerThread) -> None:
    """Wait until a worker stands at the number that holds it."""
    assert await asyncio.get_running_loop().run_in_executor(None, partial(worker.model.reached.wait, 30))


# A new release is waited for ten seconds, a stable one longer than any test lasts.
CANARY_FIRST = Patience(answer_s=1000.0, canary_s=10.0)


def let_canary_be_late(made: Scene) -> None:
    """As if 100 seconds had passed for what is under way."""
    made.model.give_up_late(time.monotonic() + 100.0)


def break_link(worker: WorkerThread) -> None:
    """As if the worker had died."""
    for connection in list(worker.loop._connections.values()):
        connection.socket.shutdown(2)
