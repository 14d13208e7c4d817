"""What the axes of the chart of quality against cost show.

Always: every candidate lies inside, or is named as too far below to share the axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.pipeline.report_parts.points import CostPoint

_FAR_BELOW = 2.0
_LEAST_DECADES = 0.6


@dataclass(frozen=True)
class Window:
    """What the quality axis shows.

    Attributes:
        low: Its lower end.
        high: Its upper end.
        foot: Rungs too far from the others to share it.
        edge: Where those are drawn instead: just inside the end that is the worse one.
    """

    low: float
    high: float
    foot: frozenset[str]
    edge: float


def quality_window(points: Sequence[CostPoint], *, is_reversed: bool) -> Window:
    """The stretch of quality that the axis shows.

    A baseline far below the rest would press all others together: the worst one is drawn at the edge when the
    gap above it is more than twice what the rest spans, as long as two are left.
    """
    sign = -1.0 if is_reversed else 1.0
    kept = sorted(points, key=lambda point: sign * point.quality)
    while len(kept) > 2:
        low, high = _span(kept[1:])
        if sign * (kept[1].quality - kept[0].quality) <= _FAR_BELOW * (high - low):
            break
        kept = kept[1:]
    low, high = _span(kept)
    room = max(0.08 * (high - low), 0.005)
    foot = frozenset(point.rung for point in points) - {point.rung for point in kept}
    below, above = (room, 2 * room) if is_reversed else (2 * room, room)
    bottom, top = low - (below if foot else room), high + (above if foot else room)
    if low >= 0 and high <= 1:
        bottom, top = max(0.0, bottom), min(1.0, top)
    inset = 0.03 * (top - bottom)
    return Window(bottom, top, foot, edge=top - inset if is_reversed else bottom + inset)


def cost_domain(points: Sequence[CostPoint]) -> tuple[float, float]:
    """All costs with room for names on the right; at least most of a decade wide, for ticks."""
    low, high = (math.log10(pick(point.cost for point in points)) for pick in (min, max))
    missing = max(0.0, _LEAST_DECADES - (high - low)) / 2
    room = 0.06 * (high - low)
    return 10 ** (low - missing - room - 0.05), 10 ** (high + missing + 2 * room + 0.05)


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers inside the axis: 1, 2 and 5 in each decade, or only 1 where there are many decades.

    >>> log_ticks(0.04, 0.3)
    [0.05, 0.1, 0.2]
    """
    steps = (1, 2, 5) if high / low < 1000 else (1,)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = [float(f"{step}e{power}") for power in range(first, last + 1) for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def _span(points: Sequence[CostPoint]) -> tuple[float, float]:
    lows = [point.quality if point.low is None else point.low for point in points]
    highs = [point.quality if point.high is None else point.high for point in points]
    return min(lows), max(highs)
