"""A rollout with evidence that is given and not weighed, as its controller tells it."""

from __future__ import annotations

import math

import numpy as np

from smallcraft.serve.rollout.counts import LATENCY_BINS, no_counts
from smallcraft.serve.rollout.evidence import Baseline, RolloutEvidence, Step, Weighed
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.standing import RolloutState
from smallcraft.serve.rollout.status import RolloutStatus, tell_status

PLAN = RolloutPlan()


def weighed(against: float, non_inferior: float) -> Weighed:
    """What a test says, in logarithms."""
    return Weighed(np.array(against), np.array(non_inferior), np.array([10, 2]))


def evidence(combined: float, **guardrails: Weighed | None) -> RolloutEvidence:
    """Of all guardrails together; `combined` is an e-value."""
    log = math.log(combined) if combined else -math.inf
    return RolloutEvidence(guardrails=guardrails, parts={}, combined=np.array(log), mismatch=np.array(0.0))


def status_of(
    phase: str, weighed_so_far: RolloutEvidence | None = None, *, plan: RolloutPlan = PLAN
) -> RolloutStatus:
    """A rollout from helpdesk@3 to helpdesk@4, at 5 %."""
    state = RolloutState(
        id="r1",
        stable=NamedRelease("helpdesk@3", "aa"),
        canary=NamedRelease("helpdesk@4", "bb"),
        plan=plan,
        salt="s",
        epoch=1,
        baseline=Baseline(np.zeros(LATENCY_BINS, dtype=np.int64)),
        phase=phase,
        frozen_from="canary" if phase == "frozen" else None,
        weight=0.05,
        steps=() if weighed_so_far is None else (Step(0.05, "canary", no_counts(2)),),
    )
    return tell_status(
        state, weighed_so_far, now=10.0, served_weight=0.05, requests_per_s=None, last_cause="started"
    )
