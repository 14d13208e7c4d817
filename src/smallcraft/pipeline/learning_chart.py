"""The learning curve as a page with one chart: what was measured, and what is foretold beyond.

Leaves to others: the numbers (`pipeline.learning`).
Always: a point carries its numbers as a tooltip; nothing has to run in the reader's browser.
altair takes a second to import, so only the functions that draw import it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from smallcraft.pipeline.charts import CHOSEN, LOST, inline_data, render_svg, styled
from smallcraft.pipeline.report_parts.wording import printable
from smallcraft.stats.learning_curve import CurvePoint

if TYPE_CHECKING:
    import altair

    from smallcraft.pipeline.learning import Learned


def curve_page(learned: Learned, sentences: list[str]) -> str:
    """An HTML page that works offline.

    Args:
        learned: What to draw.
        sentences: What it says, a paragraph each.
    """
    title = f"Learning curve of {escape(printable(learned.rung))}"
    words = "".join(f"<p>{escape(sentence)}</p>\n" for sentence in sentences)
    alt = f"{printable(learned.quality.name)} by training rows. {' '.join(sentences)}"
    chart = render_svg(draw_curve_chart(learned), alt=alt)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f'<body style="font-family:system-ui,sans-serif;max-width:44rem;margin:2rem auto">\n'
        f"<h1>{title}</h1>\n{words}{chart}\n</body></html>\n"
    )


def draw_curve_chart(learned: Learned) -> altair.LayerChart:
    """Quality with its interval against training rows on a log axis."""
    import altair as alt

    rows = [_row(point, "measured") for point in learned.points]
    rows += [_row(point, "foretold") for point in learned.ahead]
    x = alt.X("rows:Q", title="training rows (log scale)", scale=alt.Scale(type="log", nice=False))
    title = f"{printable(learned.quality.name)} on dev"
    y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=False))
    kinds = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=["measured", "foretold"], range=[CHOSEN, LOST]),
        legend=alt.Legend(title=None, orient="top"),
    )
    base = alt.Chart(inline_data(rows))
    bars = base.mark_rule(strokeWidth=2, opacity=0.55, aria=False).encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q", color=kinds
    )
    dots = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=x, y=y, color=kinds, description=alt.Description("hover:N")
    )
    chart: altair.LayerChart = styled(alt.LayerChart(layer=[bars, dots]).properties(width=560, height=320))
    return chart


def _row(point: CurvePoint, kind: str) -> dict[str, Any]:
    hover = f"{point.rows:,} rows: {point.value:.4f} [{point.low:.4f}, {point.high:.4f}], {kind}"
    values = {"rows": point.rows, "value": point.value, "low": point.low, "high": point.high}
    return {**values, "kind": kind, "hover": hover}
