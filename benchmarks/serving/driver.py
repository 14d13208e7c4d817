"""The sending: which request is next, on which connection, and what became of it.

Always: a request is sent once; at most one is on its way on a connection; one that gets no reply in time is
given up and its connection closed.
Not covered: pipelining, TLS.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.serving.messages import BrokenReplyError, Reply, ReplyReader, Target, header_of
from benchmarks.serving.plans import Closed, Open
from benchmarks.serving.tally import BROKEN, LOST, REFUSED, TIMED_OUT, LoadReport, Tally

# Given a request's place and its reply, says what is wrong with it; empty when it is right.
Check = Callable[[int, Reply], str]

_clock = time.monotonic
_SWEEP_S = 0.25
_AFTER_REFUSAL_S = 0.05
# Servers close connections that rest; a request sent at that very moment would be lost.
_LONGEST_REST_S = 2.0
_LEAST_WAIT_S = 0.001  # the event loop's timers know no less


class _Connection(asyncio.Protocol):
    """One connection, at most one request on its way."""

    __slots__ = ("driver", "due", "is_busy", "is_open", "place", "reader", "rests_since", "sent", "transport")

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.reader = ReplyReader()
        self.transport: Any = None
        self.is_busy = self.is_open = False
        self.place, self.due, self.sent, self.rests_since = 0, 0.0, 0.0, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.is_open = transport, True
        self.driver.connections.add(self)

    def send(self, place: int, due: float, now: float) -> None:
        """Send a request that was due at `due`."""
        driver = self.driver
        self.place, self.due, self.sent, self.is_busy = place, due, now, True
        self.transport.write(driver.requests[place])

    def data_received(self, data: bytes) -> None:
        try:
            reply = self.reader.feed(data)
        except BrokenReplyError as error:
            self._refuse(str(error))
            return
        if reply is None:
            return
        if not self.is_busy or self.reader.holds_some:
            self._refuse(f"more came than was asked for: {data[:80]!r}")
            return
        self.is_busy = False
        self.driver.answered(self, reply)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.give_up(LOST)

    def _refuse(self, why: str) -> None:
        self.driver.tally.refuse(self.place, why)
        self.give_up(BROKEN)

    def close(self) -> None:
        """Nothing more is sent on it."""
        self.is_open = False
        self.driver.connections.discard(self)
        if self.transport is not None:
            self.transport.abort()

    def give_up(self, status: int) -> None:
        """The request on its way gets no reply; neither does another on this connection."""
        self.close()
        if self.is_busy:
            self.is_busy = False
            self.driver.ended(self.place, status, self.due)
            self.driver.free(self)


class Driver:
    """The load itself: which request is next, and on which connection."""

    def __init__(
        self,
        target: Target,
        requests: Sequence[bytes],
        plan: Closed | Open,
        *,
        check: Check | None,
        timeout_s: float,
    ) -> None:
        if not requests:
            raise ValueError("a load needs requests, got none; make some with request_bytes")
        self.target, self.requests, self.plan = target, requests, plan
        self.check, self.timeout_s = check, timeout_s
        self.tally = Tally()
        self.connections: set[_Connection] = set()
        self._idle: list[_Connection] = []
        self._waiting: deque[tuple[int, float]] = deque()
        self._due = plan.due_s() if isinstance(plan, Open) else []
        self._n = self._opening = self._pending = 0
        self._is_stopped = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._error: Exception | None = None
        self._began, self._until, self._ended = _clock(), 0.0, float("inf")

    # --- from outside ----------------------------------------------------------------

    async def drive(self) -> LoadReport:
        """Run until the plan has ended."""
        self._finished = asyncio.Event()
        self._began, cpu_began = _clock(), time.thread_time()
        self._until = self._began + self.plan.seconds
        with self._lock:
            self._loop = asyncio.get_running_loop()
        try:
            self._begin()
            await self._finished.wait()
        finally:
            cpu_s, self._ended = time.thread_time() - cpu_began, _clock()
            with self._lock:
                self._loop = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        if self._error is not None:
            raise self._error
        return self.tally.report(wall_s=self._ended - self._began, cpu_s=cpu_s)

    def _begin(self) -> None:
        if isinstance(self.plan, Open):
            self._send_due()
        else:
            for _ in range(self.plan.connections):
                self._next_closed(_clock())
        self._sweep()

    def stop(self) -> None:
        """Begin no further request; may be called from any thread, any number of times."""
        with self._lock:
            self._is_stopped = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._end_when_done)

    def so_far(self) -> LoadReport:
        """What has ended by now; may be called from any thread."""
        return self.tally.report(wall_s=min(_clock(), self._ended) - self._began, cpu_s=None)

    # --- what ends --------------------------------------------------------------------

    def answered(self, connection: _Connection, reply: Reply) -> None:
        """A whole reply came."""
        now, place = _clock(), connection.place
        self.tally.end(
            place,
            reply.status,
            now - connection.due,
            now - self._began,
            header_of(reply.head, b"\r\nx-arm:"),
        )
        self._pending -= 1
        if self.check is not None:
            self._ask(self.check, place, reply)
        if b"\r\nconnection: close" in reply.head:
            connection.close()
        self.free(connection)

    def _ask(self, check: Check, place: int, reply: Reply) -> None:
        try:
            why = check(place, reply)
        except Exception as error:  # noqa: BLE001 - raised again where the load was asked for
            self._error = error
            self._finished.set()
            return
        if why:
            self.tally.refuse(place, why)

    def ended(self, place: int, status: int, due: float) -> None:
        """A request got no reply."""
        now = _clock()
        self._pending -= 1
        self.tally.end(place, status, now - due, now - self._began)

    def free(self, connection: _Connection) -> None:
        """A connection has nothing on its way."""
        if isinstance(self.plan, Closed):
            self._next_closed(_clock(), connection if connection.is_open else None)
        elif connection.is_open:
            if self._waiting:
                place, due = self._waiting.popleft()
                self._send(connection, place, due)
            else:
                connection.rests_since = _clock()
                self._idle.append(connection)
        elif self._waiting:
            self._open_for(*self._waiting.popleft())
        self._end_when_done()

    # --- what begins ------------------------------------------------------------------

    def _send(self, connection: _Connection, place: int, due: float) -> None:
        now = _clock()
        self.tally.late_s.append(now - due)
        connection.send(place, due, now)

    def _next_closed(self, now: float, connection: _Connection | None = None) -> None:
        assert isinstance(self.plan, Closed)
        # However short the time, each connection sends one.
        is_late = now >= self._until and self._n >= self.plan.connections
        if self._is_stopped or is_late or self._n == self.plan.count:
            return
        place = self._n % len(self.requests)
        self._n += 1
        self._pending += 1
        if connection is None:
            self._open_for(place, None)
        else:
            connection.send(place, now, now)

    def _send_due(self) -> None:
        """Send all that is due, then wait for the next."""
        now = _clock()
        while self._n < len(self._due) and not self._is_stopped:
            due = self._began + self._due[self._n]
            if due > now:
                break
            self._dispatch(self._n % len(self.requests), due)
            self._n += 1
        if self._n < len(self._due) and not self._is_stopped:
            wait_s = self._began + self._due[self._n] - now
            asyncio.get_running_loop().call_later(max(wait_s, _LEAST_WAIT_S), self._send_due)
        else:
            self._end_when_done()

    def _dispatch(self, place: int, due: float) -> None:
        self._pending += 1
        while self._idle:
            connection = self._idle.pop()
            if _clock() - connection.rests_since > _LONGEST_REST_S:
                connection.close()
            if connection.is_open:
                self._send(connection, place, due)
                return
        if len(self.connections) + self._opening < self.plan.connections:
            self._open_for(place, due)
        else:
            self._waiting.append((place, due))

    def _open_for(self, place: int, due: float | None) -> None:
        """Open a connection and send a request on it; in the closed loop it is due when that is open."""
        self._opening += 1
        task = asyncio.get_running_loop().create_task(self._connect(place, due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, place: int, due: float | None) -> None:
        loop, target, began = asyncio.get_running_loop(), self.target, _clock()
        connection = _Connection(self)
        try:
            async with asyncio.timeout(self.timeout_s):
                if target.path:
                    await loop.create_unix_connection(lambda: connection, target.path)
                else:
                    await loop.create_connection(lambda: connection, target.host, target.port)
        except OSError as error:
            self._opening -= 1
            connection.close()  # it may have opened in the moment of giving up
            status = TIMED_OUT if isinstance(error, TimeoutError) else REFUSED
            self.ended(place, status, began if due is None else due)
            await asyncio.sleep(_AFTER_REFUSAL_S)
            self._after_refusal()
            return
        self._opening -= 1
        due = _clock() if due is None else due
        if connection.is_open:
            self._send(connection, place, due)
        else:
            self.ended(place, LOST, due)
            self.free(connection)

    def _after_refusal(self) -> None:
        if isinstance(self.plan, Closed):
            self._next_closed(_clock())
        elif self._waiting:
            self._open_for(*self._waiting.popleft())
        self._end_when_done()

    # --- the end ----------------------------------------------------------------------

    def _sweep(self) -> None:
        """Give up requests that take too long."""
        now = _clock()
        for connection in list(self.connections):
            if connection.is_busy and now - connection.sent > self.timeout_s:
                connection.give_up(TIMED_OUT)
        self._end_when_done()
        asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def _end_when_done(self) -> None:
        if self._is_stopped:
            while self._waiting:  # due, never sent: not begun, so not counted
                self._waiting.popleft()
                self._pending -= 1
        is_over = (
            self._is_stopped
            or (isinstance(self.plan, Open) and self._n == len(self._due))
            or (isinstance(self.plan, Closed) and (_clock() >= self._until or self._n == self.plan.count))
        )
        if is_over and self._pending == 0:
            self._finished.set()
