"""What the report's charts draw: a point a candidate, a point a class, as they were measured.

Always: a point's numbers are the measurement's own; a candidate that cannot be a point is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.pipeline.report_parts.tables import MEASURED_STANDINGS, standing
from smallcraft.pipeline.report_parts.wording import describe_cost, describe_quality, printable, with_bounds
from smallcraft.records import Decision, Evidence, Measurement

MOST_CLASSES = 30
TOOLTIP_BREAK = " · "

_HOVER_COSTS = {
    "p50_ms": ("p50", " ms"),
    "p95_ms": ("p95", " ms"),
    "cpu_s_per_1000": ("CPU per 1,000", " s"),
    "size_mb": ("size", " MB"),
    "peak_rss_mb": ("memory", " MB"),
    "train_cpu_s": ("training", " CPU-s"),
}


@dataclass(frozen=True)
class CostPoint:
    """One candidate on the chart of quality against cost; bounds are None where there is no interval.

    Attributes:
        hover: Everything that is known of it, for the tooltip.
    """

    rung: str
    standing: str
    cost: float
    cost_low: float | None
    cost_high: float | None
    quality: float
    low: float | None
    high: float | None
    hover: str


@dataclass(frozen=True)
class ClassPoint:
    """One class on the chart of classes."""

    name: str
    f1: float
    low: float | None
    high: float | None
    hover: str


def cost_points(candidates: Sequence[Evidence], decision: Decision) -> tuple[CostPoint, ...]:
    """Every candidate with a quality on dev and a cost above 0, in the ladder's order."""
    points = []
    for evidence in candidates:
        quality = evidence.find(decision.metric, split="dev")
        cost = evidence.find("cpu_s_per_1000")
        kind = standing(evidence, decision)
        if kind not in MEASURED_STANDINGS or quality is None or quality.value is None:
            continue
        if cost is None or cost.value is None or cost.value <= 0:
            continue
        points.append(
            CostPoint(
                rung=printable(evidence.rung),
                standing=kind,
                cost=cost.value,
                cost_low=cost.low,
                cost_high=cost.high,
                quality=quality.value,
                low=quality.low,
                high=quality.high,
                hover=_hover(evidence, quality, kind),
            )
        )
    return tuple(points)


def undrawn_rungs(candidates: Sequence[Evidence], decision: Decision) -> tuple[str, ...]:
    """Measured candidates that the chart cannot show, for want of a quality or of a cost above 0."""
    drawn = {point.rung for point in cost_points(candidates, decision)}
    return tuple(
        evidence.rung
        for evidence in candidates
        if standing(evidence, decision) in MEASURED_STANDINGS and printable(evidence.rung) not in drawn
    )


def class_points(evidence: Evidence, *, most: int = MOST_CLASSES) -> tuple[ClassPoint, ...]:
    """The classes with the lowest F1 on dev, lowest first."""
    measured = [
        m
        for m in evidence.measurements
        if m.name == "f1" and m.split == "dev" and m.slice.startswith("class=") and m.value is not None
    ]
    measured.sort(key=lambda m: (m.value, m.slice))
    return tuple(_class_point(m) for m in measured[:most])


def _class_point(f1: Measurement) -> ClassPoint:
    name = printable(f1.slice.partition("=")[2])
    assert f1.value is not None
    hover = TOOLTIP_BREAK.join((name, f"F1 {with_bounds(describe_quality(f1))}", f"n = {f1.n:,}"))
    return ClassPoint(name, f1.value, f1.low, f1.high, hover)


def _hover(evidence: Evidence, quality: Measurement, kind: str) -> str:
    costs = [
        f"{title} {_with_unit(evidence.find(name), unit)}" for name, (title, unit) in _HOVER_COSTS.items()
    ]
    words = [f"{evidence.rung} ({kind})", f"{quality.name} {with_bounds(describe_quality(quality))}", *costs]
    return printable(TOOLTIP_BREAK.join(words))


def _with_unit(measurement: Measurement | None, unit: str) -> str:
    figure = describe_cost(measurement)
    return f"{figure.text}{unit}" if figure.is_measured else figure.text
