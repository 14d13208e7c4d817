"""A replica in the test's own process, and a handle to it: the real one, without a cluster around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.loading.opening import open_model
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.ray.replica import ReleaseReplica, ReplicaOrder
from smallcraft.serve.worker.answering import Model


def open_here(source: ModelSource, limits: LoadLimits) -> Model:
    """A release, without trying it in a child first."""
    return open_model(source, limits=limits).answerer


def replica_of(
    source: ModelSource,
    told: list[Message],
    *,
    open_release: Callable[[ModelSource, LoadLimits], Model] = open_here,
    memory_bytes: int = 1 << 40,
) -> ReleaseReplica:
    """A replica whose words to the controller are kept."""
    order = ReplicaOrder(
        application="app",
        controller="controller",
        source=source,
        limits=LoadLimits(),
        memory_bytes=memory_bytes,
        open_release=open_release,
    )
    return ReleaseReplica(order, tell=lambda _, message: told.append(message))


class _Response:
    """What is awaited, as Ray Serve gives it."""

    def __init__(self, asked: asyncio.Task[bytes]) -> None:
        self.asked = asked

    def __await__(self):
        return self.asked.__await__()

    def cancel(self) -> None:
        self.asked.cancel()


class LocalHandle:
    """Asks a replica in this process; fails as a test wants first."""

    def __init__(self, replica: ReleaseReplica, *failures: Exception) -> None:
        self.replica = replica
        self.failures = list(failures)
        self.ask = self
        self.models: list[str] = []

    def options(self, **told: Any) -> LocalHandle:
        self.models.append(told["multiplexed_model_id"])
        return self

    def remote(self, frame: bytes) -> _Response:
        return _Response(asyncio.get_running_loop().create_task(self._answer(frame)))

    async def _answer(self, frame: bytes) -> bytes:
        if self.failures:
            raise self.failures.pop(0)
        return await self.replica.ask(frame)


def heads_of(replica: ReleaseReplica) -> Mapping[str, Any]:
    """As a router reads them."""
    from smallcraft.serve.worker.facts import read_heads

    return read_heads(replica.heads())
