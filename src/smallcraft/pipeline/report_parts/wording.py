"""How numbers and a person's own words are printed on the report.

Always: a number that was not measured reads `not measured`, never 0; what was typed by a person keeps its
letters, and loses only what no page can show.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from smallcraft.records import Measurement

NOT_MEASURED = "not measured"
NOT_RECORDED = "not recorded"

_SMALLEST_PLAIN_EXPONENT = -6
_UNSHOWABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Figure:
    """One measurement as it is printed.

    Attributes:
        text: The value, or `not measured`.
        bounds: `[low, high]`; empty where there is no interval.
        is_measured: Whether there is a value.
        note: How it was measured, or why it was not.
    """

    text: str
    bounds: str
    is_measured: bool
    note: str


def printable(text: str) -> str:
    r"""The text with every character that neither HTML nor SVG may hold shown as U+FFFD.

    >>> printable("a\x00b") == "a\ufffdb"
    True
    """
    return _UNSHOWABLE.sub("\ufffd", text)


def describe_quality(measurement: Measurement | None) -> Figure:
    """A score: three decimals, so that candidates stand under each other."""
    return _describe(measurement, "{:.3f}".format)


def describe_cost(measurement: Measurement | None) -> Figure:
    """A cost: three significant figures, so that 0.0042 and 1,250 are both readable."""
    return _describe(measurement, three_figures)


def three_figures(value: float) -> str:
    """Three significant figures without an exponent where that is readable.

    >>> three_figures(0.004217), three_figures(1249.6), three_figures(24.04)
    ('0.00422', '1,250', '24.0')
    """
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < _SMALLEST_PLAIN_EXPONENT:
        return f"{value:.2e}"
    return f"{value:,.{max(0, 2 - exponent)}f}"


def with_bounds(figure: Figure) -> str:
    """`0.944 [0.936, 0.952]`, for a sentence."""
    return f"{figure.text} {figure.bounds}".strip()


def counted(number: int, noun: str) -> str:
    """`1 row`, `1,200 rows`, `2 classes`, `2 quantities`.

    >>> counted(1, "look"), counted(1200, "row"), counted(2, "class"), counted(2, "quantity")
    ('1 look', '1,200 rows', '2 classes', '2 quantities')
    """
    if number != 1 and noun.endswith("ty"):
        return f"{number:,} {noun[:-1]}ies"
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{ending}"


def _describe(measurement: Measurement | None, shown: Callable[[float], str]) -> Figure:
    if measurement is None:
        return Figure(NOT_MEASURED, "", is_measured=False, note="")
    if measurement.value is None:
        return Figure(NOT_MEASURED, "", is_measured=False, note=measurement.detail or measurement.method)
    note = "; ".join(filter(None, (measurement.method, measurement.detail)))
    return Figure(shown(measurement.value), _bounds(measurement, shown), is_measured=True, note=note)


def _bounds(measurement: Measurement, shown: Callable[[float], str]) -> str:
    """A side without a bound is told as such: it may lie anywhere."""
    if measurement.low is None and measurement.high is None:
        return ""
    low = "?" if measurement.low is None else shown(measurement.low)
    high = "?" if measurement.high is None else shown(measurement.high)
    return f"[{low}, {high}]"
