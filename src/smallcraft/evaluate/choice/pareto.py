"""Which candidates are beaten on every axis at once: quality, CPU time, latency, size, memory.

One candidate dominates another only when it is shown to be better on every axis: quality by the one-sided
lower bound of the paired difference, a cost with bounds by bounds that do not overlap, a cost without
sampling error (a size) as it is. Times must besides differ by more than they move between two runs of one
candidate. A dominance is claimed on all axes together, so each may use the full confidence
(intersection-union).
Always: what is not shown leaves both on the front; an axis that was not measured, or whose latency was
unsteady, shows nothing; a dominated candidate is named with those that dominate it.
Left to others: which one of the front is taken (`evaluate.choice.decide`), and the picture.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.by_task import task_of
from smallcraft.evaluate.choice.decide import COST_NOISE_FACTOR
from smallcraft.evaluate.choice.paired import quality_difference, require_deciding
from smallcraft.records import AnyPredictions, Measurement
from smallcraft.stats.intervals import require_fraction

COST_AXES = ("cpu_s_per_1000", "p95_ms", "size_mb", "peak_rss_mb")
_TIMES = ("ms", "s")
_UNSTEADY = "A/A unsteady"


@dataclass(frozen=True)
class Standing:
    """A measured candidate: its answers, and its costs by name.

    Attributes:
        rung: Its rung; standings that are compared have different ones.
        predictions: What it answered on dev.
        costs: Name to measurement, less is better; one that is absent was not measured.
    """

    rung: str
    predictions: AnyPredictions
    costs: Mapping[str, Measurement]


@dataclass(frozen=True)
class ParetoFront:
    """Who is not shown to be beaten on every axis.

    Attributes:
        front: Rungs, in the order given.
        dominated: Each other rung with those that are shown to beat it.
        axes: The metric and the costs that were looked at.
        sentence: The same in words.
    """

    front: tuple[str, ...]
    dominated: Mapping[str, tuple[str, ...]]
    axes: tuple[str, ...]
    sentence: str


def pareto_front(
    standings: Sequence[Standing],
    *,
    metric: str,
    axes: Sequence[str] = COST_AXES,
    confidence: float,
    seed: int,
) -> ParetoFront:
    """Compare every candidate with every other one.

    Args:
        standings: In the order of the ladder.
        metric: One of `paired.DECIDING_METRICS`.
        axes: Names of costs; at least one.
        confidence: One-sided, of each bound.
        seed: For the intervals that are drawn.

    Raises:
        InvalidInputError: No axis, two standings of one rung, or rows that differ.
    """
    rungs = [standing.rung for standing in standings]
    if len(set(rungs)) != len(rungs):
        raise InvalidInputError(f"each rung may stand once, got {', '.join(sorted(rungs))}")
    dominated: dict[str, tuple[str, ...]] = {}
    for better, worse in itertools.permutations(standings, 2):
        if dominates(better, worse, metric=metric, axes=axes, confidence=confidence, seed=seed):
            dominated[worse.rung] = (*dominated.get(worse.rung, ()), better.rung)
    front = tuple(rung for rung in rungs if rung not in dominated)
    ordered = {rung: dominated[rung] for rung in rungs if rung in dominated}
    return ParetoFront(front, ordered, (metric, *axes), _sentence(front, ordered))


def dominates(
    better: Standing,
    worse: Standing,
    *,
    metric: str,
    axes: Sequence[str] = COST_AXES,
    confidence: float,
    seed: int,
) -> bool:
    """Whether a candidate is shown to be better than another one on every axis.

    Args:
        better: The one that may dominate.
        worse: The one that may be dominated.
        metric: As in `pareto_front`.
        axes: As in `pareto_front`.
        confidence: One-sided, of each bound.
        seed: For the intervals that are drawn.

    Raises:
        InvalidInputError: No axis, another metric, or rows that differ.
    """
    require_deciding(metric, task_of(better.predictions))
    require_fraction(confidence, "confidence")
    if not axes:
        raise InvalidInputError(f"a front needs at least one cost beside quality; name some of {COST_AXES}")
    # Costs first: they are read off, a paired interval may have to be drawn.
    if not all(is_cheaper(better.costs.get(a), worse.costs.get(a), confidence=confidence) for a in axes):
        return False
    level = 2 * confidence - 1
    gained = quality_difference(better.predictions, worse.predictions, metric=metric, level=level, seed=seed)
    return gained.interval.low >= 0


def is_cheaper(first: Measurement | None, other: Measurement | None, *, confidence: float) -> bool:
    """Whether a cost is shown to be below another one; a size that is equal counts as not dearer.

    Args:
        first: A cost; None when it was not measured.
        other: The same cost of another candidate.
        confidence: One-sided, of each bound that is compared.
    """
    if first is None or other is None or first.value is None or other.value is None:
        return False
    if first.unit != other.unit or _UNSTEADY in first.detail or _UNSTEADY in other.detail:
        return False
    highest = _bound(first, first.high, confidence)
    lowest = _bound(other, other.low, confidence)
    if highest is None or lowest is None:
        return False
    if first.unit in _TIMES:
        return highest < lowest and COST_NOISE_FACTOR * first.value < other.value
    is_exact = highest == first.value and lowest == other.value
    return highest <= lowest if is_exact else highest < lowest


def _bound(cost: Measurement, bound: float | None, confidence: float) -> float | None:
    """A bound at the confidence or above; the value itself of a cost that has no sampling error."""
    if cost.low is None and cost.high is None:
        return None if cost.unit in _TIMES else cost.value
    if cost.level is not None and cost.level < 2 * confidence - 1 - 1e-12:
        return None
    return bound


def _sentence(front: tuple[str, ...], dominated: Mapping[str, tuple[str, ...]]) -> str:
    head = f"not shown to be beaten on every axis: {', '.join(front) or 'none'}"
    if not dominated:
        return head
    told = [f"{rung} (by {', '.join(by)})" for rung, by in dominated.items()]
    return f"{head}; beaten on every axis: {', '.join(told)}"
