"""A router's end of the link to a release on Ray Serve: questions out through a handle, frames back.

It stands where a link to a worker stands: the desk asks either the same way.
Leaves to others: which replica is asked (Ray Serve), what follows when it does not answer (`router.desk`).
Always: each question ends exactly once: with an answer, a refusal, too late, or lost with its replica; of
what was lost with one replica the first alone tells of a new failure.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from smallcraft.serve.protocol.interface import ModelInterface, interface_of
from smallcraft.serve.questions import ModelFacts, Question
from smallcraft.serve.ray.naming import RELEASE
from smallcraft.serve.router.links import Link, Outcome, Refused, Unanswered, Why, refusal_in
from smallcraft.serve.router.models import Reach
from smallcraft.serve.router.stepping import Slot
from smallcraft.serve.worker.asking import ask_frame
from smallcraft.serve.worker.facts import read_heads
from smallcraft.serve.worker.frames import REPLY, kind_of
from smallcraft.serve.worker.replying import ReplyCodec

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle

_LOG = logging.getLogger("smallcraft.serve")
_CONNECT_S = 30.0
_MOST_DEATHS = 256


class _Waiter(NamedTuple):
    outcome: Slot[Outcome]
    deadline: float
    task: asyncio.Task[None]


class HandleLink:
    """The link to one application.

    Args:
        handle: Of its deployment, as Ray Serve gives it.
        heads: What its heads read and answer.

    Attributes:
        box: None: the black boxes of replicas lie on other machines.
        interfaces: What its heads read and answer.
        is_leaving: Whether it takes no more.
    """

    def __init__(self, handle: DeploymentHandle, heads: Mapping[str, ModelFacts]) -> None:
        self.box = None
        self.interfaces: Mapping[str, ModelInterface] = {
            head: interface_of(facts) for head, facts in heads.items()
        }
        self.is_leaving = False
        self._codecs = {head: ReplyCodec(facts.task, facts.classes) for head, facts in heads.items()}
        self._handle = handle
        self._waiters: dict[int, _Waiter] = {}
        self._number = 0
        # Replicas that are known to have died, the newest last.
        self._dead: dict[str, None] = {}

    @property
    def is_connected(self) -> bool:
        """Whether it is in use: Serve knows who is there."""
        return not self.is_leaving or bool(self._waiters)

    @property
    def waiting(self) -> int:
        """Questions under way."""
        return len(self._waiters)

    def ask(
        self, question: Question, *, fingerprint: int, deadline: float, is_alone: bool = False
    ) -> tuple[int, Slot[Outcome]]:
        """Send a question; arguments as `WorkerLink.ask` has them."""
        self._number = number = (self._number + 1) & 0xFFFFFFFF
        left = max(deadline - time.monotonic(), 0.0)
        frame = ask_frame(question, number, deadline=left, fingerprint=fingerprint, is_alone=is_alone)
        # Among many heads of one encoder, rather where this one was read.
        handle = self._handle.options(multiplexed_model_id=question.head) if question.head else self._handle
        outcome: Slot[Outcome] = Slot()
        task = asyncio.get_running_loop().create_task(self._ask(handle, frame, number, question.head))
        self._waiters[number] = _Waiter(outcome, deadline, task)
        return number, outcome

    def give_up(self, number: int, why: Why) -> None:
        """Nobody waits for a question any more; its replica is told."""
        waiter = self._waiters.pop(number, None)
        if waiter is not None:
            waiter.task.cancel()
            waiter.outcome.set(Unanswered(why))

    def give_up_late(self, now: float) -> None:
        """End what is past its deadline; called a few times a second."""
        for number in [number for number, waiter in self._waiters.items() if waiter.deadline < now]:
            self.give_up(number, Why.TIMED_OUT)

    def close(self) -> None:
        """Ask nothing more; what is under way is answered."""
        self.is_leaving = True

    async def _ask(self, handle: DeploymentHandle, frame: bytes, number: int, head: str) -> None:
        try:
            outcome = await self._outcome(handle, frame, head)
        except Exception as error:  # noqa: BLE001 - the edge of a question: whatever broke, it ends
            _LOG.exception("a question was not carried")
            outcome = Refused(f"{type(error).__name__}: {error}", is_clients=False)
        waiter = self._waiters.pop(number, None)
        if waiter is not None:
            waiter.outcome.set(outcome)

    async def _outcome(self, handle: DeploymentHandle, frame: bytes, head: str) -> Outcome:
        from ray.exceptions import RayActorError
        from ray.serve.exceptions import BackPressureError, RayServeException

        response = None
        try:
            response = handle.ask.remote(frame)
            said = await response
        except asyncio.CancelledError:
            if response is not None:
                response.cancel()
            raise
        except RayActorError as error:
            return Unanswered(Why.LOST, is_repeat=not self._is_news(str(error.actor_id)))
        except BackPressureError:
            return Unanswered(Why.FULL)
        except RayServeException:
            return Unanswered(Why.LOST, is_repeat=True)
        kind = kind_of(said)
        return self._codecs[head].decode(said) if kind == REPLY else refusal_in(kind, said)

    def _is_news(self, replica: str) -> bool:
        """Whether a replica's death was not told before."""
        is_news = replica not in self._dead
        self._dead[replica] = None
        if len(self._dead) > _MOST_DEATHS:
            del self._dead[next(iter(self._dead))]
        return is_news


async def connect_application(reach: Reach, on_end: Callable[[Link], None]) -> Link | None:  # noqa: ARG001 - never
    """A link to the application that answers for a release; None where it does not say what it serves.

    Args:
        reach: Its name.
        on_end: Never called: an application ends when nobody is told of it any more.
    """
    if not reach.application:
        return None
    from ray import serve
    from ray.exceptions import RayError
    from ray.serve.exceptions import RayServeException

    try:
        handle = serve.get_deployment_handle(RELEASE, reach.application)
        told = await asyncio.wait_for(_heads_of(handle), _CONNECT_S)
    except (RayError, RayServeException, TimeoutError):
        return None
    return HandleLink(handle, read_heads(told))


async def _heads_of(handle: DeploymentHandle) -> Mapping[str, Any]:
    told: Mapping[str, Any] = await handle.heads.remote()
    return told
