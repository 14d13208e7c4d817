"""Load on a server: so many requests at once (closed loop), or so many a second (open loop).

Leaves the sending to `driver`, bytes to `messages`, counting to `tally`. Uses uvloop where it is installed.
Runs in the caller's thread, or in one of its own (`BackgroundLoad`) while a test does something to the
server.
Always: in the open loop a request is due at its own moment, drawn before the load begins, and its latency
runs from there: a server that stands still makes the latencies of all that came meanwhile long (no
coordinated omission). Every reply is given to the check. A request that fails is not sent again.
Not covered: pipelining, TLS.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from benchmarks.serving.driver import Check, Driver
from benchmarks.serving.messages import Target
from benchmarks.serving.plans import Closed, Open
from benchmarks.serving.tally import LoadReport


def run_load(
    target: Target,
    requests: Sequence[bytes],
    plan: Closed | Open,
    *,
    check: Check | None = None,
    timeout_s: float = 30.0,
) -> LoadReport:
    """Send the requests in order, over and over, until the plan ends and the last ones are answered.

    Args:
        target: Where.
        requests: Whole requests, as `messages.request_bytes` makes them.
        plan: How many at once, or how many a second.
        check: What every reply is given to.
        timeout_s: A request that takes longer has failed; its connection is closed.
    """
    return _run(Driver(target, requests, plan, check=check, timeout_s=timeout_s))


class BackgroundLoad:
    """A load in a thread of its own, from `with` to its end or to `stop`.

    Args are those of `run_load`.
    """

    def __init__(
        self,
        target: Target,
        requests: Sequence[bytes],
        plan: Closed | Open,
        *,
        check: Check | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self._driver = Driver(target, requests, plan, check=check, timeout_s=timeout_s)
        self._found: LoadReport | BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._driver.stop()
        self._thread.join()

    def _work(self) -> None:
        try:
            self._found = _run(self._driver)
        except BaseException as error:  # noqa: BLE001 - shown to whoever asks for the report
            self._found = error

    def so_far(self) -> LoadReport:
        """What has ended by now."""
        return self._driver.so_far()

    def stop(self) -> LoadReport:
        """Send no more, wait for what is on its way, and tell."""
        self._driver.stop()
        return self.wait()

    def wait(self) -> LoadReport:
        """Wait until the plan has ended, and tell."""
        self._thread.join()
        if isinstance(self._found, BaseException):
            raise self._found
        assert self._found is not None
        return self._found


def _run(driver: Driver) -> LoadReport:
    try:
        import uvloop
    except ImportError:
        with asyncio.Runner() as runner:
            return runner.run(driver.drive())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(driver.drive())
