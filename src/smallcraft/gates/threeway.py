"""PASS, FAIL or UNDECIDED of one measurement on one side of a limit.

The whole interval inside the limit passes, the whole interval outside fails, anything else is undecided. The
chance of a FAIL while the truth is exactly at the limit is the chance that one bound misses: half of what the
two-sided interval leaves. A quantity without sampling error (no interval) is compared as it is.
Always: no measurement, no value or a value that is not finite is UNDECIDED, never PASS.
"""

from __future__ import annotations

import math

from smallcraft.errors import InvalidInputError
from smallcraft.records import Measurement, Outcome, Verdict


def judge_side(
    gate: str, measurement: Measurement | None, *, limit: float, required: bool, is_floor: bool
) -> Verdict:
    """Judge a measurement against a floor (`is_floor`) or a ceiling.

    Raises:
        InvalidInputError: The limit is not finite.
    """
    if not math.isfinite(limit):
        raise InvalidInputError(f"the limit of gate '{gate}' must be a finite number, got {limit}")
    if measurement is None:
        return Verdict(gate, Outcome.UNDECIDED, "it was not measured", "measure it", required)
    if measurement.value is None or not math.isfinite(measurement.value):
        why = measurement.detail or "it could not be measured"
        return Verdict(gate, Outcome.UNDECIDED, f"{measurement.name} has no value: {why}", why, required)
    low, high = _bounds(measurement)
    is_inside = low >= limit if is_floor else high <= limit
    is_outside = high < limit if is_floor else low > limit
    outcome = Outcome.PASS if is_inside else Outcome.FAIL if is_outside else Outcome.UNDECIDED
    return Verdict(
        gate,
        outcome,
        _reason(measurement, limit, is_floor=is_floor, outcome=outcome),
        _needs(measurement, limit) if outcome is Outcome.UNDECIDED else None,
        required,
    )


def rows_to_settle(measurement: Measurement, limit: float) -> int | None:
    """How many more observations would bring the interval clear of the limit, if the value stays.

    The distance from the value to the bound on the limit's side shrinks as one over the root of n.

    Args:
        measurement: With a value, bounds and n.
        limit: What it is judged against.

    Returns:
        At least 1; None when the value lies on the limit, has no bound on that side, or is clear of it.

    >>> rows_to_settle(Measurement("accuracy", 0.92, "fraction", 300, "", low=0.88, high=0.95), 0.90)
    900
    """
    value, n = measurement.value, measurement.n
    if value is None or value == limit:
        return None
    bound = measurement.low if limit < value else measurement.high
    if bound is None or not math.isfinite(bound):
        return None
    ratio = abs(value - bound) / abs(value - limit)
    return None if ratio <= 1 else max(1, math.ceil(n * (ratio * ratio - 1) - 1e-6))


def _bounds(measurement: Measurement) -> tuple[float, float]:
    """The value itself when there is no interval; nothing is known on a side without a bound."""
    low, high = measurement.low, measurement.high
    if low is None and high is None:
        assert measurement.value is not None
        return measurement.value, measurement.value
    return -math.inf if low is None else low, math.inf if high is None else high


def _reason(measurement: Measurement, limit: float, *, is_floor: bool, outcome: Outcome) -> str:
    asked = f"{'at least' if is_floor else 'at most'} {limit:g}"
    where = "" if measurement.split is None else f" on {measurement.split}"
    where += "" if measurement.slice == "all" else f", {measurement.slice}"
    said = {
        Outcome.PASS: "is",
        Outcome.FAIL: "is not",
        Outcome.UNDECIDED: "is not shown to be, nor shown not to be,",
    }[outcome]
    return f"{measurement.name} {_shown(measurement)}{where} {said} {asked}"


def _shown(measurement: Measurement) -> str:
    unit = "" if measurement.unit in {"fraction", "score"} else f" {measurement.unit}"
    if measurement.low is None and measurement.high is None:
        return f"{measurement.value:.4g}{unit}"
    low = "?" if measurement.low is None else f"{measurement.low:.4g}"
    high = "?" if measurement.high is None else f"{measurement.high:.4g}"
    return f"{measurement.value:.4g} [{low}, {high}]{unit} (n={measurement.n})"


def _needs(measurement: Measurement, limit: float) -> str:
    things = "labelled rows" if measurement.split is not None else "measured requests"
    more = rows_to_settle(measurement, limit)
    if more is None:
        return f"the value lies at the limit; more {things} would not settle it, a better candidate would"
    return f"about {_two_figures(more):,} more {things}"


def _two_figures(count: int) -> int:
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
