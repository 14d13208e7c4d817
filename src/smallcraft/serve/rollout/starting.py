"""A new rollout: what it is given, what makes it impossible, and where it stands at first.

Leaves to others: writing it down (`serve.state`).
Always: a bundle that was rolled back is not tried again unasked; a plan that cannot be carried out is
refused before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.counts import CONFIDENCE_BINS, LATENCY_BINS
from smallcraft.serve.rollout.evidence import Baseline
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.standing import RolloutState

# What must be shown, and the margin that it must be wider than.
_WIDER = {
    "non_inferior_errors": "error_margin",
    "non_inferior_latency": "latency_margin",
    "non_inferior_drift": "drift_margin",
}
_CONFIDENCE_MARGINS = (1 / CONFIDENCE_BINS, 0.5)
_HIGHEST_FLOOR_S = 1.0


@dataclass(frozen=True, slots=True)
class Declared:
    """What the releases say of themselves.

    Attributes:
        classes: Of the stable release, in the order in which they are counted; empty for a regression.
        has_confidence: Whether its answers have one.
        disagreement: Share of rows on which the new release disagreed with the stable one when it was
            released; None when nobody measured it.
        escalation: Share of rows that it escalated then; None without further stages.
        stable_escalation: The same of the stable one.
    """

    classes: tuple[str, ...] = ()
    has_confidence: bool = True
    disagreement: float | None = None
    escalation: float | None = None
    stable_escalation: float | None = None


def begin_rollout(
    stable: NamedRelease, canary: NamedRelease, plan: RolloutPlan, declared: Declared, *, salt: str
) -> RolloutState:
    """A rollout before anything happened.

    Args:
        stable: The release that answers.
        canary: The new one.
        plan: The declared settings.
        declared: What both say of themselves.
        salt: A random text of at least 8 characters; names the rollout and deals keys to arms.

    Raises:
        InvalidInputError: The plan cannot be carried out, or both are the same bundle.
    """
    check_plan(plan)
    if len(salt) < 8 or not salt.isalnum():
        raise InvalidInputError(f"the salt must be random letters and digits, at least 8, got {salt!r}")
    if stable.digest == canary.digest:
        raise InvalidInputError(
            f"{canary.label} is the bundle that answers already ({stable.label}); roll out another one"
        )
    counted = len(declared.classes) + 1
    return RolloutState(
        id=f"{canary.label.replace('@', '-')}-{salt[:8]}",
        stable=stable,
        canary=canary,
        plan=plan,
        salt=salt,
        epoch=0,
        classes=declared.classes,
        baseline=Baseline(
            latency=np.zeros(LATENCY_BINS, dtype=np.int64),
            classes=np.zeros(counted, dtype=np.int64) if declared.classes else None,
            confidence=np.zeros(CONFIDENCE_BINS, dtype=np.int64) if declared.has_confidence else None,
            disagreement=declared.disagreement,
            escalation=declared.escalation,
            stable_escalation=declared.stable_escalation,
        ),
    )


def check_start(
    canary: NamedRelease,
    *,
    state: RolloutState | None,
    refused: Mapping[str, str],
    unsafe_repeat: bool = False,
) -> None:
    """Refuse a rollout that cannot begin now.

    Args:
        canary: The new release.
        state: Where the last rollout stands; None before the first.
        refused: Digest of a bundle that was rolled back, to the rollout that did.
        unsafe_repeat: Whether such a bundle may be tried once more.

    Raises:
        InvalidInputError: Says what to do first.
    """
    if state is not None and not state.is_ended:
        raise InvalidInputError(
            f"rollout {state.id} of {state.canary.label} is under way ({state.phase});"
            " wait, or abort it first"
        )
    earlier = refused.get(canary.digest)
    if earlier is not None and not unsafe_repeat:
        raise InvalidInputError(
            f"{canary.label} was rolled back by rollout {earlier}, and its bundle has not changed since;"
            f" see why with 'smallcraft rollout status {earlier}', or repeat it with --force"
        )


def check_plan(plan: RolloutPlan) -> None:
    """Refuse a plan that cannot be carried out.

    Raises:
        InvalidInputError: Names the setting.
    """
    stages = plan.stages
    if not stages or list(stages) != sorted(set(stages)) or not 0.0 < stages[0] <= stages[-1] < 1.0:
        raise InvalidInputError(
            f"stages must rise, each a fraction in (0, 1), got {list(stages)};"
            " write them such as [0.05, 0.1, 0.25, 0.5]"
        )
    if stages[-1] >= 1.0 - plan.hold_back:
        raise InvalidInputError(
            f"the last stage must be below 1 - hold_back = {1.0 - plan.hold_back:g}, got {stages[-1]:g};"
            " WATCH follows it with more"
        )
    if len(plan.mature_requests) != len(stages):
        raise InvalidInputError(
            f"mature_requests must be one number a stage ({len(stages)}), got {len(plan.mature_requests)}"
        )
    counts = (*plan.mature_requests, plan.watch_requests, plan.shadow_requests, plan.baseline_requests)
    if min(counts) < 1:
        raise InvalidInputError(f"a step must ask for 1 request at least, got {min(counts)}")
    for name in ("wrong_rollback", "mismatch", "hold_back", "tolerated_errors"):
        value = getattr(plan, name)
        if not 0.0 < value < 1.0:
            raise InvalidInputError(f"{name} must be a fraction in (0, 1), got {value:g}; write 0.05 for 5 %")
    for name in ("dwell_s", "latency_margin", "latency_floor_s"):
        if not getattr(plan, name) >= 0.0:
            raise InvalidInputError(f"{name} must not be below 0, got {getattr(plan, name):g}")
    _check_margins(plan)
    _check_evidence(plan)


def _check_margins(plan: RolloutPlan) -> None:
    """What is to be shown is wider than what is allowed: else a release just within could never show it."""
    for shown, margin in _WIDER.items():
        if not getattr(plan, shown) > getattr(plan, margin):
            raise InvalidInputError(
                f"{shown} must be above {margin} = {getattr(plan, margin):g}, got {getattr(plan, shown):g}"
            )
    least, most = _CONFIDENCE_MARGINS
    if not least <= plan.confidence_margin <= most:
        raise InvalidInputError(
            f"confidence_margin must be from {least:g} to {most:g}, for confidence is counted in twentieths,"
            f" got {plan.confidence_margin:g}"
        )
    if plan.latency_floor_s > _HIGHEST_FLOOR_S:
        raise InvalidInputError(
            f"latency_floor_s must be at most {_HIGHEST_FLOOR_S:g} s, got {plan.latency_floor_s:g}"
        )


def _check_evidence(plan: RolloutPlan) -> None:
    if not 1.0 < plan.advance_below <= 1.0 / plan.wrong_rollback:
        raise InvalidInputError(
            f"advance_below must be above 1, which is no evidence, and at most 1 / wrong_rollback ="
            f" {1.0 / plan.wrong_rollback:g}, got {plan.advance_below:g}"
        )
    if not plan.shown > 1.0:
        raise InvalidInputError(f"shown must be above 1, which is no evidence, got {plan.shown:g}")
    weights = [plan.weights.errors, plan.weights.latency, plan.weights.drift, plan.weights.router_health]
    if min(weights) < 0.0 or abs(sum(weights) - 1.0) > 1e-9:
        raise InvalidInputError(f"the guardrails' weights must add up to 1, none below 0, got {weights}")
