"""One release as a router reaches it: through a link to its worker, or in the router itself.

A worker may be replaced while requests are under way: the old link finishes what it has, the new one takes
what comes; while there is none, requests wait for it until their time is over.
Leaves to others: which arm is asked and what is counted (`router.desk`), starting workers (the supervisor).
Always: a question ends once; what was lost with a worker is told apart from what a model refused.
Not covered: an encoder in the router itself; it would hold up every other request for as long as it computes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

from smallcraft.bundle.inputs import Inputs
from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.interface import ModelInterface, interface_of
from smallcraft.serve.questions import ModelFacts, Question, Reply
from smallcraft.serve.router.admission import Gate
from smallcraft.serve.router.links import Link, Outcome, Refused, Unanswered, Why
from smallcraft.serve.router.stepping import Slot
from smallcraft.serve.worker.blackbox import BlackBox
from smallcraft.serve.worker.replying import Answered


class LocalModel(Protocol):
    """A bundle that is loaded in the router itself."""

    @property
    def heads(self) -> Mapping[str, ModelFacts]:
        """Facts by head, the model's own under the empty name."""

    def answer(self, inputs: Inputs, head: str = "") -> Reply:
        """The reply to one question."""


class Asked(Protocol):
    """A request, as far as whoever asks a worker about it needs to know."""

    @property
    def fingerprint(self) -> int:
        """64-bit hash of its body."""

    @property
    def is_alone(self) -> bool:
        """Whether it must be answered in no batch with others."""

    def asked_over(self, link: Link, number: int) -> None:
        """It is under way over a link, which is to be told when the client goes."""


class Local:
    """A model in the router itself.

    Args:
        model: What answers.
        box: Where the router notes what it is at.
    """

    def __init__(self, model: LocalModel, box: BlackBox) -> None:
        self.interfaces = {head: interface_of(facts) for head, facts in model.heads.items()}
        self._model = model
        self._box = box

    def answer(self, question: Question, fingerprint: int) -> Answered | Refused:
        """Answer now; nothing else happens in the router meanwhile."""
        began = time.monotonic()
        self._box.begin((fingerprint,), now=began)
        try:
            reply = self._model.answer(question.inputs, question.head)
        except InvalidInputError as error:
            return Refused(str(error), is_clients=True)
        except Exception as error:  # noqa: BLE001 - a model may fail in any way; the router goes on
            return Refused(f"{type(error).__name__}: {error}", is_clients=False)
        finally:
            self._box.end()
        return Answered(reply, time.monotonic() - began, question.inputs.n)


class Arm:
    """A release that may be asked.

    Args:
        digest: Of its bundle.
        gate: Admits requests.

    Attributes:
        interfaces: What its heads read and answer; empty until it was reached once.
        link: To the worker that takes its questions; None for none.
        local: The model in the router itself; None for none.
        is_retired: Whether it is served no more, so that waiting for it is in vain.
    """

    def __init__(self, digest: str, gate: Gate) -> None:
        self.digest = digest
        self.gate = gate
        self.interfaces: Mapping[str, ModelInterface] = {}
        self.link: Link | None = None
        self.local: Local | None = None
        self.is_retired = False
        self._links: list[Link] = []
        self._wanted: list[Slot[None]] = []

    @property
    def version(self) -> str:
        """Of the release; empty until it was reached once."""
        return next((told.facts.version for told in self.interfaces.values()), "")

    @property
    def is_ready(self) -> bool:
        """Whether a question would be answered now."""
        return self.local is not None or self.link is not None

    @property
    def queued(self) -> int:
        """Requests that wait for a worker."""
        return len(self._wanted)

    @property
    def is_busy(self) -> bool:
        """Whether questions are under way."""
        return any(link.waiting for link in self._links)

    def use_link(self, link: Link) -> None:
        """Ask this worker from now on; older links finish what they have."""
        self.interfaces = link.interfaces
        for older in self._links:
            older.close()
        self._links = [older for older in self._links if older.waiting]
        self._links.append(link)
        self.link = link
        self._wake()

    def use_local(self, local: Local) -> None:
        """Answer here from now on; links finish what they have."""
        self.interfaces = local.interfaces
        self.local = local
        self._hang_up()
        self._wake()

    def lose(self, link: Link) -> None:
        """A worker takes no more questions, or is gone."""
        if self.link is link:
            self.link = None
        if not link.is_connected and link in self._links:
            self._links.remove(link)

    def retire(self) -> None:
        """Nothing more will be asked; links finish what they have, and who waits is told."""
        self.is_retired = True
        self._hang_up()
        self._wake()

    def give_up_late(self, now: float) -> None:
        """End what is past its deadline."""
        for link in self._links:
            link.give_up_late(now)

    async def until_linked(self, deadline: float) -> bool:
        """Wait for a worker; False when the time is over, or the release is served no more."""
        loop = asyncio.get_running_loop()
        while not self.is_ready:
            if self.is_retired:
                return False
            wanted: Slot[None] = Slot()
            self._wanted.append(wanted)
            timer = loop.call_later(max(deadline - time.monotonic(), 0.0), wanted.set, None)
            try:
                await wanted
            finally:
                timer.cancel()
                self._wanted.remove(wanted)
            if time.monotonic() >= deadline:
                return self.is_ready
        return True

    def ask(self, question: Question, asked: Asked, deadline: float) -> Outcome | Slot[Outcome]:
        """Ask, and have the outcome now or later.

        Args:
            question: As the arm's head reads it.
            asked: The request that it is of.
            deadline: Monotonic seconds.
        """
        if self.local is not None:
            return self.local.answer(question, asked.fingerprint)
        link = self.link
        if link is None:
            return Unanswered(Why.LOST, is_repeat=True)
        number, outcome = link.ask(
            question, fingerprint=asked.fingerprint, deadline=deadline, is_alone=asked.is_alone
        )
        asked.asked_over(link, number)
        return outcome

    def _hang_up(self) -> None:
        self.link = None
        for link in self._links:
            link.close()
        self._links = [link for link in self._links if link.waiting]

    def _wake(self) -> None:
        for wanted in tuple(self._wanted):
            wanted.set(None)
