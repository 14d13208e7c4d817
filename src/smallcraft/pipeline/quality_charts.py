"""The charts of the data quality page: histograms, and quantities class by class or annotator by annotator.

What can be drawn is found in the results of any check, whatever its name; drawn by altair as inline SVG.
Always: what is drawn equals what was measured; nothing is drawn that was not.
Left to others: the markup (`charts.render_svg`), the same numbers as tables (`check_page`).
altair takes a second to import, so only the functions that draw import it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from smallcraft.pipeline.charts import CHOSEN, LOST, styled
from smallcraft.pipeline.report_parts.points import TOOLTIP_BREAK
from smallcraft.pipeline.report_parts.quoting import inert, quote
from smallcraft.pipeline.report_parts.wording import counted, describe_quality, with_bounds
from smallcraft.records import CheckResult, Measurement

if TYPE_CHECKING:
    import altair

MOST_POINTS = 30
_LONGEST_NAME = 40
_LABEL_WIDTH = 230
# A reader's browser may set type by this much wider than it was measured here.
_WIDER_TYPE = 0.22
_BIN = re.compile(r"(?P<stem>.+?)_(?P<part>edge|count|low|high)_(?P<place>\d+)(?:_(?P<split>.+))?")
# A value may hold an ampersand; what follows it is a slice of its own only where it names its column.
_JOINED = re.compile(r" & (?=[^=&]+=)")
_BAD_WHEN_HIGH = ("share", "rate", "error", "errors", "noise", "disagreement")


@dataclass(frozen=True)
class Bar:
    """One bin of a histogram; `is_below_zero` where the whole bin is."""

    low: float
    high: float
    count: int
    is_below_zero: bool
    hover: str


@dataclass(frozen=True)
class Histogram:
    """Counts over bins that follow each other.

    Attributes:
        name: What was counted, in words.
        split: Of which rows; None where that is not said.
    """

    name: str
    split: str | None
    bars: tuple[Bar, ...]

    @property
    def title(self) -> str:
        """How it is named in a caption."""
        return f"{self.name} on {self.split}" if self.split else self.name


@dataclass(frozen=True)
class SlicePoint:
    """One class, annotator or group with its quantity; bounds are None where there is no interval."""

    name: str
    value: float
    low: float | None
    high: float | None
    hover: str


@dataclass(frozen=True)
class Slices:
    """One quantity measured slice by slice, worst first; what was not measured stands last.

    Attributes:
        quantity: Its name in words.
        by: What the slices are: `class`, `annotator`, the name of a column.
        split: Of which rows; None where that is not said.
        measurements: One a slice.
    """

    quantity: str
    by: str
    split: str | None
    measurements: tuple[Measurement, ...]

    @property
    def title(self) -> str:
        """How it is named in a caption."""
        on_split = f" on {self.split}" if self.split else ""
        return f"{self.quantity} by {self.by}{on_split}"

    @property
    def points(self) -> tuple[SlicePoint, ...]:
        """What the chart shows: the worst slices that were measured."""
        names = _distinct([slice_name(measurement) for measurement in self.measurements])
        named = zip(names, self.measurements, strict=True)
        return tuple(_point(name, m, value) for name, m in named if (value := _finite(m.value)) is not None)[
            :MOST_POINTS
        ]


def find_histograms(check: CheckResult) -> tuple[Histogram, ...]:
    """The histograms among a check's numbers.

    Read are `<name>_edge_<i>` (one more than there are bins) or `<name>_low_<i>` and `<name>_high_<i>`, with
    `<name>_count_<i>`, each with an optional `_<split>` behind. A set of numbers that is not whole, or whose
    bins do not follow each other, is no histogram.
    """
    return tuple(histogram for histogram, _ in _binned(check))


def plain_numbers(check: CheckResult) -> dict[str, float | int | None]:
    """A check's numbers without those of its histograms."""
    drawn = {key for _, keys in _binned(check) for key in keys}
    return {key: value for key, value in check.numbers.items() if key not in drawn}


def find_slices(measurements: Sequence[Measurement]) -> tuple[Slices, ...]:
    """The quantities that were measured slice by slice, in the order of the measurements."""
    grouped: dict[tuple[str, str, str | None], list[Measurement]] = {}
    for measurement in measurements:
        if "=" in measurement.slice:
            by = " & ".join(part.partition("=")[0] for part in _JOINED.split(measurement.slice))
            grouped.setdefault((measurement.name, by, measurement.split), []).append(measurement)
    return tuple(
        Slices(_words(name), _short(by), split and _short(split), tuple(sorted(found, key=_badness)))
        for (name, by, split), found in grouped.items()
    )


def slice_name(measurement: Measurement) -> str:
    """The slice without what it is a slice by: `billing` of `class=billing`, `F & north` of two columns."""
    return " & ".join(part.partition("=")[2] for part in _JOINED.split(measurement.slice))


def draw_histogram(histogram: Histogram) -> altair.LayerChart:
    """A bar a bin; bins below zero in another colour.

    Args:
        histogram: At least one bin.
    """
    import altair as alt

    bars = histogram.bars
    edges = [bars[0].low, *(bar.high for bar in bars)]
    x = alt.X(
        "low:Q",
        title=inert(histogram.name),
        scale=alt.Scale(domain=[edges[0], edges[-1]], nice=False),
        axis=alt.Axis(grid=False, format="~g", tickCount=10),
    )
    y = alt.Y("count:Q", title="rows", axis=alt.Axis(format="~s", tickCount=5, tickMinStep=1))
    drawn = (
        alt.Chart(alt.InlineData(values=[asdict(bar) for bar in bars]))
        .mark_bar(ariaRoleDescription="point", opacity=1, x2Offset=-1)
        .encode(
            x=x,
            x2="high:Q",
            y=y,
            y2=alt.Y2Datum(0),
            color=alt.condition("datum.is_below_zero", alt.value(CHOSEN), alt.value(LOST)),
            description=alt.Description("hover:N"),
        )
    )
    return styled(alt.LayerChart(layer=[drawn]).properties(width=440, height=190))


