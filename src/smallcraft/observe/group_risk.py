"""Risk of each group over time: mean loss of its labelled answers, window by window, with intervals.

Leaves to others: whether it is too high (`observe.harm`, `observe.harm_guard`).
Always: a window without labels of a group has no number, not 0; gaps are told between the groups of one
column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smallcraft.observe.harm import EVERYONE, LossCounts, mean_loss
from smallcraft.records import Interval
from smallcraft.stats.sequences.betting import LOSS_CELLS, anytime_interval, count_losses


@dataclass(frozen=True)
class Labelled:
    """An answer whose label is known.

    Attributes:
        item: What it is known by; the same item counts once.
        start_s: Begin of the window that it was answered in.
        loss: In [0, 1]; 0 for right and 1 for wrong.
        groups: That it belongs to, such as `sex=female`.
    """

    item: str
    start_s: int
    loss: float
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class RiskPoint:
    """Mean loss of a group in a window.

    Attributes:
        group: `all`, or such as `sex=female`.
        interval: Of the mean, at 95 %.
    """

    group: str
    start_s: int
    n: int
    risk: float
    interval: Interval


def count_by_group(rows: Sequence[Labelled]) -> dict[str, LossCounts]:
    """Losses of everyone and of each group, as counts; empty without rows."""
    if not rows:
        return {}
    losses: dict[str, list[float]] = {EVERYONE: [row.loss for row in rows]}
    for row in rows:
        for group in row.groups:
            losses.setdefault(group, []).append(row.loss)
    return {group: count_losses(np.array(values)) for group, values in losses.items()}


def risk_series(rows: Sequence[Labelled]) -> tuple[RiskPoint, ...]:
    """Risk by window and group, oldest first.

    Args:
        rows: Labelled answers of one release, in any order.
    """
    by_window: dict[int, list[Labelled]] = {}
    for row in rows:
        by_window.setdefault(row.start_s, []).append(row)
    points = []
    for start_s in sorted(by_window):
        for group, counts in sorted(count_by_group(by_window[start_s]).items()):
            risk = mean_loss(counts)
            if risk is not None:
                points.append(RiskPoint(group, start_s, int(counts.sum()), risk, anytime_interval(counts)))
    return tuple(points)


def widest_gap(losses: Mapping[str, LossCounts]) -> dict[str, float]:
    """Of each group column the largest difference of the risks of two of its values.

    Args:
        losses: Of groups named `column=value`.
    """
    risks: dict[str, list[float]] = {}
    for group, counts in losses.items():
        column, sign, _ = group.partition("=")
        risk = mean_loss(counts)
        if sign and risk is not None and len(counts) == LOSS_CELLS:
            risks.setdefault(column, []).append(risk)
    return {column: max(values) - min(values) for column, values in risks.items() if len(values) > 1}
