"""Draws docs/pictures/rollouts.svg: of every rule the false rollbacks, and the harm of two regressions.

Always: drawn from what is kept; names nothing outside itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

from benchmarks.process import ROOT
from benchmarks.rollouts.kept import KeptCell

PICTURE = ROOT / "docs" / "pictures" / "rollouts.svg"
_WIDTH, _ROW, _TOP, _FOOT = 860, 30, 78, 40
_INK, _SOFT, _LINE = "#1f2328", "#57606a", "#d0d7de"
# Blue, orange, green of the Okabe-Ito palette; every mark has a form of its own too.
_BLUE, _ORANGE, _GREEN = "#0072b2", "#d55e00", "#009e73"
_FALSE = (
    ("fine", "nothing wrong", _BLUE),
    ("incident", "incident of both", _ORANGE),
    ("sticky", "sticky keys", _GREEN),
)
_HARM = (("errors", "2 % more errors", _BLUE), ("slow_tail", "slow tail", _ORANGE))
_LEFT, _RIGHT = (180, 470), (530, 830)
_LEAST_HARM, _MOST_HARM = 5.0, 2000.0
Place = Callable[[float], float]


def render_picture(
    kept: Mapping[str, Sequence[KeptCell]], *, most_false_percent: float, most_harm: float
) -> str:
    """The whole picture.

    Args:
        kept: Scenario to its cells, the rules in order.
        most_false_percent: The bar.
        most_harm: The bar.
    """
    rules = list(dict.fromkeys(one.cell.rule for cells in kept.values() for one in cells))
    height = _TOP + _ROW * len(rules) + _FOOT

    def share_at(percent: float) -> float:
        return _LEFT[0] + percent / 100 * (_LEFT[1] - _LEFT[0])

    def harm_at(harm: float) -> float:
        way = math.log(max(harm, _LEAST_HARM) / _LEAST_HARM) / math.log(_MOST_HARM / _LEAST_HARM)
        return _RIGHT[0] + way * (_RIGHT[1] - _RIGHT[0])

    parts = [
        _opening(height),
        _legend(_LEFT[0], "Good releases rolled back, %", _FALSE),
        _legend(_RIGHT[0], "Bad requests until a bad one is stopped", _HARM),
        _axis(share_at, (0, 25, 50, 75, 100), height=height, bar=most_false_percent),
        _axis(harm_at, (5, 10, 30, 100, 300, 1000), height=height, bar=most_harm),
    ]
    for number, rule in enumerate(rules):
        y = _TOP + _ROW * (number + 0.5)
        weight = ' font-weight="600"' if number == 0 else ""
        parts.append(
            f'<text x="170" y="{y + 4:g}" text-anchor="end" fill="{_INK}"{weight}>{escape(rule)}</text>'
        )
        parts += _marks(kept, rule, _FALSE, y=y, at=lambda cell: share_at(100 * cell.cell.rolled_back.share))
        parts += _marks(kept, rule, _HARM, y=y, at=lambda cell: harm_at(cell.cell.excess_bad.mean))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _opening(height: float) -> str:
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-labelledby="t d" \
font-family="system-ui, sans-serif" font-size="13">
<title id="t">How often rules of rolling out are wrong, and what that costs</title>
<desc id="d">A line for each rule. On the left the share of good releases that it rolled back, on the right \
the mean number of bad requests until a bad release was stopped or promoted, on a logarithmic scale. The \
numbers are in the tables.</desc>
<rect width="{_WIDTH}" height="{height:g}" fill="#ffffff"/>"""


def _legend(x: float, title: str, marks: Sequence[tuple[str, str, str]]) -> str:
    parts = [f'<text x="{x:g}" y="20" fill="{_INK}" font-weight="600">{escape(title)}</text>']
    for number, (_, words, colour) in enumerate(marks):
        here = x + 6 + 108 * number
        parts.append(_mark(number, here, 40, colour))
        parts.append(f'<text x="{here + 9:g}" y="44" fill="{_SOFT}" font-size="11">{escape(words)}</text>')
    return "\n".join(parts)


def _axis(at: Place, ticks: Sequence[float], *, height: float, bar: float) -> str:
    top, bottom = _TOP - 6, height - _FOOT
    parts = []
    for tick in ticks:
        parts.append(f'<path d="M{at(tick):.1f} {top}V{bottom + 4:g}" stroke="{_LINE}" fill="none"/>')
        parts.append(_note(at(tick), bottom + 20, f"{tick:,}", _SOFT))
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
    at: Callable[[KeptCell], float],
) -> list[str]:
    """A rule's marks, and what spans them."""
    found = [
        (at(one), form, colour)
        for form, (scenario, _, colour) in enumerate(shown)
        for one in kept.get(scenario, ())
        if one.cell.rule == rule
    ]
    if not found:
        return []
    ends = [x for x, _, _ in found]
    span = f'<path d="M{min(ends):.1f} {y:g}H{max(ends):.1f}" stroke="{_LINE}" stroke-width="3"/>'
    return [span, *(_mark(form, x, y, colour) for x, form, colour in found)]


def _mark(form: int, x: float, y: float, colour: str) -> str:
    """A disc, a triangle or a square."""
    if form == 0:
        return f'<circle cx="{x:.1f}" cy="{y:g}" r="5" fill="{colour}"/>'
    if form == 1:
        return f'<path d="M{x - 6:.1f} {y + 5:g}h12l-6 -11z" fill="{colour}"/>'
    return f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:g}" width="9" height="9" fill="{colour}"/>'
