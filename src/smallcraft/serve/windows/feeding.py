"""From requests that were answered to windows on the disk, beside the requests and never before them.

    desk -> buffer (a copy of a request's columns) -> every few seconds, or some thousand rows, in a thread:
    profiles -> a frame of the part

The thread shares the interpreter with the requests, so it works in short turns and lets go often.
Leaves to others: the buffer (`windows.buffer`), profiles and files (`windows.writing`).
Always: a request is in one window; the window changes when the wall clock says so, whether requests come or
not; a disk that refuses holds up no request.
Not covered: requests of the last turn of a process that is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from smallcraft.serve.windows.buffer import RowBuffer, Taken
from smallcraft.serve.windows.clock import WindowClock
from smallcraft.serve.windows.segments import Segments
from smallcraft.serve.windows.settings import WindowSettings
from smallcraft.serve.windows.writing import WindowWriter

_LOG = logging.getLogger("smallcraft.serve")
# How long the thread may hold the interpreter while a request wants it; five times that is usual.
_SWITCH_S = 0.001
_LEAST_S = 0.01
# So many rows are worth a turn; twice as many wait at most.
_READY_ROWS = 8192


class Feeding:
    """Feeds the windows of one process.

    Args:
        settings: Where to, and how much.

    Attributes:
        buffer: To be told of what is answered.
    """

    def __init__(self, settings: WindowSettings) -> None:
        self._settings = settings
        self._writer = WindowWriter(settings)
        self._ready = asyncio.Event()
        self.buffer = RowBuffer(
            most_rows=2 * _READY_ROWS,
            most_bytes=settings.buffer_bytes,
            segments=Segments(settings.segment, most=settings.most_segments),
            seed=(*self._writer.seed, 1),
            ready_rows=_READY_ROWS,
            on_ready=self._ready.set,
        )
        self._clock = WindowClock(settings.seconds, now_s=time.time())
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="windows")
        self._turn: asyncio.Future[None] | None = None
        self._taken = 0

    @property
    def alarm(self) -> str:
        """What a person should look at; empty while all is well."""
        return self._writer.alarm

    async def feed(self) -> None:
        """Take turns for ever."""
        sys.setswitchinterval(min(_SWITCH_S, sys.getswitchinterval()))
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._ready.wait()
            self._ready.clear()
            self._turn = self._begin_turn()
            # What is under way is never given up, also when this task is.
            await asyncio.shield(self._turn)
            # So that no more rows a second are profiled than may be; what comes meanwhile is sampled.
            await asyncio.sleep(min(self._taken / self._settings.rows_per_second, self._left_s()))

    async def finish(self) -> None:
        """Write what is left, and close the window for this process."""
        if self._turn is not None:
            await self._turn
        await self._begin_turn()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _pause_s(self) -> float:
        """Until the next turn; at the border of two windows there is one, whose requests end with it."""
        return max(min(self._settings.flush_s, self._left_s()), _LEAST_S)

    def _left_s(self) -> float:
        """Until the window ends by the wall clock; endless where that is past: the clock was set back."""
        left_s = self._clock.start_s + self._settings.seconds - time.time()
        return left_s if left_s > 0 else math.inf

    def _begin_turn(self) -> asyncio.Future[None]:
        taken, start_s = self.buffer.take(), self._clock.start_s
        self._taken = taken.rows
        closed_s = self._clock.tick(time.time())
        work = partial(self._work, taken, start_s, closed_s)
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _work(self, taken: Taken, start_s: int, closed_s: int | None) -> None:
        try:
            self._writer.write(start_s, taken)
            if closed_s is not None:
                self._writer.seal(closed_s)
        except Exception:  # noqa: BLE001 - the edge of a thread: whatever broke, requests are served on
            _LOG.exception("a window was not written")

    def _close(self) -> None:
        try:
            self._writer.close()
        except Exception:  # noqa: BLE001 - as above: the process ends in order whatever broke
            _LOG.exception("a window was not closed")
