"""How requests come: so many at once, or so many a second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Closed:
    """Each connection sends its next request when the last one is answered.

    Attributes:
        connections: How many.
        seconds: How long.
        count: How many requests at most; None for as many as there is time for.
    """

    connections: int = 1
    seconds: float = 2.0
    count: int | None = None


@dataclass(frozen=True)
class Open:
    """Requests come when they come (Poisson), whether the earlier ones are answered or not.

    Attributes:
        rate: Requests a second.
        seconds: How long.
        seed: Of the moments at which they are due.
        connections: At most; beyond, a request waits, and its waiting counts.
    """

    rate: float
    seconds: float
    seed: int = 0
    connections: int = 64

    def due_s(self) -> list[float]:
        """Moments, in seconds from the beginning."""
        rng = np.random.default_rng(self.seed)
        n = int(rng.poisson(self.rate * self.seconds))
        return sorted(rng.uniform(0, self.seconds, n).tolist())
