"""What moved since the release before, and why: the stored delta as a sentence and as tables.

Leaves to others: the difference itself (`registry.memory.deltas`), its words (`registry.memory.wording`).
Always: a difference stands with its interval and n, or with the reason why there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.pipeline.report_parts.wording import NOT_MEASURED, three_figures
from smallcraft.registry.memory.cost_changes import CostChange
from smallcraft.registry.memory.decisions import Rationale
from smallcraft.registry.memory.deltas import Delta
from smallcraft.registry.memory.metric_changes import MetricChange
from smallcraft.registry.memory.wording import (
    tell_classes,
    tell_code,
    tell_difference,
    tell_gist,
    tell_rows,
    tell_settings,
    tell_tensors,
)

# What a person compares; the other costs are in the registry.
_COSTS = {
    "p50_ms": "median latency, ms",
    "p95_ms": "p95 latency, ms",
    "cpu_s_per_1000": "CPU-seconds per 1,000",
    "size_mb": "MB on disk",
    "peak_rss_mb": "MB in memory",
    "train_cpu_s": "training CPU-s",
    "money_per_1000": "price of 1,000 answers",
}


@dataclass(frozen=True)
class Movement:
    """What a build has moved.

    Attributes:
        delta: From the release before to this one, or to this build where nothing was released.
        rationale: Why it was released; None where nothing was.
        rollback: The command that goes back; None where there is nothing to go back to.
    """

    delta: Delta
    rationale: Rationale | None = None
    rollback: str | None = None


@dataclass(frozen=True)
class MovedRow:
    """One quantity before and after.

    Attributes:
        difference: After minus before, with its interval where it has one.
        meaning: What the interval shows.
        note: How it was found, or why it was not.
    """

    name: str
    before: str
    after: str
    difference: str
    meaning: str
    note: str


@dataclass(frozen=True)
class MovedPart:
    """The section as the page tells it.

    Attributes:
        before: The release before; None for a first one.
        sentence: The gist.
        quality: Scores before and after.
        costs: Costs before and after.
        others: Rows, classes, weights, settings and code, a line each.
        why: The reason that was given; None where nothing was released.
        said_by: `person` or `rule`.
        rollback: The command that goes back.
        notes: What was not compared, and why.
    """

    before: str | None
    sentence: str
    quality: tuple[MovedRow, ...]
    costs: tuple[MovedRow, ...]
    others: tuple[str, ...]
    why: str | None
    said_by: str | None
    rollback: str | None
    notes: tuple[str, ...]


def describe_movement(movement: Movement) -> MovedPart:
    """Everything that a delta says, the gist first."""
    delta, rationale = movement.delta, movement.rationale
    told = tell_gist(delta)
    return MovedPart(
        before=delta.before,
        sentence=told[0] if told else "nothing was compared",
        quality=tuple(_quality_row(change) for change in delta.metrics),
        costs=tuple(_cost_row(change) for change in delta.costs if change.name in _COSTS),
        others=() if delta.before is None else _others(delta),
        why=rationale.text if rationale else None,
        said_by=rationale.by if rationale else None,
        rollback=movement.rollback,
        notes=delta.notes if delta.before is not None else (),
    )


def _others(delta: Delta) -> tuple[str, ...]:
    return (
        *(() if delta.rows is None else (tell_rows(delta.rows),)),
        *tell_classes(delta),
        *(() if delta.config is None else (tell_settings(delta.config),)),
        *tell_code(delta),
        *(() if delta.tensors is None else (tell_tensors(delta.tensors),)),
    )


def _quality_row(change: MetricChange) -> MovedRow:
    note = change.reason if change.difference is None else f"{change.n or 0:,} rows; {change.how}"
    return MovedRow(
        name=f"{change.metric} on {change.split}",
        before=_score(change.before),
        after=_score(change.after),
        difference=tell_difference(change),
        meaning=_meaning(change),
        note=note,
    )


def _meaning(change: MetricChange) -> str:
    """Every metric that is compared is better when it is higher."""
    if change.difference is None:
        return ""
    if change.low is not None and change.low > 0:
        return "better"
    if change.high is not None and change.high < 0:
        return "worse"
    return "no difference shown"


def _cost_row(change: CostChange) -> MovedRow:
    is_told = change.difference is not None
    gap = f"{change.difference:+.3g}" if change.difference is not None else "not compared"
    meaning = ""
    if change.difference is not None and change.difference != 0:
        meaning = "cheaper" if change.difference < 0 else "dearer"
    return MovedRow(
        name=_COSTS[change.name],
        before=_amount(change.before),
        after=_amount(change.after),
        difference=gap,
        meaning=meaning if is_told else "",
        note=change.note,
    )


def _score(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.3f}"


def _amount(value: float | None) -> str:
    return NOT_MEASURED if value is None else three_figures(value)
