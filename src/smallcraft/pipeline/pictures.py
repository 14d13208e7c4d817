"""What a build or a release looks like: its charts with their words, for the report as for the card.

Leaves to others: how a chart is drawn (`charts`), the points it shows (`report_parts`), where it is put.
Always: a picture comes with what it shows in words; where there is nothing to draw there is no picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smallcraft.pipeline.charts import draw_classes, draw_costs, draw_reliability
from smallcraft.pipeline.report_parts.points import MOST_CLASSES, class_points, cost_points
from smallcraft.pipeline.report_parts.reliability import Reliability
from smallcraft.pipeline.report_parts.tables import find_winner
from smallcraft.pipeline.report_parts.wording import counted
from smallcraft.records import Decision, Evidence

if TYPE_CHECKING:
    import altair


@dataclass(frozen=True)
class Drawing:
    """A chart with its words.

    Attributes:
        name: What its file is called, without an ending.
        chart: As altair has it.
        alt: What it shows, for who cannot see it.
        caption: What it shows, for who can.
    """

    name: str
    chart: altair.LayerChart
    alt: str
    caption: str


def cost_drawing(candidates: Sequence[Evidence], decision: Decision) -> Drawing | None:
    """Quality against cost, a point a candidate."""
    points = cost_points(candidates, decision)
    if not points:
        return None
    metric = decision.metric
    words = "; ".join(f"{point.rung} {point.quality:.3f} at {point.cost:.3g} s" for point in points)
    return Drawing(
        "quality-against-cost",
        draw_costs(points, metric=metric),
        f"{metric} on dev against CPU-seconds per 1,000 predictions: {words}",
        f"Each candidate's {metric} on dev, with its interval, against what 1,000 predictions cost. Tied: "
        "shown to be within the margin of the best; the cheapest of the best and these is chosen.",
    )


def class_drawing(candidates: Sequence[Evidence], decision: Decision) -> Drawing | None:
    """F1 of the winner's classes, the worst first."""
    winner = find_winner(candidates, decision)
    points = class_points(winner) if winner else ()
    if not points:
        return None
    worst = f"lowest {points[0].name} at {points[0].f1:.3f}"
    shown = "Every class" if len(points) < MOST_CLASSES else f"The {MOST_CLASSES} classes with the lowest F1"
    return Drawing(
        "classes",
        draw_classes(points),
        f"F1 on dev of {counted(len(points), 'class')}, lowest first; {worst}",
        f"{shown} of {decision.chosen} on dev, with intervals.",
    )


def reliability_drawing(reliability: Reliability | None) -> Drawing | None:
    """Whether the winner means its confidence."""
    if reliability is None:
        return None
    return Drawing(
        "confidence",
        draw_reliability(reliability),
        f"Share of answers that is right by their confidence, on dev. {reliability.sentence}",
        "Answers of about the same confidence, and how many of them are right. On the dashed line a model "
        "means its confidence; below it, it is too sure.",
    )
