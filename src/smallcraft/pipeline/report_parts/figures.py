"""How the numbers of the data quality page are printed: with the digits that they need, and no more.

Always: what was not measured reads `not measured`; an interval has as many decimals as its value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from smallcraft.pipeline.report_parts.wording import NOT_MEASURED, Figure, describe_quality, three_figures
from smallcraft.records import Measurement

_SMALLEST_DECIMAL = 0.0001


@dataclass(frozen=True)
class MeasuredRow:
    """One measurement as a row of a table."""

    name: str
    figure: Figure
    measurement: Measurement


def words(name: str) -> str:
    """A name as it stands in a sentence.

    >>> words("label_accuracy")
    'label accuracy'
    """
    return name.replace("_", " ")


def describe(measurement: Measurement) -> Figure:
    """The value and its interval; why there is none, where there is none."""
    if measurement.value is None:
        return describe_quality(measurement)
    sides = (measurement.low, measurement.high)
    shown = decimals if sides == (None, None) else _format_for(measurement.value)
    low, high = ("?" if side is None else shown(side) for side in sides)
    bounds = "" if sides == (None, None) else f"[{low}, {high}]"
    return Figure(shown(measurement.value), bounds, is_measured=True, note=measurement.method)


def decimals(value: float) -> str:
    """Three decimals, four for less than a hundredth, else three significant figures; 0 is 0.

    >>> decimals(0.9412), decimals(0.00267), decimals(12.345), decimals(0.0)
    ('0.941', '0.0027', '12.3', '0')
    """
    return "0" if value == 0 else _format_for(value)(value)


def printed_number(value: float | int | None) -> str:
    """A count, or a number that a check noted.

    >>> printed_number(7000), printed_number(0.25), printed_number(None)
    ('7,000', '0.250', 'not measured')
    """
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    return f"{value:,}" if isinstance(value, int) else decimals(value)


def _format_for(value: float) -> Callable[[float], str]:
    size = abs(value)
    if size > 1 or 0 < size < _SMALLEST_DECIMAL:
        return three_figures
    return "{:.3f}".format if size == 0 or size >= 0.01 else "{:.4f}".format
