"""The pages' charts: lines over time or steps with bands, and bars; drawn by altair as inline SVG, and kept.

Every chart that a page shows stands beside the same numbers as a table.
Leaves to others: how a chart becomes SVG (`pipeline.charts`), which points there are (`dashboard.views`).
Always: what is drawn is what was handed over; equal points give the same picture without drawing it again.
altair takes a second to import, so only the functions that draw import it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from smallcraft.canonical import digest_value
from smallcraft.pipeline.charts import CHOSEN, INK, LOST, MUTED, TIED, inline_data, render_svg, styled

if TYPE_CHECKING:
    import altair

_MOST_KEPT = 64
_COLOURS = (CHOSEN, TIED, INK, LOST)
_kept: OrderedDict[str, str] = OrderedDict()
_lock = threading.Lock()  # the renderer is not made for several threads at once


@dataclass(frozen=True)
class Picture:
    """A chart as it stands in a page."""

    svg: str
    caption: str


@dataclass(frozen=True)
class Chart:
    """A picture with all its numbers.

    Attributes:
        id: Of its part of the page.
        title: Above it.
        picture: None where there is nothing to draw yet.
        columns: Title each, and whether it holds numbers.
        rows: Cells, what it is about first.
        note: Of what the table leaves out; empty for nothing.
    """

    id: str
    title: str
    picture: Picture | None
    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Point:
    """A value at a place.

    Attributes:
        x: Seconds since 1970 UTC where the axis is time, else a number.
        y: None for a gap.
        low: Lower end of a band; None without one.
        high: Upper end.
    """

    x: float
    y: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """A line with its name; its colour goes by its place: stable first, canary second."""

    name: str
    points: Sequence[Point]
    is_stepped: bool = False


@dataclass(frozen=True)
class Limit:
    """A level that lines are held against, with what it means."""

    y: float
    name: str


@dataclass(frozen=True)
class Axes:
    """What both axes say.

    Attributes:
        x: Title; empty where it needs none.
        y: Title.
        is_time: Whether `x` counts seconds since 1970 UTC.
        is_log: Whether `y` is on a log scale.
        low: Where `y` begins; None for the points' own.
        high: Where it ends.
        y_format: Of its ticks, in d3's words.
    """

    x: str
    y: str
    is_time: bool = False
    is_log: bool = False
    low: float | None = None
    high: float | None = None
    y_format: str = ".4~g"


def draw_lines(
    lines: Sequence[Line],
    axes: Axes,
    *,
    alt: str,
    caption: str,
    limits: Sequence[Limit] = (),
    height: int = 220,
) -> Picture | None:
    """Lines with bands and limits; None where there is no point at all.

    Args:
        lines: At most four.
        axes: What they say.
        alt: What the chart shows, in words.
        caption: Beneath it.
        limits: Levels to hold the lines against.
        height: In pixels, of a chart 620 wide.
    """
    if not any(point.y is not None for line in lines for point in line.points):
        return None
    asked = [[asdict(line) for line in lines], asdict(axes), alt, [asdict(one) for one in limits], height]
    svg = _keep(digest_value(_printed(asked)), lambda: _drawn_lines(lines, axes, alt, limits, height))
    return Picture(svg, caption)


def draw_bars(
    shares: Sequence[tuple[str, float]], *, title: str, alt: str, caption: str, x_format: str = "~%"
) -> Picture | None:
    """Named values as horizontal bars; None where there is none.

    Args:
        shares: Name and value each, in the order to show.
        title: Of the axis.
        alt: What the chart shows, in words.
        caption: Beneath it.
        x_format: Of its ticks, in d3's words.
    """
    if not shares:
        return None
    asked = [[list(share) for share in shares], title, alt, x_format]
    svg = _keep(digest_value(_printed(asked)), lambda: _drawn_bars(shares, title, alt, x_format))
    return Picture(svg, caption)


def keep_drawn(asked: object, draw: Callable[[], str]) -> str:
    """A picture of another kind, drawn once for what it is asked for.

    Args:
        asked: All that it depends on; JSON can hold it.
        draw: Gives its SVG.
    """
    return _keep(digest_value(_printed(asked)), draw)


def _keep(key: str, draw: Callable[[], str]) -> str:
    with _lock:
        if key not in _kept:
            _kept[key] = draw()
            while len(_kept) > _MOST_KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key]


def _printed(value: object) -> object:
    """Numbers as their shortest text, so that any of them can be part of a digest."""
    if isinstance(value, dict):
        return {name: _printed(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_printed(one) for one in value]
    return repr(value) if isinstance(value, float) else value


def _drawn_lines(
    lines: Sequence[Line], axes: Axes, alt_text: str, limits: Sequence[Limit], height: int
) -> str:
    import altair as alt

    names = [line.name for line in lines]
    rows = [row for line in lines for row in _rows(line, axes)]
    x = (
        alt.X("x:T", title=axes.x or None, axis=alt.Axis(labelOverlap=True, tickCount=6, grid=False))
        if axes.is_time
        else alt.X("x:Q", title=axes.x or None, axis=alt.Axis(tickCount=6, grid=False, format="~s"))
    )
    scale: dict[str, Any] = {"zero": False, "nice": axes.low is None}
    if axes.is_log:
        scale["type"] = "log"
    if axes.low is not None or axes.high is not None:
        levels = [float(row[key]) for row in rows for key in ("y", "low", "high") if row[key] is not None]
        levels += [limit.y for limit in limits]
        low = min(levels) if axes.low is None else axes.low
        high = max(levels) if axes.high is None else axes.high
        scale |= {"domain": [low, high], "clamp": True}
    y = alt.Y("y:Q", title=axes.y, scale=alt.Scale(**scale), axis=alt.Axis(format=axes.y_format, tickCount=5))
    colour = alt.Color(
        "name:N",
        scale=alt.Scale(domain=names, range=list(_COLOURS[: len(names)])),
        legend=alt.Legend(title=None, orient="top") if len(names) > 1 else None,
    )
    base = alt.Chart(inline_data(rows))
    layers: list[altair.Chart] = []
    if any(row["low"] is not None for row in rows):
        layers.append(
            base.transform_filter("datum.low !== null && datum.high !== null")
            .mark_area(opacity=0.16, aria=False)
            .encode(x=x, y=alt.Y("low:Q", scale=alt.Scale(**scale), title=axes.y), y2="high:Q", color=colour)
        )
    shape: Literal["step-after", "linear"] = (
        "step-after" if any(line.is_stepped for line in lines) else "linear"
    )
    layers.append(base.mark_line(strokeWidth=2, aria=False, interpolate=shape).encode(x=x, y=y, color=colour))
    if len(rows) <= 80:
        layers.append(
            base.mark_point(filled=True, size=28, opacity=1, aria=False).encode(x=x, y=y, color=colour)
        )
    for limit in limits:
        level = alt.Chart(inline_data([{"y": limit.y, "name": limit.name}]))
        layers.append(level.mark_rule(strokeDash=[5, 4], color=INK, aria=False).encode(y=y))
        layers.append(
            level.mark_text(align="left", dx=4, dy=-7, fontSize=12, color=MUTED, aria=False).encode(
                x=alt.value(0), y=y, text="name:N"
            )
        )
    chart = alt.LayerChart(layer=layers).properties(width=620, height=height)
    return render_svg(styled(chart), alt=alt_text)


def _rows(line: Line, axes: Axes) -> list[dict[str, Any]]:
    rows = []
    for point in line.points:
        x = datetime.fromtimestamp(point.x, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S") if axes.is_time else point.x
        rows.append({"x": x, "y": point.y, "low": point.low, "high": point.high, "name": line.name})
    return rows


def _drawn_bars(shares: Sequence[tuple[str, float]], title: str, alt_text: str, x_format: str) -> str:
    import altair as alt

    rows = [{"name": name, "value": value} for name, value in shares]
    chart = (
        alt.Chart(inline_data(rows))
        .mark_bar(color=CHOSEN, aria=False, height=alt.RelativeBandSize(0.7))
        .encode(
            y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=230)),
            x=alt.X("value:Q", title=title, axis=alt.Axis(format=x_format, tickCount=5)),
        )
    )
    # A reader's font may be wider than the one that room for names was measured with.
    room = 5 + 2 * max(len(name) for name, _ in shares)
    layered = alt.LayerChart(layer=[chart]).properties(
        width=480, height=alt.Step(20), padding={"left": min(room, 60), "right": 5, "top": 5, "bottom": 5}
    )
    return render_svg(styled(layered), alt=alt_text)
