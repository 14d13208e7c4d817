"""Why a rollout changed, in plain words and in numbers: the heart of a receipt.

Leaves to others: the decision itself (`phases`), the chain of receipts (`receipts`).
Always: a function of state, evidence and decision, so a replay says the same words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from smallcraft.serve.rollout.comparing import Compared, compare
from smallcraft.serve.rollout.evidence import PARTS, RolloutEvidence, Step, Weighed
from smallcraft.serve.rollout.phases import (
    MOST_CRASHES,
    MOST_UNANSWERED,
    Decision,
    Rule,
    held_s,
    kind_of,
)
from smallcraft.serve.rollout.rules import requirement
from smallcraft.serve.rollout.standing import Order, RolloutState, compared_in, merged, requests_of
from smallcraft.serve.rollout.wording import number, share

_TESTS = {
    "errors": "event-conditional likelihood ratio",
    "latency": "one-sided sequential test of stochastic order",
    "disagreement": "sequential test of a rate",
    "classes": "event-conditional likelihood ratio, two-sided",
    "confidence": "sequential test of stochastic order, both directions",
    "escalation": "sequential test of a rate",
}
_LARGEST_LOG = 700.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What one arm showed: how many of `n` did what the metric counts; None where it counts nothing."""

    events: int | None
    n: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something changed.

    Attributes:
        sentence: In plain words, with the numbers it rests on.
        metric: What was looked at; None for hard stops and orders.
        test: Its name; None where none was needed.
        stable: What that arm showed.
        canary: What that arm showed.
        e_value: Evidence against the release, or of SHOWN and MISMATCH for what they say.
        threshold: Of that e-value.
    """

    sentence: str
    metric: str | None = None
    test: str | None = None
    stable: Sample | None = None
    canary: Sample | None = None
    e_value: float | None = None
    threshold: float | None = None


def explain(
    state: RolloutState,
    decision: Decision,
    evidence: RolloutEvidence | None,
    *,
    now: float,
    order: Order | None = None,
) -> Cause:
    """Why a decision was made.

    Args:
        state: Where the rollout stood before it.
        decision: What was decided.
        evidence: It was decided on; None before the first step.
        now: Monotonic seconds at which it was.
        order: What led to it; None for none.
    """
    if decision.rule is Rule.ORDER and order is not None:
        reason = f": {order.reason}" if order.reason else ""
        who = "a person" if order.by == "person" else "the server"
        return Cause(f"{who} asked to {order.kind}{reason}")
    if evidence is not None and decision.rule in _WEIGHED:
        return _WEIGHED[decision.rule](state, evidence, now)
    return Cause(_words_of_event(state, decision.rule))


def as_e_value(logarithm: float) -> float:
    """An e-value from its logarithm, cut off where a double ends.

    >>> as_e_value(0.0), as_e_value(1e9) == as_e_value(700.0)
    (1.0, True)
    """
    return math.exp(min(logarithm, _LARGEST_LOG))


def leading_part(evidence: RolloutEvidence, state: RolloutState) -> str:
    """The part of the evidence that speaks most against the new release."""
    shares = {name: float(getattr(state.plan.weights, name)) for name in PARTS}

    def strength(name: str) -> float:
        weighed = evidence.guardrails.get(name)
        return (
            -math.inf
            if weighed is None or shares[name] == 0
            else _log(weighed.against) + math.log(shares[name])
        )

    guardrail = max(PARTS, key=strength)
    parts = [name for name in PARTS[guardrail] if evidence.parts.get(name) is not None]
    return max(parts or PARTS[guardrail], key=lambda name: _against(evidence.parts.get(name)))


def weakest_proof(evidence: RolloutEvidence) -> tuple[str, float] | None:
    """The guardrail that is least shown to be non-inferior, and its log e-value; None where there is none."""
    logs = {
        name: _log(weighed.non_inferior)
        for name, weighed in evidence.guardrails.items()
        if weighed is not None
    }
    return min(logs.items(), key=lambda item: item[1]) if logs else None


def _words_of_event(state: RolloutState, rule: Rule) -> str:
    """Of what is no matter of statistics."""
    health, label = state.health, state.canary.label
    words = {
        Rule.STARTED: f"a person began to roll out {label} beside {state.stable.label}",
        Rule.LOADED: f"{label} was loaded and passed its self-check",
        Rule.LOAD_FAILED: f"{label} could not be loaded: {health.load_failure}",
        Rule.CRASHES: f"{number(health.crashes)} workers of {label} died; {MOST_CRASHES} are too many",
        Rule.UNANSWERED: (
            f"{label} left {number(health.unanswered)} requests unanswered and answered none;"
            f" {MOST_UNANSWERED} are too many, for {state.stable.label} answered"
        ),
        Rule.MEMORY: (
            f"a worker of {label} grew to {number(health.memory_bytes / 2**20)} MiB;"
            f" its limit is {number(health.memory_limit_bytes / 2**20)} MiB"
        ),
    }
    return words[rule]


def _of_evidence(state: RolloutState, evidence: RolloutEvidence, now: float) -> Cause:  # noqa: ARG001
    part = leading_part(evidence, state)
    compared = compare(part, state)
    e_value, threshold = as_e_value(_log(evidence.combined)), 1.0 / state.plan.wrong_rollback
    return Cause(
        sentence=f"{compared.words}; evidence {number(e_value)} of the {number(threshold)} needed",
        metric=part,
        test=_TESTS[part],
        stable=_sample(compared, "stable"),
        canary=_sample(compared, "canary"),
        e_value=e_value,
        threshold=threshold,
    )


def _of_mismatch(state: RolloutState, evidence: RolloutEvidence, now: float) -> Cause:  # noqa: ARG001
    got, meant = _subjects(state)
    e_value, threshold = as_e_value(_log(evidence.mismatch)), 1.0 / state.plan.mismatch
    return Cause(
        sentence=(
            f"canary got {number(got[1])} of {number(sum(got))} that chance assigned, where"
            f" {number(meant)} were meant; evidence {number(e_value)} of the {number(threshold)} needed."
            " Something loses or adds requests of one arm, so its numbers cannot be trusted: find it first"
        ),
        metric="mismatch",
        test="sequential multinomial test",
        stable=Sample(None, got[0]),
        canary=Sample(None, got[1]),
        e_value=e_value,
        threshold=threshold,
    )


def _of_compared(state: RolloutState, evidence: RolloutEvidence, now: float) -> Cause:
    step = state.steps[-1]
    disagreed = int(merged(step).disagreed)
    asked = requirement(state.plan, "shadow")
    words = (
        f"both releases answered {number(compared_in(step))} requests ({number(asked.requests)} asked for)"
        f" and disagreed on {number(disagreed)}"
    )
    return _of_advance(state, evidence, now, words, "disagreement")


def _of_mature(state: RolloutState, evidence: RolloutEvidence, now: float) -> Cause:
    return _of_advance(state, evidence, now, _words_of_maturity(state, now), "requests")


def _of_shown(state: RolloutState, evidence: RolloutEvidence, now: float) -> Cause:
    proof = weakest_proof(evidence)
    assert proof is not None  # nothing advances on no proof
    guardrail, e_value = proof[0], as_e_value(proof[1])
    cause = _of_advance(state, evidence, now, _words_of_maturity(state, now), guardrail)
    return Cause(
        sentence=(
            f"{cause.sentence}; every guardrail was shown to be no worse, least of all"
            f" {guardrail.replace('_', ' ')}: {number(e_value)} of the {number(state.plan.shown)} needed"
        ),
        metric=guardrail,
        test="the same tests reversed, for non-inferiority",
        stable=cause.stable,
        canary=cause.canary,
        e_value=e_value,
        threshold=state.plan.shown,
    )


def _of_advance(state: RolloutState, evidence: RolloutEvidence, now: float, words: str, metric: str) -> Cause:
    del now  # said already, in words
    step = state.steps[-1]
    e_value, threshold = as_e_value(_log(evidence.combined)), state.plan.advance_below
    subjects, errors = merged(step).subjects, merged(step).errors
    against = f"evidence against {state.canary.label}"
    return Cause(
        sentence=f"{words}; {against} {number(e_value)}, below {number(threshold)}",
        metric=metric,
        test="all guardrails together",
        stable=Sample(int(errors[0]), int(subjects[0])),
        canary=Sample(int(errors[1]), int(subjects[1])),
        e_value=e_value,
        threshold=threshold,
    )


def _words_of_maturity(state: RolloutState, now: float) -> str:
    step = state.steps[-1]
    required = requirement(state.plan, kind_of(step.kind), state.stage)
    return (
        f"canary answered {number(requests_of(step)[1])} requests at {share(step.weight)}"
        f" ({number(required.requests)} asked for) in {number(held_s(state, now))} s"
    )


def _subjects(state: RolloutState) -> tuple[tuple[int, int], float]:
    """Subjects that chance dealt to each arm, and how many of them canary should have."""
    got, meant, settled = [0, 0], 0.0, 0.0
    for step in state.steps:
        if step.kind != "shadow":
            meant += _meant(step, settled)
            for arm in (0, 1):
                got[arm] += int(merged(step).subjects[arm])
        settled = max(settled, step.weight)
    return (got[0], got[1]), meant


def _meant(step: Step, settled: float) -> float:
    free = max(step.weight - settled, 0.0) / (1.0 - settled)
    keyed = 0 if step.keyed is None else int(step.keyed.subjects.sum())
    return int(step.counts.subjects.sum()) * step.weight + keyed * free


def _sample(compared: Compared, arm: str) -> Sample:
    events, n = getattr(compared, arm)
    return Sample(events, n)


def _against(weighed: Weighed | None) -> float:
    return -math.inf if weighed is None else _log(weighed.against)


def _log(logarithm: object) -> float:
    return float(logarithm)  # type: ignore[arg-type] # an array without axes


_WEIGHED: dict[Rule, Callable[[RolloutState, RolloutEvidence, float], Cause]] = {
    Rule.EVIDENCE: _of_evidence,
    Rule.MISMATCH: _of_mismatch,
    Rule.COMPARED: _of_compared,
    Rule.MATURE: _of_mature,
    Rule.SHOWN: _of_shown,
}
