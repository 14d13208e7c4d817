"""How many requests come a second, lately; to tell people how long something will take.

Always: None until it was watched for some seconds; nothing is decided by it.
"""

from __future__ import annotations

from collections import deque

_WINDOW_S = 60.0
_LEAST_S = 5.0


class TrafficRate:
    """Requests over a sliding window of a minute."""

    def __init__(self, now: float) -> None:
        """Nothing seen since `now`, in monotonic seconds."""
        self._since = now
        self._waiting = 0
        self._counts: deque[tuple[float, int]] = deque()

    def add(self, requests: int) -> None:
        """Note some requests, of the time since the last `tick`."""
        self._waiting += requests

    def tick(self, now: float) -> None:
        """Let time pass; called several times a second."""
        self._counts.append((now, self._waiting))
        self._waiting = 0
        while self._counts and not now - _WINDOW_S <= self._counts[0][0] <= now:
            self._since = min(self._counts.popleft()[0], now)

    def per_second(self, now: float) -> float | None:
        """Requests a second; None before it was watched for five seconds.

        >>> rate = TrafficRate(0.0)
        >>> for second in range(1, 11):
        ...     rate.add(50)
        ...     rate.tick(float(second))
        >>> rate.per_second(10.0)
        50.0
        """
        watched_s = now - self._since
        if watched_s < _LEAST_S:
            return None
        return sum(count for _, count in self._counts) / watched_s
