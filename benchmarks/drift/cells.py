"""What was found of one rule in one scene: false alarms of quiet months, or delays of a change."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from scipy import stats

from benchmarks.drift.streams import MONTH
from smallcraft.records import Interval


@dataclass(frozen=True)
class QuietCell:
    """False alarms while nothing changed.

    Attributes:
        rule: Whose.
        scene: The world.
        seed: Of all chance.
        windows: Of each stream, after the month that a rule could learn from.
        alarms: Of each stream, in these windows.
        learning: Of each stream, in the month before, in which a rule learned as it judged; empty for rules
            that do not learn.
        undecided: Windows of each stream that could not be judged yet.
    """

    rule: str
    scene: str
    seed: int
    windows: int
    alarms: tuple[int, ...]
    learning: tuple[int, ...] = ()
    undecided: tuple[int, ...] = ()

    @property
    def streams(self) -> int:
        """How many there were."""
        return len(self.alarms)

    @property
    def months(self) -> float:
        """How many were judged, those of learning included."""
        return len(self.learning) + len(self.alarms) * self.windows / MONTH

    @property
    def total(self) -> int:
        """Alarms in all of them."""
        return sum(self.alarms) + sum(self.learning)

    @property
    def a_month(self) -> float:
        """Mean number of alarms."""
        return self.total / self.months

    @property
    def interval(self) -> Interval:
        """Of the mean, 95 %, as if alarms came independently (exact, Poisson)."""
        total = self.total
        low = float(stats.chi2.ppf(0.025, 2 * total)) / 2 if total else 0.0
        high = float(stats.chi2.ppf(0.975, 2 * total + 2)) / 2
        # A window raises one alarm at most.
        return Interval(low / self.months, min(high / self.months, float(MONTH)))


@dataclass(frozen=True)
class DelayCell:
    """How long a change took to be seen.

    Attributes:
        rule: Whose.
        scene: The change.
        seed: Of all chance.
        windows: How many were waited for.
        delays: Of each stream, the window of the alarm included; None where none came.
    """

    rule: str
    scene: str
    seed: int
    windows: int
    delays: tuple[int | None, ...]

    @property
    def streams(self) -> int:
        """How many there were."""
        return len(self.delays)

    @property
    def seen(self) -> tuple[int, ...]:
        """Delays of streams in which there was an alarm."""
        return tuple(delay for delay in self.delays if delay is not None)

    @property
    def missed(self) -> int:
        """Streams without an alarm."""
        return len(self.delays) - len(self.seen)

    @property
    def mean(self) -> float:
        """One that was missed counts as all windows that were waited for: the true mean is larger."""
        return statistics.mean(self.windows if delay is None else delay for delay in self.delays)

    @property
    def median(self) -> float:
        """Likewise."""
        return statistics.median(self.windows if delay is None else delay for delay in self.delays)

    @property
    def interval(self) -> Interval:
        """Of the mean, 95 %, normal; the mean itself with fewer than 2 streams."""
        if len(self.delays) < 2:
            return Interval(self.mean, self.mean)
        values = [self.windows if delay is None else delay for delay in self.delays]
        half = 1.96 * statistics.stdev(values) / len(values) ** 0.5
        return Interval(self.mean - half, self.mean + half)


Cell = QuietCell | DelayCell


def to_json(cell: Cell) -> dict[str, Any]:
    """As it is kept."""
    return {"kind": "quiet" if isinstance(cell, QuietCell) else "delay", **asdict(cell)}


def from_json(kept: Mapping[str, Any]) -> Cell:
    """What `to_json` wrote."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
    kind = values.pop("kind")
    return QuietCell(**values) if kind == "quiet" else DelayCell(**values)
