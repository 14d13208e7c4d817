"""When a rollout may go on, must go back, or must wait for a person: arithmetic over arrays of rollouts.

`phases` applies this to the one rollout of a server, `serve.simulation` to thousands at once: the same lines.
Leaves to others: what the counts say (`evidence`), hard stops and people (`phases`).
Always: without evidence nothing goes on; what is against a release is looked at before what is for it.
All evidence is computed from the shares that the arms should have, so while it looks as if they had others
nothing is believed, neither against the release nor for it, until the rollout freezes or the looks improve.
It freezes only after the dwell: requests count when they end, so at first the slower arm seems to lack some.
Not covered: time; how long a step has held is passed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smallcraft.serve.rollout.evidence import RolloutEvidence, StepKind
from smallcraft.serve.rollout.plan import RolloutPlan


class Move(IntEnum):
    """What the rules want next."""

    HOLD = 0
    ADVANCE = 1
    ROLL_BACK = 2
    FREEZE = 3


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a step must have seen before the next one.

    Attributes:
        requests: Of the canary arm; in SHADOW, requests that both releases answered.
        stable_requests: Of the stable arm, from which the baseline is frozen; 0 but in SHADOW.
        dwell_s: Seconds that it holds at least.
        must_show: Whether every guardrail must be shown non-inferior first.
    """

    requests: int
    stable_requests: int
    dwell_s: float
    must_show: bool


def requirement(plan: RolloutPlan, kind: StepKind, stage: int = 0) -> Requirement:
    """What a plan asks of a step.

    Args:
        plan: The declared settings.
        kind: The phase of the step.
        stage: With `canary`: index into `plan.stages`. The last one leads to most of the traffic, hence asks
            for proof, as WATCH does before the release becomes the stable one.
    """
    if kind == "shadow":
        return Requirement(plan.shadow_requests, plan.baseline_requests, 0.0, must_show=False)
    if kind == "watch":
        return Requirement(plan.watch_requests, 0, plan.dwell_s, must_show=True)
    is_last = stage == len(plan.stages) - 1
    return Requirement(plan.mature_requests[stage], 0, plan.dwell_s, must_show=is_last)


def choose_moves(
    evidence: RolloutEvidence,
    plan: RolloutPlan,
    required: Requirement,
    *,
    requests: ArrayLike,
    stable_requests: ArrayLike,
    held_s: ArrayLike,
) -> NDArray[np.int64]:
    """What the rules want of rollouts that stand in one step.

    Args:
        evidence: Of all steps so far, with leading axes `(...)`.
        plan: The declared settings.
        required: Of the present step.
        requests: `(...)`, what `required.requests` counts, seen in the present step.
        stable_requests: `(...)`, what `required.stable_requests` counts.
        held_s: `(...)`, seconds for which the step has held; below 0 when the clock was set anew.

    Returns:
        `(...)` int64, values of `Move`.
    """
    has_dwelt = np.asarray(held_s) >= required.dwell_s
    may_advance = (
        has_dwelt
        & ~_is_suspected(evidence, plan)
        & (np.asarray(requests) >= required.requests)
        & (np.asarray(stable_requests) >= required.stable_requests)
        & (evidence.combined < math.log(plan.advance_below))
    )
    if required.must_show:
        may_advance = may_advance & is_shown(evidence, plan)
    return np.select(
        [is_convicted(evidence, plan), has_dwelt & (evidence.mismatch >= freeze_log(plan)), may_advance],
        [np.int64(Move.ROLL_BACK), np.int64(Move.FREEZE), np.int64(Move.ADVANCE)],
        np.int64(Move.HOLD),
    )


def is_convicted(evidence: RolloutEvidence, plan: RolloutPlan) -> NDArray[np.bool_]:
    """`(...)` bool, whether there is evidence enough against a release, and it can be believed."""
    return np.asarray((evidence.combined >= rollback_log(plan)) & ~_is_suspected(evidence, plan))


def is_shown(evidence: RolloutEvidence, plan: RolloutPlan) -> NDArray[np.bool_]:
    """`(...)` bool, whether each guardrail that there is was shown non-inferior; never for none."""
    weighed = [guardrail for guardrail in evidence.guardrails.values() if guardrail is not None]
    shown = np.full(np.shape(evidence.combined), bool(weighed))
    for guardrail in weighed:
        shown = shown & (guardrail.non_inferior >= math.log(plan.shown))
    return shown


def rollback_log(plan: RolloutPlan) -> float:
    """Natural logarithm of the combined e-value at which a rollout goes back."""
    return -math.log(plan.wrong_rollback)


def freeze_log(plan: RolloutPlan) -> float:
    """Natural logarithm of the e-value for a sample-ratio mismatch at which a rollout freezes."""
    return -math.log(plan.mismatch)


def _is_suspected(evidence: RolloutEvidence, plan: RolloutPlan) -> NDArray[np.bool_]:
    """Whether the arms seem to get other shares than they should."""
    return np.asarray(evidence.mismatch >= math.log(plan.advance_below))
