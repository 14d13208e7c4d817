"""A router's end of the link to one worker: questions out, answers back to whoever waits for them.

What a router needs of a link is `Link`; `WorkerLink` is one over a unix socket.
Leaves to others: which worker is asked, and what follows when it does not answer (`router.arms`).
Always: each question ends exactly once: with an answer, a refusal, too late, or lost with its worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from smallcraft.errors import IntegrityError
from smallcraft.serve.protocol.interface import ModelInterface, interface_of
from smallcraft.serve.questions import Question
from smallcraft.serve.router.stepping import Slot
from smallcraft.serve.worker.asking import ask_frame
from smallcraft.serve.worker.facts import read_heads
from smallcraft.serve.worker.frames import (
    CANCEL,
    EXPIRED,
    FAILED,
    HELLO,
    LEAVING,
    PREFIX,
    REFUSED,
    REPLY,
    FrameCutter,
    read_hello,
    short_frame,
    short_text,
)
from smallcraft.serve.worker.replying import Answered, ReplyCodec


class Why(Enum):
    """Why a question has no answer.

    Attributes:
        LOST: Its worker died, or hung up.
        TIMED_OUT: Its worker had it, and its time is over.
        EXPIRED: Its time was over before its worker began.
        GONE: Its client does not wait any more.
        FULL: There was no room for it.
        POISON: It ended two processes.
    """

    LOST = "lost"
    TIMED_OUT = "timed out"
    EXPIRED = "expired"
    GONE = "gone"
    FULL = "full"
    POISON = "poison"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question without an answer.

    Attributes:
        why: The reason.
        is_repeat: Whether another question told of the same failure: a worker that dies fails all that it
            has, and that is one failure.
    """

    why: Why
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The worker would not answer: the rows were wrong (its client can mend them), or the model failed."""

    message: str
    is_clients: bool


Outcome = Answered | Unanswered | Refused


class Link(Protocol):
    """A way to a release that is loaded elsewhere."""

    @property
    def box(self) -> Path | None:
        """The black box of the worker at its end; None where it cannot be read from here."""

    @property
    def interfaces(self) -> Mapping[str, ModelInterface]:
        """What its heads read and answer."""

    @property
    def is_leaving(self) -> bool:
        """Whether it takes no more."""

    @property
    def is_connected(self) -> bool:
        """Whether somebody is at its end."""

    @property
    def waiting(self) -> int:
        """Questions under way."""

    def ask(
        self, question: Question, *, fingerprint: int, deadline: float, is_alone: bool = False
    ) -> tuple[int, Slot[Outcome]]:
        """Send a question; its number on the link, and what will be its outcome."""

    def give_up(self, number: int, why: Why) -> None:
        """Nobody waits for a question any more."""

    def give_up_late(self, now: float) -> None:
        """End what is past its deadline."""

    def close(self) -> None:
        """Ask nothing more; hang up when all is answered."""


class _Waiter(NamedTuple):
    outcome: Slot[Outcome]
    head: str
    deadline: float


class WorkerLink(asyncio.Protocol):
    """The link to one worker.

    Args:
        box: The worker's black box.
        on_end: Called once when the link is closed, and once before if the worker says that it leaves.

    Attributes:
        interfaces: What its heads read and answer; empty until it has said so.
        is_leaving: Whether it takes no more.
    """

    def __init__(self, box: Path, on_end: Callable[[WorkerLink], None]) -> None:
        self.box = box
        self.interfaces: Mapping[str, ModelInterface] = {}
        self.is_leaving = False
        self._codecs: Mapping[str, ReplyCodec] = {}
        self._on_end = on_end
        self._ready: Slot[bool] = Slot()
        self._transport: asyncio.Transport | None = None
        self._cutter = FrameCutter()
        self._waiters: dict[int, _Waiter] = {}
        self._number = 0

    @property
    def is_open(self) -> bool:
        """Whether questions may be asked."""
        return self._transport is not None and not self.is_leaving and bool(self.interfaces)

    @property
    def is_connected(self) -> bool:
        """Whether the worker is there."""
        return self._transport is not None

    @property
    def waiting(self) -> int:
        """Questions under way."""
        return len(self._waiters)

    async def until_ready(self) -> bool:
        """Whether the worker has said what it serves; False when it hung up first."""
        return await self._ready

    def ask(
        self, question: Question, *, fingerprint: int, deadline: float, is_alone: bool = False
    ) -> tuple[int, Slot[Outcome]]:
        """Send a question.

        Args:
            question: As its head reads it.
            fingerprint: 64-bit hash of the request.
            deadline: Monotonic seconds.
            is_alone: Whether it must be answered in no batch with others.

        Returns:
            Its number on the link, and what will be its outcome.
        """
        assert self._transport is not None, "asked on a closed link"
        self._number = number = (self._number + 1) & 0xFFFFFFFF
        outcome: Slot[Outcome] = Slot()
        self._waiters[number] = _Waiter(outcome, question.head, deadline)
        self._transport.write(
            ask_frame(question, number, deadline=deadline, fingerprint=fingerprint, is_alone=is_alone)
        )
        return number, outcome

    def give_up(self, number: int, why: Why) -> None:
        """Nobody waits for a question any more; its worker is told, in case it has not begun."""
        waiter = self._waiters.pop(number, None)
        if waiter is None:
            return
        if self._transport is not None:
            self._transport.write(short_frame(CANCEL, number))
        waiter.outcome.set(Unanswered(why))
        self._close_if_done()

    def give_up_late(self, now: float) -> None:
        """End what is past its deadline; called a few times a second."""
        late = [number for number, waiter in self._waiters.items() if waiter.deadline < now]
        for number in late:
            self.give_up(number, Why.TIMED_OUT)

    def close(self) -> None:
        """Ask nothing more; hang up when all is answered."""
        self.is_leaving = True
        self._close_if_done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The worker is there; it will say what it serves."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Frames have arrived."""
        try:
            for frame in self._cutter.feed(data):
                self._take(frame)
        except IntegrityError:
            assert self._transport is not None
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        """The worker is gone, and so is every answer that it owed."""
        self._transport = None
        self._ready.set(False)
        # Told first: who is woken below asks for another worker, and must not be given this one.
        self._on_end(self)
        waiters, self._waiters = self._waiters, {}
        for place, waiter in enumerate(waiters.values()):
            waiter.outcome.set(Unanswered(Why.LOST, is_repeat=place > 0))

    def _take(self, frame: bytes) -> None:
        _, number, kind = PREFIX.unpack_from(frame)
        if kind == REPLY:
            # First: nearly all are.
            waiter = self._waiters.pop(number, None)
            if waiter is not None:
                waiter.outcome.set(self._codecs[waiter.head].decode(frame))
                if self.is_leaving:
                    self._close_if_done()
        elif kind == HELLO:
            heads = read_heads(read_hello(frame))
            self.interfaces = {head: interface_of(facts) for head, facts in heads.items()}
            self._codecs = {head: ReplyCodec(facts.task, facts.classes) for head, facts in heads.items()}
            self._ready.set(True)
        elif kind == LEAVING:
            self.is_leaving = True
            self._on_end(self)
            self._close_if_done()
        else:
            waiter = self._waiters.pop(number, None)
            if waiter is not None:
                waiter.outcome.set(refusal_in(kind, frame))
                if self.is_leaving:
                    self._close_if_done()

    def _close_if_done(self) -> None:
        if self.is_leaving and not self._waiters and self._transport is not None:
            self._transport.close()


def refusal_in(kind: int, frame: bytes) -> Outcome:
    """What a worker's frame says that is no reply.

    Raises:
        IntegrityError: It is of no known kind.
    """
    if kind == EXPIRED:
        return Unanswered(Why.EXPIRED)
    if kind in {REFUSED, FAILED}:
        return Refused(short_text(frame), kind == REFUSED)
    raise IntegrityError(f"a worker's frame is of a known kind, got {kind}; restart the server")


async def connect(path: Path, box: Path, on_end: Callable[[WorkerLink], None]) -> WorkerLink | None:
    """A link to the worker at a socket; None where there is none, or it hung up before its first word.

    Args:
        path: Its unix socket.
        box: Its black box.
        on_end: As `WorkerLink` has it.
    """
    loop = asyncio.get_running_loop()
    try:
        _, link = await loop.create_unix_connection(lambda: WorkerLink(box, on_end), str(path))
    except OSError:
        return None
    return link if await link.until_ready() else None
