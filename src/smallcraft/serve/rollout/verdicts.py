"""What a rollout says now: PASS, FAIL, or UNDECIDED with how many requests, and how long, would settle it.

Leaves to others: deciding (`phases`); what is said here changes nothing.
Always: UNDECIDED says why, and what it needs; a time is told only at a traffic that was measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from smallcraft.records import Outcome, Verdict
from smallcraft.serve.rollout.causes import as_e_value
from smallcraft.serve.rollout.evidence import RolloutEvidence
from smallcraft.serve.rollout.phases import find_hard_stop, held_s
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.rules import is_convicted, requirement
from smallcraft.serve.rollout.standing import RolloutState, compared_in, requests_of
from smallcraft.serve.rollout.wording import duration, number, share


@dataclass(frozen=True, slots=True)
class Missing:
    """What a rollout still needs, in the present step or in later ones.

    Attributes:
        requests: Of the canary arm (in SHADOW: compared ones); None when no number can be told.
        seconds: At the present traffic; None when there is none, or no number of requests.
    """

    requests: int | None
    seconds: float | None


def judge(
    state: RolloutState, evidence: RolloutEvidence | None, *, now: float, requests_per_s: float | None
) -> Verdict:
    """What a rollout says now.

    Args:
        state: Where it stands.
        evidence: Of that state; None before its first step.
        now: Monotonic seconds.
        requests_per_s: Of both arms together; None when it was not measured yet.

    Returns:
        PASS once it is done, FAIL once it is rolled back or will be, else UNDECIDED.
    """
    name = f"rollout {state.id}"
    if state.phase == "done":
        return Verdict(name, Outcome.PASS, f"{state.canary.label} was promoted; its last receipt says why")
    if state.phase == "rolled_back":
        return Verdict(name, Outcome.FAIL, f"{state.canary.label} was rolled back; its last receipt says why")
    if find_hard_stop(state.health) is not None:
        return Verdict(name, Outcome.FAIL, f"{state.canary.label} does not work; it is being rolled back")
    if evidence is not None and is_convicted(evidence, state.plan):
        return Verdict(name, Outcome.FAIL, f"{_evidence_words(state, evidence)}; it is being rolled back")
    reason, needs = _undecided(state, evidence, now, requests_per_s)
    return Verdict(name, Outcome.UNDECIDED, reason, needs)


def missing_now(
    state: RolloutState, evidence: RolloutEvidence | None, *, now: float, requests_per_s: float | None
) -> Missing:
    """What the present step needs before the next one; as for `judge`."""
    if not state.steps or evidence is None:
        return Missing(None, None)
    step = state.steps[-1]
    required = requirement(state.plan, step.kind, state.stage)
    stable_requests, canary_requests = requests_of(step)
    seen = compared_in(step) if step.kind == "shadow" else canary_requests
    requests = max(required.requests - seen, 0)
    if required.must_show:
        proof = _requests_to_prove(state, evidence)
        if proof is None:
            return Missing(None, None)
        requests = max(requests, proof)
    seconds = _seconds(requests, requests_per_s, 1.0 if step.kind == "shadow" else step.weight)
    baseline = _seconds(max(required.stable_requests - stable_requests, 0), requests_per_s, 1.0)
    if seconds is None or baseline is None:
        return Missing(requests, None)
    return Missing(requests, max(seconds, baseline, required.dwell_s - held_s(state, now)))


def missing_later(state: RolloutState, *, requests_per_s: float | None) -> Missing:
    """What all steps after the present one need at least."""
    total, seconds = 0, 0.0
    for weight, requests, dwell_s in _later_steps(state):
        total += requests
        step_s = _seconds(requests, requests_per_s, weight)
        seconds += math.nan if step_s is None else max(step_s, dwell_s)
    return Missing(total, None if math.isnan(seconds) else seconds)


def _undecided(
    state: RolloutState, evidence: RolloutEvidence | None, now: float, requests_per_s: float | None
) -> tuple[str, str]:
    if state.phase == "frozen":
        command = f"smallcraft rollout resume, promote or abort {state.id}"
        return f"frozen in {state.place}: its last receipt says why", f"a person's decision: {command}"
    if evidence is None:
        return f"{state.canary.label} is being loaded", "its worker to be ready"
    reasons = list(_holding(state, evidence, now))
    now_missing = missing_now(state, evidence, now=now, requests_per_s=requests_per_s)
    later = missing_later(state, requests_per_s=requests_per_s)
    needs = _needs(state, now_missing, later, requests_per_s)
    return "; ".join(reasons) or "going on with the next count", needs


def _holding(state: RolloutState, evidence: RolloutEvidence, now: float) -> list[str]:
    """What keeps the present step from going on."""
    step, plan = state.steps[-1], state.plan
    required = requirement(plan, step.kind, state.stage)
    stable_requests, canary_requests = requests_of(step)
    reasons = []
    if step.kind == "shadow":
        compared = compared_in(step)
        if compared < required.requests:
            reasons.append(f"{number(compared)} of {number(required.requests)} requests were compared")
        if stable_requests < required.stable_requests:
            reasons.append(
                f"{state.stable.label} answered {number(stable_requests)} of the"
                f" {number(required.stable_requests)} requests that its baseline needs"
            )
    elif canary_requests < required.requests:
        reasons.append(
            f"canary saw {number(canary_requests)} of {number(required.requests)} requests at"
            f" {share(step.weight)}"
        )
    if held_s(state, now) < required.dwell_s:
        reasons.append(f"held for {number(held_s(state, now))} of {number(required.dwell_s)} s")
    if evidence.combined >= math.log(plan.advance_below):
        reasons.append(f"{_evidence_words(state, evidence)}; at {number(plan.advance_below)} it holds")
    if evidence.mismatch >= math.log(plan.advance_below):
        e_value = number(as_e_value(float(evidence.mismatch)))
        reasons.append(
            f"the arms seem to get other shares of requests than they should (evidence {e_value} of the"
            f" {number(1.0 / plan.mismatch)} that freeze it), so nothing else is believed"
        )
    unproven = _unproven(evidence, plan) if required.must_show else {}
    if unproven:
        each = ", ".join(
            f"{name.replace('_', ' ')} {number(as_e_value(log))}" for name, log in unproven.items()
        )
        reasons.append(f"not shown to be no worse yet ({each}; {number(plan.shown)} needed)")
    return reasons


def _needs(state: RolloutState, now_missing: Missing, later: Missing, requests_per_s: float | None) -> str:
    kind = "compared" if state.place == "shadow" else "canary"
    if now_missing.requests is None:
        return f"more {kind} requests; how many cannot be told while what was seen does not speak for it"
    first = f"about {number(now_missing.requests)} more {kind} requests{_in_time(now_missing)} here"
    if later.requests:
        first += f", then at least {number(later.requests)} canary requests{_in_time(later)}"
    if not requests_per_s:
        return f"{first}; there is no traffic now"
    return f"{first}, at the present {number(requests_per_s)} requests a second"


def _in_time(missing: Missing) -> str:
    return "" if missing.seconds is None else f" ({duration(missing.seconds)})"


def _evidence_words(state: RolloutState, evidence: RolloutEvidence) -> str:
    e_value, needed = as_e_value(float(evidence.combined)), 1.0 / state.plan.wrong_rollback
    against = f"evidence against {state.canary.label} is {number(e_value)}"
    return f"{against} of the {number(needed)} that roll it back"


def _unproven(evidence: RolloutEvidence, plan: RolloutPlan) -> dict[str, float]:
    logs = {
        name: float(weighed.non_inferior)
        for name, weighed in evidence.guardrails.items()
        if weighed is not None
    }
    return {name: log for name, log in logs.items() if log < math.log(plan.shown)}


def _requests_to_prove(state: RolloutState, evidence: RolloutEvidence) -> int | None:
    """Canary requests until all is shown, if evidence grows as it did; None when some does not grow."""
    seen = sum(requests_of(step)[1] for step in state.steps)
    most = 0
    for log in _unproven(evidence, state.plan).values():
        if log <= 0 or seen == 0:
            return None
        most = max(most, math.ceil((math.log(state.plan.shown) - log) * seen / log))
    return most


def _later_steps(state: RolloutState) -> list[tuple[float, int, float]]:
    """(weight, canary requests, seconds) that each later step asks for."""
    plan = state.plan
    stages = range(len(plan.stages))
    first = {"loading": 0, "shadow": 0, "canary": state.stage + 1}.get(state.place, len(plan.stages))
    steps = [(plan.stages[stage], requirement(plan, "canary", stage)) for stage in stages if stage >= first]
    if state.place != "watch":
        steps.append((1.0 - plan.hold_back, requirement(plan, "watch")))
    return [(weight, required.requests, required.dwell_s) for weight, required in steps]


def _seconds(requests: int, requests_per_s: float | None, weight: float) -> float | None:
    if requests == 0:
        return 0.0
    return requests / (requests_per_s * weight) if requests_per_s else None
