"""Which window it is: a slice of the wall clock, begun where clocks begin it.

Wall time is nobody's to trust: it is set back, and jumps. A name is used once: a clock that goes back finds
the window that is open, and one that jumps ahead closes it early.
Leaves to others: what a window holds, who closes it on the disk.
Always: begins are multiples of the length; no name is opened a second time in the life of a process.
Not covered: a clock that is wrong from the beginning; names are as wrong as it is.
"""

from __future__ import annotations

import math

# What is remembered of names that were used; a clock that goes back farther than so many windows is believed.
_MOST_USED = 10_000


class WindowClock:
    """Names windows by their begin.

    Args:
        seconds: Length of a window.
        now_s: Wall time, seconds since 1970 UTC.

    Attributes:
        start_s: Begin of the window that is open.
    """

    def __init__(self, seconds: int, *, now_s: float) -> None:
        self.seconds = seconds
        self.start_s = self._slice(now_s)
        self._used: dict[int, None] = {self.start_s: None}

    def tick(self, now_s: float) -> int | None:
        """Let time pass.

        Args:
            now_s: Wall time.

        Returns:
            Begin of the window that is closed by it; None while the same one is open.
        """
        start_s = self._slice(now_s)
        if start_s in self._used:
            return None
        closed, self.start_s = self.start_s, start_s
        self._used[start_s] = None
        if len(self._used) > _MOST_USED:
            del self._used[next(iter(self._used))]
        return closed

    def _slice(self, now_s: float) -> int:
        return math.floor(now_s / self.seconds) * self.seconds
