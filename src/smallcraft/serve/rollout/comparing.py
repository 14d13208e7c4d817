"""Both arms side by side, as one sentence for each thing that is watched.

The words show what was counted; the e-value, which is right at any time, is computed from all steps apart.
Leaves to others: what counts as evidence (`evidence`).
Always: where the arms differ most is what is told: a quantile, a class.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.rollout.counts import CANARY, CONFIDENCE_BINS, LATENCY_EDGES_S, STABLE, ArmCounts
from smallcraft.serve.rollout.ordered import latency_floor_bin
from smallcraft.serve.rollout.standing import RolloutState, merged
from smallcraft.serve.rollout.wording import milliseconds, number, share

_QUANTILES = (0.5, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Compared:
    """What two arms showed.

    Attributes:
        words: Without a full stop.
        stable: How many of how many did what is watched; None for events where it is a mean.
        canary: Likewise.
    """

    words: str
    stable: tuple[int | None, int]
    canary: tuple[int | None, int]


def compare(part: str, state: RolloutState) -> Compared:
    """What both arms showed of one part of the evidence, over all steps that count.

    Args:
        part: A name of `RolloutEvidence.parts`.
        state: The rollout.
    """
    in_shadow = part == "disagreement"
    steps = [step for step in state.steps if (step.kind == "shadow") == in_shadow] or list(state.steps)
    total = merged(steps[0])
    for step in steps[1:]:
        total = total + merged(step)
    return _PARTS[part](total, state)


def latency_quantile(bins: NDArray[np.int64], level: float) -> float | None:
    """Upper end, in seconds, of the bin that a quantile of latency lies in.

    Args:
        bins: `(LATENCY_BINS,)` int64.
        level: In (0, 1).

    Returns:
        None without answers; infinity in the last bin, of time-outs.
    """
    place = _quantile_bin(bins, level)
    if place is None:
        return None
    return float(LATENCY_EDGES_S[place]) if place < len(LATENCY_EDGES_S) else math.inf


def _errors(total: ArmCounts, state: RolloutState) -> Compared:  # noqa: ARG001
    (stable, canary), (of_stable, of_canary) = total.errors.tolist(), total.subjects.tolist()
    return Compared(
        f"canary answered {number(canary)} of {number(of_canary)} requests with errors,"
        f" stable {number(stable)} of {number(of_stable)}",
        (stable, of_stable),
        (canary, of_canary),
    )


def _latency(total: ArmCounts, state: RolloutState) -> Compared:
    frozen = state.baseline.latency if state.baseline.latency.any() else total.latency[STABLE]
    answers = total.latency.sum(axis=1).tolist()
    floor = latency_floor_bin(state.plan)
    places = [_quantile_bin(frozen, level) for level in _QUANTILES]
    slow = [
        (place, total.latency[:, place + 1 :].sum(axis=1).tolist())
        for place in sorted({max(place, floor) for place in places if place is not None})
        if place < len(LATENCY_EDGES_S)
    ]
    if not answers[CANARY] or not slow:
        words = (
            f"canary, with {share(state.steps[-1].weight)} of traffic, has given no answer yet,"
            f" stable {number(answers[STABLE])}"
        )
        return Compared(
            words if answers[STABLE] else "no latencies are known", (0, answers[STABLE]), (0, answers[CANARY])
        )
    place, (stable, canary) = max(slow, key=lambda item: _distance(item[1], answers))
    edge = milliseconds(float(LATENCY_EDGES_S[place]))
    return Compared(
        f"{number(canary)} of {number(answers[CANARY])} answers of canary took longer than {edge},"
        f" {number(stable)} of {number(answers[STABLE])} of stable",
        (stable, answers[STABLE]),
        (canary, answers[CANARY]),
    )


def _classes(total: ArmCounts, state: RolloutState) -> Compared:
    rows = total.classes.sum(axis=1).tolist()
    shares = [_distance(column, rows) for column in total.classes.T.tolist()]
    lacks = [
        _distance([n - k for k, n in zip(column, rows, strict=True)], rows) for column in total.classes.T
    ]
    code = int(np.argmax(np.maximum(shares, lacks)))
    stable, canary = total.classes[:, code].tolist()
    name = f"'{state.classes[code]}'" if code < len(state.classes) else "none of stable's classes"
    return Compared(
        f"canary answered {name} in {number(canary)} of {number(rows[CANARY])} rows,"
        f" stable in {number(stable)} of {number(rows[STABLE])}",
        (stable, rows[STABLE]),
        (canary, rows[CANARY]),
    )


def _confidence(total: ArmCounts, state: RolloutState) -> Compared:  # noqa: ARG001
    middles = (np.arange(CONFIDENCE_BINS) + 0.5) / CONFIDENCE_BINS
    answers = total.confidence.sum(axis=1).tolist()
    means = [
        number(float(bins @ middles) / rows) if rows else "not known"
        for bins, rows in zip(total.confidence, answers, strict=True)
    ]
    return Compared(
        f"mean confidence of canary was {means[CANARY]} over {number(answers[CANARY])} answers,"
        f" of stable {means[STABLE]} over {number(answers[STABLE])}",
        (None, answers[STABLE]),
        (None, answers[CANARY]),
    )


def _disagreement(total: ArmCounts, state: RolloutState) -> Compared:
    compared, disagreed = int(total.compared), int(total.disagreed)
    declared = state.plan.disagreement if state.plan.disagreement is not None else state.baseline.disagreement
    allowed = "" if declared is None else f", where {share(declared)} are allowed"
    return Compared(
        f"the releases disagreed on {number(disagreed)} of {number(compared)} requests{allowed}",
        (None, compared),
        (disagreed, compared),
    )


def _escalation(total: ArmCounts, state: RolloutState) -> Compared:
    (stable, canary), (of_stable, of_canary) = total.escalated.tolist(), total.rows.tolist()
    declared = state.plan.escalation if state.plan.escalation is not None else state.baseline.escalation
    allowed = "" if declared is None else f"; it declared {share(declared)}"
    return Compared(
        f"canary asked further stages for {number(canary)} of {number(of_canary)} rows,"
        f" stable for {number(stable)} of {number(of_stable)}{allowed}",
        (stable, of_stable),
        (canary, of_canary),
    )


def _quantile_bin(bins: NDArray[np.int64], level: float) -> int | None:
    seen = np.cumsum(bins)
    return int(np.searchsorted(seen, level * seen[-1])) if seen[-1] else None


def _distance(events: list[int], of: list[int]) -> float:
    """How far above stable's share canary's is, in standard errors; to choose words by, not to decide."""
    if not of[STABLE] or not of[CANARY]:
        return 0.0
    expected, got = events[STABLE] / of[STABLE], events[CANARY] / of[CANARY]
    pooled = sum(events) / sum(of)
    spread = math.sqrt(pooled * (1.0 - pooled) * (1.0 / of[STABLE] + 1.0 / of[CANARY]))
    return (got - expected) / spread if spread > 0 else 0.0


_PARTS: dict[str, Callable[[ArmCounts, RolloutState], Compared]] = {
    "errors": _errors,
    "latency": _latency,
    "classes": _classes,
    "confidence": _confidence,
    "disagreement": _disagreement,
    "escalation": _escalation,
}
