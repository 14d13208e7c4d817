"""SHADOW: the new release is asked what the stable one was asked; what it says is compared and thrown away.

Always: no reply waits for it; when the new release is slow, fewer requests are copied, and none is queued
beyond a few.
"""

from __future__ import annotations

import asyncio
import time

from smallcraft.records import Decisions
from smallcraft.serve.metrics.step_tally import StepTally
from smallcraft.serve.router.arms import Arm
from smallcraft.serve.router.asking import Given, Request, try_arm

_MOST = 32
_WITHIN_S = 10.0


class Shadow:
    """Copies of requests that are under way."""

    def __init__(self) -> None:
        self._copies: set[asyncio.Task[None]] = set()

    def copy(
        self, said: Decisions, request: Request, arm: Arm, *, tallies: StepTally, key: int | None
    ) -> None:
        """Ask the new release too, if it has time.

        Args:
            said: What the stable release answered.
            request: To what.
            arm: The new release.
            tallies: Where the comparison counts.
            key: The bucket of the request's key; None for a request without one.
        """
        if len(self._copies) >= _MOST or not arm.is_ready:
            return
        copied = Request(request.opened, request.fingerprint)
        copied.is_alone = request.is_alone
        task = asyncio.get_running_loop().create_task(_compare(said, copied, arm, tallies, key))
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)


async def _compare(said: Decisions, request: Request, arm: Arm, tallies: StepTally, key: int | None) -> None:
    other = await try_arm(arm, request, name="canary", deadline=time.monotonic() + _WITHIN_S)
    if isinstance(other, Given):
        tallies.compare(said, other.answered.reply.decisions, key=key)
