"""How many requests an arm may have open at once; who comes beyond is told when to come back.

A bounded queue is what keeps an overload short: without it every request waits longer than its client does.
Leaves to others: dropping what waited too long (`worker.batching`), counting refusals.
Always: who was admitted is released once; nobody waits to be admitted.
"""

from __future__ import annotations

import math

from smallcraft.serve.questions import Refusal

_SMOOTHING = 0.05
_LONGEST_S = 30


class Gate:
    """Admission to one arm of one router.

    Args:
        limit: Requests that may be open at once.
    """

    __slots__ = ("_is_refusing", "_seconds", "limit", "open")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open = 0
        self._seconds = 0.0
        self._is_refusing = False

    def enter(self) -> bool:
        """Admit one, if there is room."""
        if self.open >= self.limit:
            return False
        self.open += 1
        return True

    def leave(self, seconds: float = 0.0) -> None:
        """One that was admitted is done, after so many seconds where `refusal` is to tell of them."""
        self.open -= 1
        if 2 * self.open < self.limit:
            self._is_refusing = False
        self._seconds += _SMOOTHING * (seconds - self._seconds)

    def is_first_refusal(self) -> bool:
        """Whether one for whom there is no room is the first since there was plenty."""
        is_first, self._is_refusing = not self._is_refusing, True
        return is_first

    def refusal(self) -> Refusal:
        """What one is told for whom there is no room."""
        # What is open now is done after about as long as requests have taken lately.
        wait = min(max(math.ceil(self._seconds), 1), _LONGEST_S)
        return Refusal(
            503,
            f"the server takes {self.limit} requests at once and has as many; come back in {wait} s, "
            "and ask about several rows at a time",
            {"retry-after": str(wait)},
        )
