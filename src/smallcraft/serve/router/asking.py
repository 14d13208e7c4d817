"""One attempt at one release: read the request as that release has its columns, admit it, ask.

Leaves to others: which release, and what follows a failure (`router.desk`).
Always: an attempt ends, and what was admitted is released.
"""

from __future__ import annotations

import time
from typing import NamedTuple, cast

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.interface import ModelInterface
from smallcraft.serve.protocol.opening import Opened
from smallcraft.serve.protocol.reading import choose_head, read_question
from smallcraft.serve.questions import Arm as ArmName
from smallcraft.serve.questions import Question
from smallcraft.serve.router.arms import Arm
from smallcraft.serve.router.links import Link, Refused, Unanswered, Why
from smallcraft.serve.router.stepping import Slot
from smallcraft.serve.worker.replying import Answered


class Request:
    """One request for a model.

    Args:
        opened: Its body.
        fingerprint: 64-bit hash of the body.
        version: The release that its path names; empty for the server's choice.

    Attributes:
        arrived: Monotonic seconds.
        is_alone: Whether it must be answered in no batch with others.
        is_gone: Whether its client has gone.
    """

    __slots__ = ("_link", "_number", "arrived", "fingerprint", "is_alone", "is_gone", "opened", "version")

    def __init__(self, opened: Opened, fingerprint: int, *, version: str = "") -> None:
        self.opened = opened
        self.fingerprint = fingerprint
        self.version = version
        self.arrived = time.monotonic()
        self.is_alone = self.is_gone = False
        self._link: Link | None = None
        self._number = 0

    def gone(self) -> None:
        """The client has gone."""
        self.is_gone = True
        if self._link is not None:
            self._link.give_up(self._number, Why.GONE)

    def asked_over(self, link: Link, number: int) -> None:
        """It is under way over a link, which is to be told when the client goes."""
        self._link, self._number = link, number


class Given(NamedTuple):
    """An answer and whose it is; a tuple, since a frozen dataclass costs a microsecond more a request.

    Attributes:
        question: The request, as the release has its columns.
        answered: What it said.
        interface: Of the release, or its head, that said it.
        arm: Which arm that release is.
    """

    question: Question
    answered: Answered
    interface: ModelInterface
    arm: ArmName


async def try_arm(
    arm: Arm, request: Request, *, name: ArmName, deadline: float
) -> Given | Refused | Unanswered:
    """Ask one release once.

    Args:
        arm: The release, which can be asked now.
        request: What is asked.
        name: Which arm the release is.
        deadline: Monotonic seconds.
    """
    gate = arm.gate
    if not gate.enter():
        return Unanswered(Why.FULL, is_repeat=not gate.is_first_refusal())
    try:
        opened = request.opened
        interface = choose_head(opened, arm.interfaces)
        question = read_question(opened, interface)
        outcome = arm.ask(question, request, deadline)
        if type(outcome) is Slot:
            outcome = await outcome
        if type(outcome) is Answered:
            return Given(question, outcome, interface, name)
        return cast("Refused | Unanswered", outcome)
    except InvalidInputError as error:
        return Refused(str(error), is_clients=True)
    finally:
        gate.leave()
