"""Numbers that are watched, by name; the numbers of one window; what turns them into evidence.

Leaves to others: how they are measured (`observe.statistics`), what evidence leads to (`observe.guardrail`).
Always: a number that was not measured is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# What a detector learned of quiet windows; arrays by name, so that it can be saved.
Memory = Mapping[str, NDArray[Any]]
# Numbers that only a rise of makes suspicious.
ONLY_RISES = frozenset({"kl", "unseen", "tilt", "low", "high"})
# Numbers that are a count of rows by their number.
SHARES = frozenset({"missing", "unseen", "low", "high", *(f"share_{place}" for place in range(1, 6))})


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """One number that is watched; `str` gives its name."""

    column: str
    statistic: str

    def __str__(self) -> str:
        return f"{self.statistic} of {self.column}"


@dataclass(frozen=True)
class Reading:
    """The numbers of a window.

    Attributes:
        start_s: Begin of the window, seconds since 1970 UTC.
        bucket: Its place in the season.
        n: Rows it had.
        values: Of each quantity; one that was not measured is not there.
    """

    start_s: int
    bucket: int
    n: int
    values: Mapping[Quantity, float]


@dataclass(frozen=True)
class WatchPlan:
    """What a detector is asked to watch; fixed beforehand.

    Attributes:
        statistics: `m` names of what each quantity is.
        weights: `(m,)` float64, adding up to 1.
        names: `(m,)` uint64 digests of the quantities, which random numbers hang on.
        log_level: Logarithm of the evidence that raises an alarm.
        buckets: Places of the season, at least 1.
        cycle: Windows until the season begins anew; 1 for no season.
        horizon: Windows that the budget of false alarms is for.
        seed: Of random numbers.
    """

    statistics: tuple[str, ...]
    weights: Floats
    names: NDArray[np.uint64]
    log_level: float
    buckets: int = 1
    cycle: int = 1
    horizon: int = 720
    seed: int = 0


@dataclass(frozen=True)
class DetectorStep:
    """What a window did to a detector.

    Attributes:
        memory: After it.
        log_e: Logarithm of the evidence of all quantities together.
        log_es: `(m,)` logarithm of an e-value of each quantity, for naming those that moved.
        began_at: Number of the window since which it is likely to be so.
        is_doubted: Whether the window was left out of the past, since a change may have begun.
    """

    memory: Memory
    log_e: float
    log_es: Floats
    began_at: int
    is_doubted: bool = False


class Detector(Protocol):
    """Turns the numbers of windows into evidence (`observe/detectors`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    @property
    def statistics(self) -> frozenset[str]:
        """What it can judge."""

    @property
    def has_evidence(self) -> bool:
        """Whether the budget of false alarms is held; else it is a rule."""

    def begin(self, plan: WatchPlan) -> Memory:
        """What it knows before the first window."""

    def windows_needed(self, memory: Memory, plan: WatchPlan, *, bucket: int) -> int:
        """About how many more windows it must learn from before it can judge one of this place."""

    def learn(self, memory: Memory, values: Floats, plan: WatchPlan, *, bucket: int, at: int) -> Memory:
        """What it knows after a window that it only learns from; `(m,)` numbers, NaN was not measured."""

    def judge(
        self, memory: Memory, values: Floats, plan: WatchPlan, *, bucket: int, at: int, is_frozen: bool
    ) -> DetectorStep:
        """Judge a window, and learn from it where it is calm and not `is_frozen`.

        Args:
            memory: So far.
            values: `(m,)` its numbers; NaN was not measured.
            plan: The same each time.
            bucket: Its place in the season.
            at: Its number, larger than that of the window before.
            is_frozen: Whether an alarm is open, so that nothing is learned.
        """

    def restart(self, memory: Memory, plan: WatchPlan) -> Memory:
        """What it knows with all evidence gone and what it learned kept."""
