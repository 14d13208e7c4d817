"""The report's charts: quality against cost, classes, confidence; drawn by altair as inline SVG or as PNG.

Each point carries its numbers as a tooltip; nothing has to run in the reader's browser to see a chart.
Always: what is drawn equals what was measured; a point off the axis says so and tells its value.
Left to others: which points there are (`report_parts.points`), the same numbers as tables
(`report_parts.tables`), colours in the dark (`pages/report.css`).
altair takes a second to import, so only the functions that draw import it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree

from smallcraft.gates.policy import LOWER_IS_BETTER
from smallcraft.pipeline.report_parts.axes import Window, cost_domain, log_ticks, quality_window
from smallcraft.pipeline.report_parts.points import ClassPoint, CostPoint
from smallcraft.pipeline.report_parts.reliability import Reliability
from smallcraft.pipeline.report_parts.wording import printable

if TYPE_CHECKING:
    import altair

# The page gives each of these another value in the dark: the class says which.
INK, MUTED, GRID, CHOSEN, TIED, LOST = "#1d2733", "#56616e", "#e1e6eb", "#0b66c3", "#8a3fb0", "#7b8794"
COLOUR_NAMES = {INK: "ink", MUTED: "muted", GRID: "grid", CHOSEN: "chosen", TIED: "tied", LOST: "lost"}
PAPER = "#ffffff"
_LABEL_WIDTH = 230
# A name stands above or below its point, and to its left where the chart ends on its right.
_NAME_OFFSETS: Mapping[str, int] = {"above": -11, "below": 15}
_NAME_SHIFTS: Mapping[Literal["left", "right"], int] = {"left": 9, "right": -9}
_NEAR_THE_END = 0.7
# A reader's browser may set type by this much wider than it was measured here.
_WIDER_TYPE = 0.22
_STANDINGS = {
    "chosen": (CHOSEN, "circle"),
    "tied": (TIED, "diamond"),
    "lost": (LOST, "square"),
}


def draw_costs(points: Sequence[CostPoint], *, metric: str) -> altair.LayerChart:
    """Quality with its interval against CPU-seconds on a log axis; better is up, cheaper is left.

    Args:
        points: At least one.
        metric: Name of the declared metric; decides which way is up.
    """
    import altair as alt

    is_reversed = metric in LOWER_IS_BETTER
    window = quality_window(points, is_reversed=is_reversed)
    rows = [_cost_row(point, points, window) for point in points]
    low, high = cost_domain(points)
    x = alt.X(
        "cost:Q",
        title="CPU-seconds per 1,000 predictions (log scale; cheaper is left)",
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=alt.Axis(values=log_ticks(low, high), format="~g"),
    )
    better = "lower is better" if is_reversed else "higher is better"
    y = alt.Y(
        "drawn:Q",
        title=f"{printable(metric)} on dev ({better})",
        scale=alt.Scale(domain=[window.low, window.high], nice=False, zero=False, reverse=is_reversed),
        axis=alt.Axis(tickCount=6),
    )
    colour = _standing_scale(points)
    upright = (
        alt.Chart(inline_data([row for row in rows if not row["is_foot"]]))
        .transform_filter("datum.low !== null && datum.high !== null")
        .mark_rule(strokeWidth=2, opacity=0.55, aria=False)
        .encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour["color"])
    )
    dots = (
        alt.Chart(inline_data(rows))
        .mark_point(filled=True, size=130, opacity=1)
        .encode(x=x, y=y, description=alt.Description("hover:N"), **colour)
    )
    layers = [upright, dots]
    for side, align in itertools.product(_NAME_OFFSETS, _NAME_SHIFTS):
        named = [row for row in rows if (row["side"], row["align"]) == (side, align)]
        if named:
            text = alt.Chart(inline_data(named)).mark_text(
                align=align,
                dx=_NAME_SHIFTS[align],
                dy=_NAME_OFFSETS[side],
                fontSize=13,
                limit=280,
                aria=False,
            )
            layers.append(text.encode(x=x, y=y, text="label:N", color=alt.value(INK)))
    return styled(alt.LayerChart(layer=layers).properties(width=760, height=340))


def draw_classes(points: Sequence[ClassPoint]) -> altair.LayerChart:
    """F1 of each class with its interval, one line a class.

    Args:
        points: At least one.
    """
    import altair as alt

    longest = max(len(point.name) for point in points)
    spare = _WIDER_TYPE * min(_LABEL_WIDTH, 7 * longest)
    base = alt.Chart(inline_data([asdict(point) for point in points])).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=_LABEL_WIDTH, grid=True))
    )
    axis: dict[str, Any] = {
        "title": "F1 on dev",
        "scale": alt.Scale(domain=[0, 1], nice=False),
        "axis": alt.Axis(values=[tenths / 10 for tenths in range(11)], format=".1f"),
    }
    bars = (
        base.transform_filter("datum.low !== null && datum.high !== null")
        .mark_rule(strokeWidth=2, opacity=0.55, color=CHOSEN, aria=False)
        .encode(x=alt.X("low:Q", **axis), x2="high:Q")
    )
    dots = base.mark_point(filled=True, size=70, opacity=1, color=CHOSEN).encode(
        x=alt.X("f1:Q", **axis), description=alt.Description("hover:N")
    )
    chart = alt.LayerChart(
        layer=[bars, dots], padding={"left": 5 + spare, "right": 10, "top": 5, "bottom": 5}
    )
    return styled(chart.properties(width=600, height=alt.Step(19)))


def draw_reliability(reliability: Reliability) -> altair.LayerChart:
    """Share that is right against confidence; a model that means its confidence lies on the dashed line.

    Args:
        reliability: At least one bin.
    """
    import altair as alt

    bins = reliability.bins
    rows = [
        {
            "sure": each.confidence,
            "right": each.right,
            "low": each.low,
            "high": each.high,
            "hover": each.hover,
        }
        for each in bins
    ]
    low = math.floor(10 * min(min(each.confidence, each.low) for each in bins)) / 10
    ends = [{"sure": low, "right": low}, {"sure": 1.0, "right": 1.0}]
    scale = alt.Scale(domain=[low, 1], nice=False)
    x = alt.X("sure:Q", title="confidence of the answer", scale=scale, axis=alt.Axis(format=".1f"))
    y = alt.Y("right:Q", title="share that is right, on dev", scale=scale, axis=alt.Axis(format=".1f"))
    meant = (
        alt.Chart(inline_data(ends))
        .mark_line(strokeDash=[5, 4], strokeWidth=1.5, color=LOST, aria=False)
        .encode(x=x, y=y)
    )
    base = alt.Chart(inline_data(rows))
    bars = base.mark_rule(strokeWidth=2, opacity=0.55, color=CHOSEN, aria=False).encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q"
    )
    dots = base.mark_point(filled=True, size=80, opacity=1, color=CHOSEN).encode(
        x=x, y=y, description=alt.Description("hover:N")
    )
    return styled(alt.LayerChart(layer=[meant, bars, dots]).properties(width=420, height=320))


def render_png(chart: altair.LayerChart) -> bytes:
    """The chart as a PNG on white, twice as fine as on the page: for a card, a mail, a slide.

    Args:
        chart: One of the above.
    """
    import vl_convert

    specification = chart.to_dict(validate=False)
    specification["config"] = {**specification.get("config", {}), "background": PAPER}
    drawn: bytes = vl_convert.vegalite_to_png(
        specification, vl_version=_vega_lite(), scale=2, allowed_base_urls=[]
    )
    return drawn


def render_svg(chart: altair.LayerChart, *, alt: str) -> str:
    """The chart as an SVG element to stand inside a page.

    Args:
        chart: One of the above.
        alt: What it shows, in words, for who cannot see it.

    Returns:
        Markup without scripts, links or namespaces; each point has its tooltip as `<title>`. Elements in one
        of `COLOUR_NAMES` carry the class `fill-<name>` or `stroke-<name>`.
    """
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(
        chart.to_dict(validate=False), vl_version=_vega_lite(), allowed_base_urls=[]
    )
    root = ElementTree.fromstring(drawn)  # noqa: S314 - drawn a line above, from numbers and printable text
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        _annotate(element)
    width = root.attrib.pop("width")
    del root.attrib["height"]
    root.attrib |= {
        "class": "chart",
        "role": "img",
        "aria-label": printable(alt),
        "style": f"max-width:{width}px",
    }
    return ElementTree.tostring(root, encoding="unicode")


def _vega_lite() -> str:
    """The version of the grammar that altair writes."""
    import altair

    return ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _annotate(element: ElementTree.Element) -> None:
    """Tooltip of a point, classes of known colours; what only a screen reader would hear twice is dropped."""
    role = element.attrib.get("aria-roledescription")
    hover = element.attrib.get("aria-label", "")
    for name in [name for name in element.attrib if name == "role" or name.startswith("aria-")]:
        del element.attrib[name]
    if role == "point":
        title = ElementTree.SubElement(element, "title")
        title.text = hover
    classes = [
        f"{attribute}-{COLOUR_NAMES[element.attrib[attribute]]}"
        for attribute in ("fill", "stroke")
        if element.attrib.get(attribute) in COLOUR_NAMES
    ]
    if classes:
        element.attrib["class"] = " ".join(filter(None, (element.attrib.get("class"), *classes)))


def _cost_row(point: CostPoint, points: Sequence[CostPoint], window: Window) -> dict[str, Any]:
    is_foot = point.rung in window.foot
    label = f"{point.rung}: {point.quality:.3f}, off the axis" if is_foot else point.rung
    return {
        **asdict(point),
        "drawn": window.edge if is_foot else point.quality,
        "is_foot": is_foot,
        "label": label,
        "side": "below" if _has_neighbour_above(point, points) else "above",
        "align": "right" if _is_near_the_end(point, points) else "left",
    }


def _is_near_the_end(point: CostPoint, points: Sequence[CostPoint]) -> bool:
    """Whether a name to the right of the point might run off the chart."""
    logs = [math.log10(other.cost) for other in points]
    return math.log10(point.cost) > min(logs) + _NEAR_THE_END * (max(logs) - min(logs)) > min(logs)


def _has_neighbour_above(point: CostPoint, points: Sequence[CostPoint]) -> bool:
    """Whether another point of nearly the same cost stands higher, so that two names would touch."""
    return any(
        other is not point
        and abs(math.log10(other.cost / point.cost)) < 0.3
        and (other.quality, other.rung) > (point.quality, point.rung)
        for other in points
    )


def _standing_scale(points: Sequence[CostPoint]) -> dict[str, Any]:
    """Colour and shape together, so that neither alone has to be told."""
    import altair as alt

    present = [name for name in _STANDINGS if any(point.standing == name for point in points)]
    legend = alt.Legend(title=None, orient="top", symbolSize=110, symbolOpacity=1, labelFontSize=13)
    colours, shapes = zip(*(_STANDINGS[name] for name in present), strict=True)
    return {
        "color": alt.Color("standing:N", scale=alt.Scale(domain=present, range=list(colours)), legend=legend),
        "shape": alt.Shape("standing:N", scale=alt.Scale(domain=present, range=list(shapes)), legend=legend),
    }


def inline_data(rows: Sequence[dict[str, Any]]) -> altair.InlineData:
    """Rows as they are: what a person typed is only ever a value in them, never a field or an expression."""
    import altair as alt

    return alt.InlineData(values=list(rows))


def styled(chart: altair.LayerChart) -> altair.LayerChart:
    """The look that all charts share."""
    finished: altair.LayerChart = (
        chart.configure(background="transparent", font="system-ui, sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            titleColor=MUTED,
            gridColor=GRID,
            domainColor=GRID,
            tickColor=GRID,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=10,
        )
        .configure_legend(labelColor=INK)
    )
    return finished
