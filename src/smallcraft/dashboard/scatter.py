"""Quality against cost of many candidates as inline SVG: a point each, coloured and shaped by how it ended.

Leaves to others: which candidates (`views.experiments`), the same as a table (its template).
Always: a point carries its numbers as a tooltip; equal points give the picture that was drawn before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from smallcraft.dashboard.charts import Picture, keep_drawn
from smallcraft.gates.policy import LOWER_IS_BETTER
from smallcraft.pipeline.charts import CHOSEN, LOST, TIED, inline_data, render_svg, styled
from smallcraft.pipeline.report_parts.wording import printable

_FENCE = 3.0
_ROOM = 0.07
# How a candidate ended, as three kinds that a reader tells apart by colour and by shape.
KINDS = {"released": (CHOSEN, "circle"), "kept back by a gate": (TIED, "diamond"), "lost": (LOST, "square")}


@dataclass(frozen=True)
class Dot:
    """One candidate.

    Attributes:
        cost: CPU-seconds of 1,000 answers, above 0.
        quality: On dev.
        low: Of its interval; None where there is none.
        high: Of its interval.
        kind: One of `KINDS`.
        hover: Everything about it, in words.
    """

    cost: float
    quality: float
    low: float | None
    high: float | None
    kind: str
    hover: str


def draw_dots(dots: Sequence[Dot], *, metric: str, caption: str) -> Picture | None:
    """The chart; None where there is nothing to draw.

    Args:
        dots: At most some hundreds.
        metric: What quality is.
        caption: Beneath it.
    """
    if not dots:
        return None
    is_reversed = metric in LOWER_IS_BETTER
    best = (min if is_reversed else max)(dots, key=lambda dot: dot.quality)
    edge = far_end([dot.quality for dot in dots], is_reversed=is_reversed)
    off = sum(dot.quality > edge if is_reversed else dot.quality < edge for dot in dots)
    words = f"{metric} on dev against CPU-seconds per 1,000 predictions, {len(dots)} candidates"
    alt = f"{words}; the best: {best.hover}"
    asked = [[asdict(dot) for dot in dots], metric, alt]
    more = f" {off} far worse than the rest stand at the foot, off the axis." if off else ""
    return Picture(keep_drawn(asked, lambda: _drawn(dots, metric, alt, edge=edge)), caption + more)


def far_end(qualities: Sequence[float], *, is_reversed: bool = False) -> float:
    """Where the axis ends on the worse side: no further than three times the middle half beyond it.

    A baseline far from the rest would press all others together.

    Args:
        qualities: At least one.
        is_reversed: Whether lower is better.

    >>> far_end([0.01, 0.9, 0.91, 0.92, 0.93]), far_end([0.8, 0.9])
    (0.9, 0.8)
    """
    low, high = np.quantile(qualities, [0.25, 0.75])
    reach = _FENCE * (high - low)
    if is_reversed:
        return max(one for one in qualities if one <= high + reach)
    return min(one for one in qualities if one >= low - reach)


def _drawn(dots: Sequence[Dot], metric: str, alt_text: str, *, edge: float) -> str:
    import altair as alt

    is_reversed = metric in LOWER_IS_BETTER
    rows = [asdict(dot) for dot in dots]
    ends = [end for dot in dots for end in (dot.quality, dot.low, dot.high) if end is not None]
    low, high = (min(ends), edge) if is_reversed else (edge, max(ends))
    room = _ROOM * (high - low) or _ROOM
    present = [kind for kind in KINDS if any(dot.kind == kind for dot in dots)]
    colours, shapes = zip(*(KINDS[kind] for kind in present), strict=True)
    legend = alt.Legend(title=None, orient="top", symbolSize=110, symbolOpacity=1, labelFontSize=13)
    x = alt.X(
        "cost:Q",
        title="CPU-seconds per 1,000 predictions (log scale; cheaper is left)",
        scale=alt.Scale(type="log", nice=False, padding=24),
        axis=alt.Axis(format="~g", tickCount=6, grid=False),
    )
    better = "lower is better" if is_reversed else "higher is better"
    y = alt.Y(
        "quality:Q",
        title=f"{printable(metric)} on dev ({better})",
        scale=alt.Scale(
            domain=[low - room, high + room], zero=False, nice=False, clamp=True, reverse=is_reversed
        ),
        axis=alt.Axis(tickCount=6),
    )
    colour = alt.Color("kind:N", scale=alt.Scale(domain=present, range=list(colours)), legend=legend)
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=present, range=list(shapes)), legend=legend)
    base = alt.Chart(inline_data(rows))
    bars = (
        base.transform_filter("datum.low !== null && datum.high !== null")
        .mark_rule(strokeWidth=2, opacity=0.3, aria=False)
        .encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour)
    )
    points = base.mark_point(filled=True, size=90, opacity=0.9).encode(
        x=x, y=y, color=colour, shape=shape, description=alt.Description("hover:N")
    )
    return render_svg(
        styled(alt.LayerChart(layer=[bars, points]).properties(width=760, height=320)), alt=alt_text
    )
