"""What a load saw: every request with its latency, status and arm, in arrays.

Always: each request that was begun is counted once, as a status or as what became of it instead; a latency
runs from the moment at which the request was due, whether or not it could be sent then.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

# In place of a status, for requests that got none.
REFUSED: Final = -1
LOST: Final = -2
TIMED_OUT: Final = -3
BROKEN: Final = -4
WHAT_BECAME: Final = {
    REFUSED: "connection refused",
    LOST: "connection lost",
    TIMED_OUT: "timed out",
    BROKEN: "no HTTP reply",
}
_MOST_EXAMPLES = 20


@dataclass(frozen=True)
class LoadReport:
    """A load's requests in the order in which they ended; all arrays have `n` entries.

    Attributes:
        statuses: int16; below 0 one of `WHAT_BECAME`.
        latencies_s: float64, from when a request was due to its whole reply.
        ended_s: float64, seconds since the load began.
        places: int32, which of the requests it was.
        arms: uint8 codes into `arm_names`.
        arm_names: What `x-arm` said; empty where it said nothing.
        wrong: Up to 20 replies that the check refused, in words.
        n_wrong: How many in all.
        late_s: How late requests were sent, 99th percentile: the generator's own part of the latencies.
        wall_s: From first to last.
        cpu_s: Of the generator's thread; None while it still runs.
    """

    statuses: NDArray[np.int16]
    latencies_s: NDArray[np.float64]
    ended_s: NDArray[np.float64]
    places: NDArray[np.int32]
    arms: NDArray[np.uint8]
    arm_names: tuple[str, ...]
    wrong: tuple[str, ...]
    n_wrong: int
    late_s: float
    wall_s: float
    cpu_s: float | None

    @property
    def n(self) -> int:
        """Requests in all."""
        return len(self.statuses)

    @property
    def failed(self) -> NDArray[np.bool_]:
        """`(n,)`, True where there was no reply, or one of 500 and above."""
        return (self.statuses < 0) | (self.statuses >= 500)

    @property
    def n_failed(self) -> int:
        """How many."""
        return int(self.failed.sum())

    @property
    def per_second(self) -> float:
        """Requests that were answered, a second."""
        return float((self.statuses > 0).sum() / self.wall_s)

    @property
    def ends(self) -> dict[str, int]:
        """How requests ended: `{"200": 812, "connection lost": 1}`."""
        counts = Counter(self.statuses.tolist())
        return {WHAT_BECAME.get(code, str(code)): counts[code] for code in sorted(counts, reverse=True)}

    def of_arm(self, arm: str) -> NDArray[np.bool_]:
        """`(n,)`, True for the requests that an arm answered."""
        names = np.array([name == arm for name in self.arm_names])
        return names[self.arms] if len(names) else np.zeros(self.n, dtype=bool)

    def latency_ms(self, q: float, *, among: NDArray[np.bool_] | None = None) -> float:
        """A percentile, `q` in 0 to 100, of the requests that were answered (and are `among` those given)."""
        taken = self.statuses > 0 if among is None else (self.statuses > 0) & among
        return float(np.percentile(self.latencies_s[taken], q)) * 1e3 if taken.any() else float("nan")


@dataclass
class Tally:
    """Counts as requests end; cheap, since it is part of every request."""

    statuses: array[int] = field(default_factory=lambda: array("h"))
    latencies_s: array[float] = field(default_factory=lambda: array("d"))
    ended_s: array[float] = field(default_factory=lambda: array("d"))
    places: array[int] = field(default_factory=lambda: array("l"))
    arms: array[int] = field(default_factory=lambda: array("B"))
    late_s: array[float] = field(default_factory=lambda: array("d"))
    wrong: list[str] = field(default_factory=list)
    n_wrong: int = 0
    arm_codes: dict[bytes, int] = field(default_factory=lambda: {b"": 0})

    def end(self, place: int, status: int, latency_s: float, ended_s: float, arm: bytes = b"") -> None:
        """One request ended."""
        code = self.arm_codes.get(arm)
        if code is None:
            code = self.arm_codes[arm] = min(len(self.arm_codes), 255)
        self.statuses.append(status)
        self.latencies_s.append(latency_s)
        self.ended_s.append(ended_s)
        self.places.append(place)
        self.arms.append(code)  # last: a copy takes as many of each as there are of these

    def refuse(self, place: int, why: str) -> None:
        """The check found a reply wrong."""
        self.n_wrong += 1
        if len(self.wrong) < _MOST_EXAMPLES:
            self.wrong.append(f"request {place}: {why}")

    def report(self, *, wall_s: float, cpu_s: float | None) -> LoadReport:
        """All of it so far, copied; another thread may go on counting meanwhile."""
        # Slices are copies: an array that numpy looks into could not grow.
        n = len(self.arms)
        late = np.array(self.late_s[:])
        return LoadReport(
            statuses=np.array(self.statuses[:n], dtype=np.int16),
            latencies_s=np.array(self.latencies_s[:n]),
            ended_s=np.array(self.ended_s[:n]),
            places=np.array(self.places[:n], dtype=np.int32),
            arms=np.array(self.arms[:n], dtype=np.uint8),
            arm_names=tuple(name.decode("latin-1") for name in list(self.arm_codes)),
            wrong=tuple(self.wrong),
            n_wrong=self.n_wrong,
            late_s=float(np.quantile(late, 0.99)) if len(late) else 0.0,
            wall_s=wall_s,
            cpu_s=cpu_s,
        )
