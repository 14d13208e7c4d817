"""What a simulation of a guarantee found: one case, its error and the error that is stated.

Always: an error is an event counted over independent runs with an exact interval, or a rate that was kept
elsewhere with its own; the verdict follows from these numbers alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.records import Sample
from smallcraft.stats.intervals import clopper_pearson_interval

Verdict = Literal["kept", "within chance", "exceeded"]


@dataclass(frozen=True)
class Case:
    """One setting of one guarantee.

    Attributes:
        what: The setting, in words.
        found: How often it erred, with a 95 % interval and of how many.
        stated: How often it may.
        unit: Of both: `share`, or `a month`.
        is_as_assumed: False where an assumption of the guarantee is broken on purpose.
    """

    what: str
    found: Sample
    stated: float
    unit: str = "share"
    is_as_assumed: bool = True

    @property
    def verdict(self) -> Verdict:
        """Where the interval lies: not above what is stated, on both sides of it, or all above it.

        >>> counted("coins", 50, 100, stated=0.05).verdict
        'exceeded'
        """
        low = self.found.value if self.found.low is None else self.found.low
        high = self.found.value if self.found.high is None else self.found.high
        if high <= self.stated:
            return "kept"
        return "exceeded" if low > self.stated else "within chance"


def counted(
    what: str, errors: int, runs: int, *, stated: float, of: str = "runs", is_as_assumed: bool = True
) -> Case:
    """A case whose errors were counted over independent runs.

    Args:
        what: The setting.
        errors: Runs that erred.
        runs: All, at least 1.
        stated: Share that may err.
        of: What a run is called.
        is_as_assumed: Whether the assumptions hold.

    >>> case = counted("coins", 0, 100, stated=0.05)
    >>> case.verdict, round(case.found.high, 3)
    ('kept', 0.036)
    """
    interval = clopper_pearson_interval(errors, runs)
    return Case(
        what,
        Sample(errors / runs, runs, of, interval.low, interval.high),
        stated,
        is_as_assumed=is_as_assumed,
    )


def to_json(case: Case) -> dict[str, Any]:
    """As it is kept."""
    return asdict(case)


def from_json(kept: Mapping[str, Any]) -> Case:
    """What `to_json` wrote."""
    return Case(**{**kept, "found": Sample(**kept["found"])})
