"""What a gate allows: the values from one end to another, one of which may be without end.

Always: the ends belong to what is allowed; an interval that lies across an end is neither inside nor outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError
from smallcraft.records import GateSpec, Interval


@dataclass(frozen=True)
class Tolerance:
    """Allowed values, both ends included.

    Attributes:
        low: `-inf` where only a ceiling is set.
        high: `inf` where only a floor is set.
        asked: The same in words, after "is": `at least 0.9`.
    """

    low: float
    high: float
    asked: str

    @property
    def sides(self) -> int:
        """In how many ways a value may lie outside."""
        return int(math.isfinite(self.low)) + int(math.isfinite(self.high))

    def holds(self, bounds: Interval) -> bool:
        """The whole interval is inside."""
        return self.low <= bounds.low and bounds.high <= self.high

    def excludes(self, bounds: Interval) -> bool:
        """The whole interval is outside, on one side."""
        return bounds.high < self.low or self.high < bounds.low

    def side_of(self, value: float) -> int:
        """1 inside, -1 outside, 0 on an end."""
        if value in (self.low, self.high):
            return 0
        return 1 if self.low < value < self.high else -1


def at_least(gate: GateSpec) -> Tolerance:
    """A floor at the gate's limit."""
    limit = limit_of(gate)
    return Tolerance(limit, math.inf, f"at least {limit:g}")


def at_most(gate: GateSpec) -> Tolerance:
    """A ceiling at the gate's limit."""
    limit = limit_of(gate)
    return Tolerance(-math.inf, limit, f"at most {limit:g}")


def not_below_zero_by_more(gate: GateSpec) -> Tolerance:
    """A floor that lies the gate's limit, a margin, below 0."""
    margin = limit_of(gate, least=0.0)
    return Tolerance(-margin, math.inf, f"at least {-margin if margin else 0:g}")


def around_zero(gate: GateSpec) -> Tolerance:
    """At most the gate's limit away from 0, on either side."""
    limit = limit_of(gate, least=0.0)
    return Tolerance(-limit, limit, f"at most {limit:g} either way")


def limit_of(gate: GateSpec, *, least: float = -math.inf) -> float:
    """The declared limit.

    Raises:
        InvalidInputError: There is none, it is not finite, or it is below `least`.
    """
    if gate.limit is None:
        raise InvalidInputError(f"gate '{gate.name}' needs a limit for its rule '{gate.rule}', got none")
    if not math.isfinite(gate.limit):
        raise InvalidInputError(
            f"the limit of gate '{gate.name}' must be a finite number, got {gate.limit}; "
            "leave the gate out for no limit"
        )
    if gate.limit < least:
        raise InvalidInputError(
            f"the limit of gate '{gate.name}' must be at least {least:g}, got {gate.limit:g}; "
            "it says how far is still allowed"
        )
    return gate.limit
