"""How many more rows would settle a verdict that is undecided, if the value stays what it is.

Rows are added in thought: shares get more hits and trials at the same share, other bounds draw closer to the
value by the root of the rows. The answer is found by asking the gate's own bounds, so it holds for them.
Always: a value on the limit is settled by no number of rows, and the text says so.
Left to others: which rows to label next.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from smallcraft.gates.bounds import bounds_at
from smallcraft.gates.tolerance import Tolerance
from smallcraft.records import Interval, Measurement

MOST_ROWS = 100_000_000
# Bounds are computed with rounding; a row more or less is not the point.
_SLACK = 1e-9


@dataclass(frozen=True)
class More:
    """Rows to add: of what was measured, and of the rest that it is compared with."""

    rows: int
    rest_rows: int = 0


def rows_to_settle(
    measurement: Measurement, tolerance: Tolerance, *, to_pass: float, to_fail: float
) -> More | None:
    """How many more rows would settle it.

    A value inside the tolerance is settled by PASS, one outside by FAIL. For a difference of two shares rows
    of the first are added alone; where that is never enough, of both in proportion.

    Args:
        measurement: With a finite value.
        tolerance: What it is judged against.
        to_pass: Confidence of a PASS, one-sided.
        to_fail: Confidence of a FAIL, one-sided, corrected.

    Returns:
        None when the value lies on the limit, nothing was counted, a side has no bound, or no number of rows
        below a hundred million is enough.

    >>> found = Measurement("accuracy", 0.92, "fraction", 300, "", low=0.88, high=0.95)
    >>> rows_to_settle(found, Tolerance(0.9, math.inf, ""), to_pass=0.95, to_fail=0.95)
    More(rows=900, rest_rows=0)
    """
    assert measurement.value is not None
    side = tolerance.side_of(measurement.value)
    size = measurement.trials if measurement.trials is not None else float(measurement.n)
    if side == 0 or size <= 0:
        return None

    def is_settled(rows: int, rest_share: float = 0.0) -> bool:
        grown = grow(measurement, 1 + rows / size, 1 + rest_share * rows / size)
        if side > 0:
            return tolerance.holds(_eased(bounds_at(grown, to_pass)))
        return tolerance.excludes(_eased(bounds_at(grown, to_fail)))

    confidence = to_pass if side > 0 else to_fail
    guess = _guess(measurement, tolerance, bounds_at(measurement, confidence), size)
    alone = _least_number(is_settled, guess)
    if alone is not None or measurement.rest_trials is None:
        return None if alone is None else More(alone)
    both = _least_number(lambda rows: is_settled(rows, 1.0), guess)
    return None if both is None else More(both, math.ceil(both * measurement.rest_trials / size))


def grow(measurement: Measurement, factor: float, rest_factor: float) -> Measurement:
    """The same value from `factor` times as many rows, and `rest_factor` times as many of the rest."""
    value, root = measurement.value, math.sqrt(factor)
    assert value is not None
    return replace(
        measurement,
        n=max(measurement.n, round(measurement.n * factor)),
        low=None if measurement.low is None else value - (value - measurement.low) / root,
        high=None if measurement.high is None else value + (measurement.high - value) / root,
        hits=_times(measurement.hits, factor),
        trials=_times(measurement.trials, factor),
        rest_hits=_times(measurement.rest_hits, rest_factor),
        rest_trials=_times(measurement.rest_trials, rest_factor),
    )


def what_settles(measurement: Measurement, tolerance: Tolerance, *, to_pass: float, to_fail: float) -> str:
    """The same in words: `about 420 more labelled rows of sex=Female`."""
    things = things_of(measurement)
    if measurement.trials is None and (measurement.low is None or measurement.high is None):
        return "bounds on both sides: what was measured has one only"
    more = rows_to_settle(measurement, tolerance, to_pass=to_pass, to_fail=to_fail)
    if more is None:
        return f"the value lies at the limit; more {things} would not settle it, a better candidate would"
    text = f"about {two_figures(more.rows):,} more {things}{_of_slice(measurement)}"
    return text + (f" and {two_figures(more.rest_rows):,} of the rest" if more.rest_rows else "")


def things_of(measurement: Measurement) -> str:
    """What a measurement is counted in."""
    if measurement.name.endswith("flip_rate"):
        return "rows that it gets right" if measurement.name == "flip_rate" else "rows that name a group"
    return "labelled rows" if measurement.split is not None else "measured requests"


def two_figures(count: int) -> int:
    """Rounded up to two figures: more would claim too much.

    >>> two_figures(1034), two_figures(7)
    (1100, 7)
    """
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step


def _of_slice(measurement: Measurement) -> str:
    if measurement.slice == "all":
        return ""
    changed = measurement.slice.startswith(("perturbation=", "swap="))
    return f" {'under' if changed else 'of'} {measurement.slice}"


def _guess(measurement: Measurement, tolerance: Tolerance, bounds: Interval, size: float) -> int:
    """A bound's distance to the value shrinks by the root of the rows; until it is the limit's."""
    value = measurement.value
    assert value is not None
    ratios = [
        reach / abs(value - limit)
        for limit, reach in ((tolerance.low, value - bounds.low), (tolerance.high, bounds.high - value))
        if math.isfinite(limit) and math.isfinite(reach)
    ]
    more = size * (min(max([1.0, *ratios]), MOST_ROWS) ** 2 - 1)
    return math.ceil(min(more - 1e-6, MOST_ROWS))


def _times(count: float | None, factor: float) -> float | None:
    return None if count is None else count * factor


def _eased(bounds: Interval) -> Interval:
    return Interval(bounds.low + _SLACK, bounds.high - _SLACK)


def _least_number(is_enough: Callable[[int], bool], guess: int) -> int | None:
    """The least number that is enough, within one in a hundred and never too few."""
    low, high = 0, min(max(1, guess), MOST_ROWS)
    while not is_enough(high):
        if high >= MOST_ROWS:
            return None
        low, high = high, min(2 * high, MOST_ROWS)
    if low == 0 and high > 1 and not is_enough(high // 2):
        low = high // 2
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
