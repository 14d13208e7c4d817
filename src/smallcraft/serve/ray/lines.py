"""A router's line to the controller on Ray: what it says is carried there, what it is told comes back.

The follower speaks over it as over the socket of a supervisor. One call carries all that waits, and brings
back all that the controller has for this router; with nothing to say it asks four times a second.
Leaves to others: what is said (`router.following`), the other end (`serve.ray.controlling`).
Always: what was said on a line that broke counts as never said: the follower says hello anew, is told
everything anew, and ships again what was not acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from smallcraft.serve.processes.messages import Line, Message

_TURN_S = 0.25
_BROKEN_S = 0.5
# Carries what a router says, and brings what it is told.
Carry = Callable[[Sequence[Message]], Awaitable[Sequence[Message]]]


class Listener(Protocol):
    """Who speaks over the line."""

    def meet(self, channel: Line, *, is_orphan: bool) -> None:
        """The controller is there."""

    def lose(self, channel: Line) -> None:
        """It is gone."""

    def take(self, message: Message, channel: Line) -> None:
        """It says something."""


class ControllerLine:
    """One router's line.

    Args:
        carry: Makes the call; raises one of `errors` when nobody answers.
        errors: What it raises then.
    """

    def __init__(self, carry: Carry, errors: tuple[type[Exception], ...]) -> None:
        self._carry = carry
        self._errors = errors
        self._said: list[Message] = []
        self._has_said = asyncio.Event()
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether the controller answered last."""
        return self._is_open

    def send(self, message: Message) -> None:
        """Say something."""
        self._said.append(message)
        self._has_said.set()

    def close(self) -> None:
        """Say nothing more on this line; the next one begins with hello."""
        self._said.clear()
        self._is_open = False

    async def keep(self, listener: Listener) -> None:
        """Carry to and fro, for ever."""
        while True:
            await self.carry_once(listener)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_said.wait(), _TURN_S if self._is_open else _BROKEN_S)

    async def carry_once(self, listener: Listener) -> None:
        """Carry what waits, and hear what there is."""
        said, self._said = self._said, []
        self._has_said.clear()
        try:
            heard = await self._carry(said)
        except self._errors:
            if self._is_open:
                self._is_open = False
                listener.lose(self)
            self._said.clear()
            return
        if not self._is_open:
            self._is_open = True
            listener.meet(self, is_orphan=False)
        for message in heard:
            listener.take(message, self)
