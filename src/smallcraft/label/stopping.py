"""Whether another batch pays: the lower bound of its gain against its cost; or the interval is reached.

The next batch is expected to buy what the last one bought, times how its rows compare in value.
Always: nothing measured is UNDECIDED and never a reason to stop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from smallcraft.errors import InvalidInputError
from smallcraft.label.measuring import Delta
from smallcraft.records import Interval

Advice = Literal["go on", "stop", "undecided"]


@dataclass(frozen=True)
class NextBatch:
    """What another batch would be.

    Attributes:
        cost: In the unit of `worth`.
        value_ratio: Sum of its rows' values over that of the last batch, from 0.
    """

    cost: float
    value_ratio: float


@dataclass(frozen=True)
class Stopping:
    """What to do next.

    Attributes:
        advice: `go on`, `stop` or `undecided`.
        reason: In a sentence.
        gain: What the next batch is expected to gain in accuracy; None where nothing was measured.
        needs: What would settle it; empty where it is settled.
    """

    advice: Advice
    reason: str
    gain: Interval | None
    needs: str = ""


def advise(
    measured: Delta | None,
    following: NextBatch,
    *,
    worth: float,
    width: float | None = None,
    reached: Interval | None = None,
) -> Stopping:
    """Whether another batch pays.

    Args:
        measured: What the last batch bought; None where that was not measured.
        following: The next one.
        worth: What one point of accuracy (0.01) is worth, in the unit of the cost; above 0.
        width: Width of the interval of accuracy that the user asked for; None for none.
        reached: The interval of accuracy now; None where it was not measured.

    Raises:
        InvalidInputError: Worth is not above 0, or a cost or ratio is negative.
    """
    if worth <= 0 or following.cost < 0 or following.value_ratio < 0:
        raise InvalidInputError(
            f"worth is above 0, cost and value ratio at least 0, got {worth}, {following.cost} and "
            f"{following.value_ratio}; write what a point of accuracy is worth in the unit of the budget"
        )
    if width is not None and reached is not None and reached.high - reached.low <= width:
        return Stopping("stop", f"the interval asked for ({width:.3f} wide) is reached", None)
    if measured is None:
        return Stopping(
            "undecided", "no batch was measured yet", None, "measure this one on frozen adjudicated rows"
        )
    ratio = following.value_ratio
    gain = Interval(measured.interval.low * ratio, measured.interval.high * ratio)
    low, high = (100 * bound * worth for bound in (gain.low, gain.high))
    told = f"the next batch gains {gain.low:+.2%} to {gain.high:+.2%}, worth {low:,.1f} to {high:,.1f}"
    if low >= following.cost:
        return Stopping("go on", f"{told}, at least its cost of {following.cost:,.1f}", gain)
    if high < following.cost:
        return Stopping("stop", f"{told}, under its cost of {following.cost:,.1f}", gain)
    rows = _rows_to_settle(measured, following, worth)
    needs = f"about {rows:,} more frozen rows would settle it" if rows else "a batch of rows of higher value"
    return Stopping("stop", f"{told}: not shown to pay its cost of {following.cost:,.1f}", gain, needs)


def _rows_to_settle(measured: Delta, following: NextBatch, worth: float) -> int | None:
    """Frozen rows wanted besides, so that the lower bound reaches the cost if the gain is as it looks."""
    needed = following.cost / (100 * worth * following.value_ratio) if following.value_ratio else math.inf
    room = measured.value - needed
    if room <= 0:
        return None
    reach = measured.value - measured.interval.low
    return max(1, math.ceil(measured.n * ((reach / room) ** 2 - 1)))
