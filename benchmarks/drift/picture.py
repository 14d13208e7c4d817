"""Draws docs/pictures/drift.svg: of every rule the false alarms a month, and the delay of one change.

Always: drawn from what is kept; names nothing outside itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

from benchmarks.drift.cells import DelayCell, QuietCell
from benchmarks.drift.contestants import RULES
from benchmarks.drift.kept import KeptCell
from benchmarks.drift.measure import HORIZON
from benchmarks.process import ROOT

PICTURE = ROOT / "docs" / "pictures" / "drift.svg"
_WIDTH, _ROW, _TOP, _FOOT = 860, 30, 78, 40
_INK, _SOFT, _LINE = "#1f2328", "#57606a", "#d0d7de"
# Blue, orange, green of the Okabe-Ito palette; every mark has a form of its own too.
_BLUE, _ORANGE, _GREEN = "#0072b2", "#d55e00", "#009e73"
_QUIET = (
    ("iid", "independent rows", _BLUE),
    ("rows_hang", "rows hang", _ORANGE),
    ("wanders", "levels wander", _GREEN),
)
_CHANGED = (("three_columns", "0.1 sd in 3 of 20", _BLUE), ("one_column", "0.2 sd in 1 of 20", _ORANGE))
_LEFT, _RIGHT = (210, 490), (550, 830)
_LEAST_ALARMS, _MOST_ALARMS, _BUDGET, _MOST_DELAY = 0.01, 1000.0, 0.1, 7.0
Place = Callable[[float], float]


def render_picture(kept: Mapping[str, Sequence[KeptCell]]) -> str:
    """The whole picture.

    Args:
        kept: Scene to its cells, the rules in order.
    """
    there = {one.cell.rule for cells in kept.values() for one in cells}
    rules = [rule for rule in RULES if rule in there]
    height = _TOP + _ROW * len(rules) + _FOOT
    alarms = _scale(_LEFT, _LEAST_ALARMS, _MOST_ALARMS)
    delays = _scale(_RIGHT, 1.0, float(HORIZON))
    parts = [
        _opening(height),
        _legend(_LEFT[0], "False alarms a month", _QUIET),
        _legend(_RIGHT[0], "Windows until a change is seen", _CHANGED),
        _axis(alarms, (0.01, 0.1, 1, 10, 100, 1000), height=height, bar=_BUDGET),
        _axis(delays, (1, 2, 5, 10, 20, HORIZON), height=height, bar=_MOST_DELAY),
    ]
    for number, rule in enumerate(rules):
        y = _TOP + _ROW * (number + 0.5)
        weight = ' font-weight="600"' if number == 0 else ""
        parts.append(
            f'<text x="200" y="{y + 4:g}" text-anchor="end" fill="{_INK}"{weight}>{escape(rule)}</text>'
        )
        parts += _marks(kept, rule, _QUIET, y=y, at=alarms)
        parts += _marks(kept, rule, _CHANGED, y=y, at=delays)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _scale(ends: tuple[int, int], least: float, most: float) -> Place:
    def place(value: float) -> float:
        way = math.log(min(max(value, least), most) / least) / math.log(most / least)
        return ends[0] + way * (ends[1] - ends[0])

    return place


def _opening(height: float) -> str:
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-labelledby="t d" \
font-family="system-ui, sans-serif" font-size="13">
<title id="t">How often rules of watching cry wolf, and how long they take</title>
<desc id="d">A line for each rule. On the left the false alarms a month in three quiet worlds, on the right \
the mean number of windows until a change is seen, both on logarithmic scales. The numbers are in the \
tables.</desc>
<rect width="{_WIDTH}" height="{height:g}" fill="#ffffff"/>"""


def _legend(x: float, title: str, marks: Sequence[tuple[str, str, str]]) -> str:
    parts = [f'<text x="{x:g}" y="20" fill="{_INK}" font-weight="600">{escape(title)}</text>']
    for number, (_, words, colour) in enumerate(marks):
        here = x + 6 + 118 * number
        parts.append(_mark(number, here, 40, colour))
        parts.append(f'<text x="{here + 9:g}" y="44" fill="{_SOFT}" font-size="11">{escape(words)}</text>')
    return "\n".join(parts)


def _axis(at: Place, ticks: Sequence[float], *, height: float, bar: float) -> str:
    top, bottom = _TOP - 6, height - _FOOT
    parts = []
    for tick in ticks:
        parts.append(f'<path d="M{at(tick):.1f} {top}V{bottom + 4:g}" stroke="{_LINE}" fill="none"/>')
        parts.append(_note(at(tick), bottom + 20, f"{tick:,g}", _SOFT))
    line = f'd="M{at(bar):.1f} {top}V{bottom + 4:g}" stroke="{_INK}" stroke-dasharray="4 3"'
    return "\n".join([*parts, f'<path {line} fill="none"/>', _note(at(bar), top - 5, f"bar {bar:g}", _INK)])


def _note(x: float, y: float, words: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:g}" text-anchor="middle" fill="{colour}" font-size="11">{words}</text>'


def _marks(
    kept: Mapping[str, Sequence[KeptCell]],
    rule: str,
    shown: Sequence[tuple[str, str, str]],
    *,
    y: float,
    at: Place,
) -> list[str]:
    """A rule's marks, and what spans them."""
    found = [
        (at(_value(one)), form, colour)
        for form, (scene, _, colour) in enumerate(shown)
        for one in kept.get(scene, ())
        if one.cell.rule == rule
    ]
    if not found:
        return []
    ends = [x for x, _, _ in found]
    span = f'<path d="M{min(ends):.1f} {y:g}H{max(ends):.1f}" stroke="{_LINE}" stroke-width="3"/>'
    return [span, *(_mark(form, x, y, colour) for x, form, colour in found)]


def _value(kept: KeptCell) -> float:
    cell = kept.cell
    if isinstance(cell, QuietCell):
        return cell.a_month
    assert isinstance(cell, DelayCell)
    return cell.mean


def _mark(form: int, x: float, y: float, colour: str) -> str:
    """A disc, a triangle or a square."""
    if form == 0:
        return f'<circle cx="{x:.1f}" cy="{y:g}" r="5" fill="{colour}"/>'
    if form == 1:
        return f'<path d="M{x - 6:.1f} {y + 5:g}h12l-6 -11z" fill="{colour}"/>'
    return f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:g}" width="9" height="9" fill="{colour}"/>'