def draw_slices(slices: Slices) -> altair.LayerChart:
    """A point with its interval a slice, worst first.

    Args:
        slices: At least one of them measured.
    """
    import altair as alt

    points = slices.points
    longest = max(len(point.name) for point in points)
    spare = _WIDER_TYPE * min(_LABEL_WIDTH, 7 * longest)
    low, high = _domain(points)
    base = alt.Chart(alt.InlineData(values=[asdict(point) for point in points])).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=_LABEL_WIDTH, grid=True))
    )
    axis: dict[str, Any] = {
        "title": inert(slices.quantity),
        "scale": alt.Scale(domain=[low, high], nice=False, zero=False),
        "axis": alt.Axis(format="~g", tickCount=6),
    }
    lines = (
        base.transform_filter("datum.low !== null && datum.high !== null")
        .mark_rule(strokeWidth=2, opacity=0.55, color=CHOSEN, aria=False)
        .encode(x=alt.X("low:Q", **axis), x2="high:Q")
    )
    dots = base.mark_point(filled=True, size=70, opacity=1, color=CHOSEN).encode(
        x=alt.X("value:Q", **axis), description=alt.Description("hover:N")
    )
    padding = {"left": 5 + spare, "right": 14, "top": 5, "bottom": 5}
    chart = alt.LayerChart(layer=[lines, dots], padding=padding)
    return styled(chart.properties(width=320, height=alt.Step(21)))


def _binned(check: CheckResult) -> list[tuple[Histogram, list[str]]]:
    """Each histogram with the names of the numbers that it is made of."""
    parts: dict[tuple[str, str | None], dict[tuple[str, int], float]] = {}
    keys: dict[tuple[str, str | None], list[str]] = {}
    for key, value in check.numbers.items():
        found = _BIN.fullmatch(key)
        if found and value is not None and math.isfinite(value):
            place = (found["stem"], found["split"])
            parts.setdefault(place, {})[found["part"], int(found["place"])] = value
            keys.setdefault(place, []).append(key)
    histograms = ((_histogram(*place, numbers), keys[place]) for place, numbers in parts.items())
    return [(histogram, made_of) for histogram, made_of in histograms if histogram]


def _histogram(stem: str, split: str | None, numbers: dict[tuple[str, int], float]) -> Histogram | None:
    counts = {place: value for (part, place), value in numbers.items() if part == "count"}
    bins = len(counts)
    if not bins or set(counts) != set(range(bins)) or any(count < 0 for count in counts.values()):
        return None
    lows = [numbers.get(("low", place), numbers.get(("edge", place))) for place in range(bins)]
    highs = [numbers.get(("high", place), numbers.get(("edge", place + 1))) for place in range(bins)]
    bounds = [
        (low, high) for low, high in zip(lows, highs, strict=True) if low is not None and high is not None
    ]
    follow = all(early[1] == late[0] for early, late in itertools.pairwise(bounds))
    if len(bounds) < bins or not follow or any(low >= high for low, high in bounds):
        return None
    bars = tuple(_bar(low, high, int(counts[place])) for place, (low, high) in enumerate(bounds))
    return Histogram(_words(stem), split and _short(split), bars)


def _bar(low: float, high: float, count: int) -> Bar:
    hover = TOOLTIP_BREAK.join((f"{low:g} to {high:g}", counted(count, "row")))
    return Bar(low, high, count, is_below_zero=high <= 0, hover=hover)


def _point(name: str, measurement: Measurement, value: float) -> SlicePoint:
    words = f"{_words(measurement.name)} {with_bounds(describe_quality(measurement))}"
    hover = TOOLTIP_BREAK.join((name, words, f"n = {measurement.n:,}"))
    return SlicePoint(name, value, _finite(measurement.low), _finite(measurement.high), hover)


def _badness(measurement: Measurement) -> tuple[bool, float, str]:
    value = _finite(measurement.value)
    if value is None:
        return (True, 0.0, measurement.slice)
    is_bad_when_high = measurement.name.rpartition("_")[2] in _BAD_WHEN_HIGH
    return (False, -value if is_bad_when_high else value, measurement.slice)


def _finite(value: float | None) -> float | None:
    """The number where a chart can place it."""
    return value if value is not None and math.isfinite(value) else None


def _distinct(names: Sequence[str]) -> list[str]:
    """Names short enough for an axis, each one once."""
    taken: set[str] = set()
    found = []
    for name in names:
        short = _short(name)
        copies = 1
        while (label := short if copies == 1 else f"{short} ({copies})") in taken:
            copies += 1
        taken.add(label)
        found.append(label)
    return found


def _domain(points: Sequence[SlicePoint]) -> tuple[float, float]:
    """All points and intervals with a little room; a share stays within 0 and 1."""
    lows = [point.value if point.low is None else min(point.low, point.value) for point in points]
    highs = [point.value if point.high is None else max(point.high, point.value) for point in points]
    low, high = min(lows), max(highs)
    room = max(0.06 * (high - low), 0.005)
    if low >= 0 and high <= 1:
        return max(0.0, low - room), min(1.0, high + room)
    return low - room, high + room


def _words(name: str) -> str:
    return _short(name.replace("_", " "))


def _short(text: str) -> str:
    """Short enough for an axis or a caption."""
    cut = quote(text, most=_LONGEST_NAME)
    return f"{cut.text}…" if cut.left_out else cut.text
