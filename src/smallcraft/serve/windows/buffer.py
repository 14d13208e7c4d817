"""Rows that were answered, waiting to be profiled: a copy of a request's columns, and never a wait.

When more comes than may be held, each request that is held is left out at the toss of a coin, and so is each
that comes after; when that is too much again, again. So every request since the last `take` has the same
chance, and what was left out is counted.
Leaves to others: the columns (`windows.gathering`), what becomes of them (`windows.feeding`).
Always: no more rows and bytes than the limits, whatever is sent; rows taken and left out are all that came.
Source: Flajolet (1990), Computing 43:391-400 (adaptive sampling).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from smallcraft.data.profiles.profile import SliceName
from smallcraft.serve.protocol.opening import Opened
from smallcraft.serve.router.asking import Given
from smallcraft.serve.windows.gathering import Columns
from smallcraft.serve.windows.segments import Segments


@dataclass(frozen=True, slots=True)
class Taken:
    """What came between two takes.

    Attributes:
        columns: Rows to be profiled, and how many were left out, of each release or head.
        errors: Requests that a release failed, where they count.
    """

    columns: tuple[Columns, ...]
    errors: Counter[SliceName]

    @property
    def rows(self) -> int:
        """That are to be profiled."""
        return sum(columns.n for columns in self.columns)

    def __bool__(self) -> bool:
        """Whether anything came."""
        return bool(self.columns or self.errors)


class RowBuffer:
    """Holds rows until they are taken; used in one thread.

    Args:
        most_rows: Of them together.
        most_bytes: Of them together, about.
        segments: Of rows.
        seed: Of the sample; numbers.
        ready_rows: So many are worth a turn; so is half of the bytes.
        on_ready: Called when there are.
    """

    def __init__(
        self,
        *,
        most_rows: int,
        most_bytes: int,
        segments: Segments,
        seed: Sequence[int],
        ready_rows: int = 1 << 62,
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._segments = segments
        self._ready_rows = ready_rows
        self._on_ready = on_ready
        self._rng = np.random.default_rng(seed)
        self._begin_again()

    def answered(self, given: Given, opened: Opened, seconds: float) -> None:
        """A client was given an answer.

        Args:
            given: The answer, and the request as its release read it.
            opened: The request as it came.
            seconds: How long the client waited.
        """
        interface, inputs = given.interface, given.question.inputs
        # The columns hold on to the interface, so no other one is told by its number.
        columns = self._columns.get(id(interface))
        if columns is None:
            columns = self._columns[id(interface)] = Columns(given)
        segments = self._segments.of(opened, inputs, interface.facts)
        if self._share < 1.0 and self._rng.random() >= self._share:
            columns.leave_out(inputs.n, segments)
            return
        self._rows += inputs.n
        self._bytes += columns.append(given, segments, body_bytes=len(opened.body), seconds=seconds)
        if self._rows >= self._enough_rows or self._bytes >= self._enough_bytes:
            self._look()

    def failed(self, release: str) -> None:
        """A release failed a request that it should have answered, whoever answered it then."""
        self._errors[SliceName(release, self._segments.of_nothing)] += 1

    def take(self) -> Taken:
        """All that came since the last time."""
        taken = Taken(tuple(self._columns.values()), self._errors)
        self._begin_again()
        return taken

    def _begin_again(self) -> None:
        self._columns: dict[int, Columns] = {}
        self._errors: Counter[SliceName] = Counter()
        self._rows = self._bytes = 0
        self._share = 1.0
        self._enough_rows = min(self._ready_rows, self._most_rows + 1)
        self._enough_bytes = self._most_bytes // 2

    def _look(self) -> None:
        """There is enough for a turn, or too much."""
        while self._rows > self._most_rows or self._bytes > self._most_bytes:
            self._share /= 2.0
            for columns in self._columns.values():
                columns.keep_some(self._rng)
            self._rows = sum(columns.n for columns in self._columns.values())
            self._bytes = sum(columns.size for columns in self._columns.values())
        # Told once.
        self._enough_rows, self._enough_bytes = self._most_rows + 1, self._most_bytes + 1
        if self._on_ready is not None:
            self._on_ready()
