"""Runs a coroutine at once as far as it goes, and on from there when what it waits for is there.

An asyncio task costs a turn of the event loop before its first line runs and another one after each wait: a
system call each, and more than all the rest of a small request. Here a request that need not wait is done
when its last byte has been read, and one that waits goes on in the very call that brings its answer.
Leaves to others: what the coroutine does.
Always: a coroutine is ended once, by its return or by its error; it waits for `Slot`s, or for futures of the
event loop.
Not covered: what needs a current task (`asyncio.timeout`, task groups); under an asyncio task a `Slot` is a
future like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
# The coroutine that runs now; one at a time, since an event loop has one thread.
_running: list[Stepper | None] = [None]


class Slot(Generic[Value]):
    """A value that will be there; awaited by one coroutine."""

    __slots__ = ("_future", "_is_set", "_value", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._value: Value | None = None
        self._waiting: Stepper | None = None
        self._future: asyncio.Future[None] | None = None

    @property
    def is_set(self) -> bool:
        """Whether it is there."""
        return self._is_set

    def set(self, value: Value) -> None:
        """Here it is; whoever awaits it goes on before this returns. Set again, it stays as it was."""
        if self._is_set:
            return
        self._is_set = True
        self._value = value
        if self._waiting is not None:
            self._waiting.go_on()
        elif self._future is not None and not self._future.done():
            self._future.set_result(None)

    def __await__(self) -> Generator[Any, None, Value]:
        if not self._is_set:
            stepper = _running[0]
            if stepper is not None:
                self._waiting = stepper
                yield self
            else:
                self._future = asyncio.get_running_loop().create_future()
                yield from self._future
        return self._value  # type: ignore[return-value] # it is set; a cast costs a call a request


class Stepper:
    """One coroutine on its way.

    Args:
        coroutine: Not begun.
        on_error: Given what it raised, if it does.
    """

    __slots__ = ("_coroutine", "_on_error")

    def __init__(self, coroutine: Coroutine[Any, Any, object], on_error: Callable[[Exception], None]) -> None:
        self._coroutine = coroutine
        self._on_error = on_error

    def go_on(self, _: object = None) -> None:
        """Run until it waits, or ends."""
        before, _running[0] = _running[0], self
        try:
            awaited = self._coroutine.send(None)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - the edge of a request: the others go on
            self._on_error(error)
            return
        finally:
            _running[0] = before
        if type(awaited) is Slot:
            return
        if awaited is None:
            # A bare `yield`: let the event loop turn once.
            asyncio.get_running_loop().call_soon(self.go_on)
            return
        awaited._asyncio_future_blocking = False
        awaited.add_done_callback(self.go_on)
