"""A rollout as people and programs ask for it: `smallcraft rollout status`, `/v2/rollouts/{id}/verdict`.

Its JSON schema is `docs/schemas/rollout_status.json`.
Leaves to others: deciding; this only tells.
Always: not measured is None.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from smallcraft.records import Verdict
from smallcraft.serve.rollout.causes import as_e_value
from smallcraft.serve.rollout.comparing import latency_quantile
from smallcraft.serve.rollout.evidence import RolloutEvidence
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.receipts import evidence_form
from smallcraft.serve.rollout.standing import Phase, RolloutState, merged
from smallcraft.serve.rollout.stored_form import Form, to_form
from smallcraft.serve.rollout.verdicts import judge


@dataclass(frozen=True, slots=True)
class ArmStatus:
    """What one arm showed in all steps of a rollout that count; SHADOW alone while it lasts.

    Attributes:
        release: What stands behind it.
        requests: All of them.
        subjects: Those that count as evidence.
        errors: Failures among those.
        p50_ms: Of their latencies, upper end of its bin; None without answers or above the last bin.
        p95_ms: Likewise.
        p99_ms: Likewise.
    """

    release: NamedRelease
    requests: int
    subjects: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """A rollout now.

    Attributes:
        id: Its name.
        phase: One of `Phase`.
        frozen_from: The phase that it froze in; None unless FROZEN.
        stage: Index into the plan's stages.
        step: Number of the present step, -1 before the first.
        weight: Share of traffic that the new release is meant to get.
        served_weight: Share that it gets: 0 while it is not loaded.
        held_s: Seconds for which the step has held in this process.
        stable: The one arm.
        canary: The other.
        e_value: Evidence against the new release, of all guardrails together; None before the first step.
        threshold: At which it is rolled back.
        evidence: As in receipts; None before the first step.
        verdict: PASS, FAIL or UNDECIDED with what would settle it.
        requests_per_s: Of both arms, lately; None when it was not measured yet.
        receipts: How many there are.
        last_receipt: Digest of the last one.
        last_cause: Why the last change was made.
    """

    id: str
    phase: Phase
    frozen_from: Phase | None
    stage: int
    step: int
    weight: float
    served_weight: float
    held_s: float
    stable: ArmStatus
    canary: ArmStatus
    e_value: float | None
    threshold: float
    evidence: Form | None
    verdict: Verdict
    requests_per_s: float | None
    receipts: int
    last_receipt: str | None
    last_cause: str

    def to_form(self) -> Form:
        """As plain values, in the form of the schema."""
        return {**to_form(self), "verdict": _verdict_form(self.verdict)}


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What a server does now.

    Attributes:
        epoch: Of its controller.
        stable: The release that answers.
        phase: Of the rollout, FROZEN also where the state was lost; None before the first.
        weight: Share of traffic that a new release gets in fact.
        rollout: The last one; None before the first, and where the state was lost.
        alarms: What a person should look at, in plain words.
    """

    epoch: int
    stable: NamedRelease
    phase: Phase | None
    weight: float
    rollout: RolloutStatus | None
    alarms: tuple[str, ...]

    def to_form(self) -> Form:
        """As plain values, in the form of the schema."""
        rollout = None if self.rollout is None else self.rollout.to_form()
        return {
            "format": 1,
            "epoch": self.epoch,
            "stable": to_form(self.stable),
            "phase": self.phase,
            "weight": self.weight,
            "rollout": rollout,
            "alarms": list(self.alarms),
        }


def tell_status(
    state: RolloutState,
    evidence: RolloutEvidence | None,
    *,
    now: float,
    served_weight: float,
    requests_per_s: float | None,
    last_cause: str,
) -> RolloutStatus:
    """A rollout as it is told.

    Args:
        state: Where it stands.
        evidence: Of that state (`phases.weigh_state`); None before its first step.
        now: Monotonic seconds.
        served_weight: Share of traffic that the new release gets in fact.
        requests_per_s: Of both arms; None when it was not measured yet.
        last_cause: Of the last receipt.
    """
    return RolloutStatus(
        id=state.id,
        phase=state.phase,
        frozen_from=state.frozen_from,
        stage=state.stage,
        step=state.step,
        weight=state.weight,
        served_weight=served_weight,
        held_s=now - state.since_s,
        stable=_arm(state, 0),
        canary=_arm(state, 1),
        e_value=None if evidence is None else as_e_value(float(evidence.combined)),
        threshold=1.0 / state.plan.wrong_rollback,
        evidence=evidence_form(evidence),
        verdict=judge(state, evidence, now=now, requests_per_s=requests_per_s),
        requests_per_s=requests_per_s,
        receipts=state.receipts,
        last_receipt=state.last_receipt,
        last_cause=last_cause,
    )


def _arm(state: RolloutState, arm: int) -> ArmStatus:
    release = (state.stable, state.canary)[arm]
    counting = [step for step in state.steps if step.kind != "shadow"] or list(state.steps)
    seen = [merged(step) for step in counting]
    if not seen:
        return ArmStatus(release, 0, 0, 0, None, None, None)
    latency = np.sum([counts.latency[arm] for counts in seen], axis=0)

    def quantile_ms(level: float) -> float | None:
        seconds = latency_quantile(latency, level)
        return None if seconds is None or math.isinf(seconds) else 1000.0 * seconds

    return ArmStatus(
        release=release,
        requests=int(sum(counts.requests[arm] for counts in seen)),
        subjects=int(sum(counts.subjects[arm] for counts in seen)),
        errors=int(sum(counts.errors[arm] for counts in seen)),
        p50_ms=quantile_ms(0.5),
        p95_ms=quantile_ms(0.95),
        p99_ms=quantile_ms(0.99),
    )


def _verdict_form(verdict: Verdict) -> Form:
    return {"outcome": verdict.outcome.value, "reason": verdict.reason, "needs": verdict.needs}
