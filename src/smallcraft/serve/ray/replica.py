"""One replica of a release on Ray Serve: the bundle that a worker loads, asked in a worker's frames.

    frame in -> queue -> what has queued up is a batch -> one thread answers it -> frame out

Leaves to others: loading (`serve.loading`), batches and frames (`serve.worker`), where heads are warm
(`serve.ray.heads`), who asks (`serve.ray.links`).
Always: it takes no question before the bundle was verified and has answered its own test; why it could not
load is told to the controller; answers are those of a worker, bit for bit.
Not covered: quarantine of requests that kill; the black box of a replica lies on its own machine.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from smallcraft.errors import SmallcraftError
from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.children import memory_of
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.ray.naming import tell_controller
from smallcraft.serve.ray.settings import OpenRelease
from smallcraft.serve.worker.answering import BatchAnswerer
from smallcraft.serve.worker.asking import read_asked
from smallcraft.serve.worker.batching import Batch, Queue
from smallcraft.serve.worker.blackbox import unread_box
from smallcraft.serve.worker.facts import write_heads

Frames = list[tuple["asyncio.Future[bytes]", bytes]]


@dataclass(frozen=True, slots=True)
class ReplicaOrder:
    """What a replica is to do.

    Attributes:
        application: Of Ray Serve, that it belongs to.
        controller: Name of the actor that decides.
        source: What to load.
        limits: What loading may take.
        memory_bytes: Resident; past it the replica says that it is not well, and Serve replaces it.
        open_release: Opens the source.
    """

    application: str
    controller: str
    source: ModelSource
    limits: LoadLimits
    memory_bytes: int
    open_release: OpenRelease


class ReleaseReplica:
    """Answers for one release.

    Args:
        order: What to do.
        tell: Tells the controller, by its name.
    """

    def __init__(self, order: ReplicaOrder, tell: Callable[[str, Message], None] = tell_controller) -> None:
        self._order = order
        self._tell = tell
        try:
            self._model = order.open_release(order.source, order.limits)
        except Exception as error:
            tell(order.controller, {"kind": "failed", "application": order.application, "reason": str(error)})
            raise
        self._answerer = BatchAnswerer(self._model, unread_box())
        self._queue: Queue[asyncio.Future[bytes]] = Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._answering: asyncio.Task[None] | None = None
        self._number = 0
        tell(order.controller, self._told("loaded"))

    def heads(self) -> Mapping[str, Any]:
        """What its heads read and answer, as a worker tells it."""
        return write_heads(self._model.heads)

    async def ask(self, frame: bytes) -> bytes:
        """Answer a question.

        Args:
            frame: As a worker reads it, but with the seconds that are left as its deadline: the clocks of two
                machines have nothing in common.
        """
        asked = read_asked(frame)
        if asked.head:
            await self.take_head(asked.head)
        self._number += 1
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        asked = asked._replace(number=self._number, deadline=time.monotonic() + asked.deadline)
        self._queue.add(asked, reply)
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._answer_all())
        try:
            return await reply
        except asyncio.CancelledError:
            self._queue.cancel(asked.number, reply)
            raise

    async def take_head(self, head: str) -> str:
        """The name of a head that is asked for; where heads are multiplexed, Serve counts it as here."""
        return head

    def check_health(self) -> None:
        """Told by Serve to look at itself, every few seconds.

        Raises:
            SmallcraftError: It has outgrown its memory.
        """
        told = self._told("size")
        self._tell(self._order.controller, told)
        if told["memory_bytes"] is not None and told["memory_bytes"] > self._order.memory_bytes:
            raise SmallcraftError(
                f"a replica of {self._order.source.label} may have {self._order.memory_bytes} bytes, "
                f"it has {told['memory_bytes']}; another one takes over"
            )

    async def _answer_all(self) -> None:
        """Answer batch after batch until none waits."""
        loop = asyncio.get_running_loop()
        while len(self._queue):
            batch = self._queue.next_batch(time.monotonic())
            try:
                frames = await loop.run_in_executor(self._thread, self._frames, batch)
            except Exception as error:  # noqa: BLE001 - whatever broke, the next batch is answered
                for waiting in batch.taken:
                    if not waiting.source.done():
                        waiting.source.set_exception(error)
                continue
            for reply, frame in frames:
                if not reply.done():
                    reply.set_result(frame)

    def _frames(self, batch: Batch[asyncio.Future[bytes]]) -> Frames:
        frames: Frames = []
        self._answerer.answer(batch, lambda reply, frame: frames.append((reply, frame)))
        return frames

    def _told(self, kind: str) -> dict[str, Any]:
        return {
            "kind": kind,
            "application": self._order.application,
            "pid": os.getpid(),
            "memory_bytes": memory_of(os.getpid()),
        }
