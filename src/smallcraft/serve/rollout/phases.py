"""The phases of a rollout and what leads from one to the next: a pure function of where it stands.

    LOADING -> SHADOW -> CANARY (each of plan.stages) -> WATCH -> DONE;  from anywhere: ROLLED_BACK, FROZEN

What is looked at, in this order: an abort, hard stops, evidence against the release, other orders, a
sample-ratio mismatch, what the step asks for before the next.
Leaves to others: the arithmetic (`rules`), counts and their weighing (`evidence`), words (`causes`), storage.
Always: no phase is left out, by people neither; without evidence the weight does not rise; a release that is
not loaded goes nowhere but back; ROLLED_BACK and DONE are final. What a person froze keeps its weight, and
still goes back when the evidence says so; after a sample-ratio mismatch no evidence can be believed, so the
stable release answers alone until a person decides.
Not covered: traffic; where nobody asks, a rollout holds for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.counts import STABLE, no_counts
from smallcraft.serve.rollout.evidence import Baseline, RolloutEvidence, Step, StepKind, weigh
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.rules import Move, choose_moves, freeze_log, requirement
from smallcraft.serve.rollout.standing import (
    Health,
    Order,
    Phase,
    RolloutState,
    compared_in,
    merged,
    requests_of,
)

MOST_CRASHES = 3
MOST_UNANSWERED = 5


class Rule(StrEnum):
    """Why something changed."""

    STARTED = "started"
    LOADED = "loaded"
    COMPARED = "compared"
    MATURE = "mature"
    SHOWN = "shown"
    EVIDENCE = "evidence"
    MISMATCH = "mismatch"
    LOAD_FAILED = "load_failed"
    CRASHES = "crashes"
    UNANSWERED = "unanswered"
    MEMORY = "memory"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Decision:
    """A change of phase, stage or weight.

    Attributes:
        rule: Why.
        phase: From now on.
        stage: From now on.
        weight: From now on.
        opens_step: Whether what follows is counted apart from what was.
        forgets_counts: Whether what was counted since SHADOW counts no more: after a sample-ratio mismatch
            none of it can be believed, and a person goes on all the same.
    """

    rule: Rule
    phase: Phase
    stage: int
    weight: float
    opens_step: bool = False
    forgets_counts: bool = False


def weigh_state(state: RolloutState) -> RolloutEvidence | None:
    """Evidence of a rollout so far; None before its first step."""
    if not state.steps:
        return None
    return weigh(state.steps, state.plan, state.baseline)


def decide(
    state: RolloutState, evidence: RolloutEvidence | None, *, now: float, order: Order | None = None
) -> Decision | None:
    """What happens next to a rollout.

    Args:
        state: Where it stands.
        evidence: Of that state (`weigh_state`).
        now: Monotonic seconds.
        order: What a person or the server itself wants, if anything; it passed `check_order`.

    Returns:
        The change; None to hold.
    """
    if state.is_ended:
        return None
    if order is not None and order.kind == "abort":
        return _back(state, Rule.ORDER)
    hard_stop = find_hard_stop(state.health)
    if hard_stop is not None:
        return _back(state, hard_stop)
    move = Move.HOLD if evidence is None else _move(state, evidence, now)
    if move is Move.ROLL_BACK:
        return _back(state, Rule.EVIDENCE)
    if order is not None:
        return _obey(state, order, evidence)
    if state.phase == "frozen":
        return None
    if move is Move.FREEZE:
        return Decision(Rule.MISMATCH, "frozen", state.stage, 0.0)
    if state.health.is_loaded and (move is Move.ADVANCE or state.phase == "loading"):
        return _forward(state, _rule_of_advance(state))
    return None


def enter(state: RolloutState, decision: Decision, *, now: float) -> RolloutState:
    """The rollout after a decision about it; its receipt is the caller's to add."""
    entered = replace(
        state,
        phase=decision.phase,
        frozen_from=state.place if decision.phase == "frozen" else None,
        stage=decision.stage,
        weight=decision.weight,
    )
    if state.phase == "frozen" and not entered.is_ended:
        entered = replace(entered, since_s=now)
    if decision.forgets_counts:
        entered = replace(entered, steps=tuple(_emptied(step) for step in state.steps))
    if state.place == "shadow" and decision.phase == "canary" and decision.opens_step:
        entered = replace(entered, baseline=freeze_baseline(state.baseline, state.steps[-1]))
    if decision.opens_step:
        entered = replace(entered, since_s=now, steps=(*entered.steps, _open_step(state, decision)))
    return entered


def check_order(state: RolloutState, order: Order) -> None:
    """Refuse what nobody can have now.

    Raises:
        InvalidInputError: The order does not fit the phase; says which would.
    """
    if state.is_ended:
        raise InvalidInputError(
            f"rollout {state.id} is {state.phase.replace('_', ' ')}, and '{order.kind}' needs one that is"
            " under way; start another one"
        )
    if order.kind == "resume" and state.phase != "frozen":
        raise InvalidInputError(
            f"'resume' is for a frozen rollout; {state.id} is in {state.phase}, and goes on"
        )
    if order.kind == "freeze" and state.phase == "frozen":
        raise InvalidInputError(f"rollout {state.id} is frozen already; 'resume', 'promote' or 'abort' it")
    if order.kind == "promote" and (state.place == "loading" or not state.health.is_loaded):
        raise InvalidInputError(
            f"rollout {state.id} has not loaded {state.canary.label} yet, so nothing can be sent to it; wait"
        )


def find_hard_stop(health: Health) -> Rule | None:
    """What ends a rollout outside all statistics; None for nothing."""
    if health.load_failure:
        return Rule.LOAD_FAILED
    if health.crashes >= MOST_CRASHES:
        return Rule.CRASHES
    # While the stable arm answers nothing either, the new release is not the cause.
    if health.unanswered >= MOST_UNANSWERED and not health.answered and health.stable_answered:
        return Rule.UNANSWERED
    if health.memory_bytes > health.memory_limit_bytes:
        return Rule.MEMORY
    return None


def planned_weight(plan: RolloutPlan, phase: Phase, stage: int) -> float:
    """Share of traffic for the new release in a phase."""
    if phase == "canary":
        return plan.stages[stage]
    return {"watch": 1.0 - plan.hold_back, "done": 1.0}.get(phase, 0.0)


def freeze_baseline(declared: Baseline, step: Step) -> Baseline:
    """What SHADOW showed of the stable release, for the tests of all later steps."""
    seen = merged(step)
    return replace(
        declared,
        latency=seen.latency[STABLE],
        classes=None if declared.classes is None else seen.classes[STABLE],
        confidence=None if declared.confidence is None else seen.confidence[STABLE],
    )


def held_s(state: RolloutState, now: float) -> float:
    """Seconds for which the present step has held in this process."""
    return now - state.since_s


def kind_of(place: Phase) -> StepKind:
    """The kind of step that is counted in a phase that counts."""
    assert place in ("shadow", "canary", "watch"), place
    return place


def _move(state: RolloutState, evidence: RolloutEvidence, now: float) -> Move:
    step = state.steps[-1]
    stable_requests, canary_requests = requests_of(step)
    moves = choose_moves(
        evidence,
        state.plan,
        requirement(state.plan, step.kind, state.stage),
        requests=compared_in(step) if step.kind == "shadow" else canary_requests,
        stable_requests=stable_requests,
        held_s=held_s(state, now),
    )
    return Move(int(moves))


def _back(state: RolloutState, rule: Rule) -> Decision:
    return Decision(rule, "rolled_back", state.stage, 0.0)


def _obey(state: RolloutState, order: Order, evidence: RolloutEvidence | None) -> Decision:
    if order.kind == "freeze":
        return Decision(Rule.ORDER, "frozen", state.stage, state.weight)
    if order.kind == "promote":
        decision = _forward(state, Rule.ORDER)
    else:
        weight = planned_weight(state.plan, state.place, state.stage)
        decision = Decision(Rule.ORDER, state.place, state.stage, weight)
    is_mismatch = evidence is not None and bool(evidence.mismatch >= freeze_log(state.plan))
    return replace(decision, forgets_counts=is_mismatch)


def _forward(state: RolloutState, rule: Rule) -> Decision:
    plan, place, stage = state.plan, state.place, state.stage
    if place == "loading":
        return Decision(rule, "shadow", 0, 0.0, opens_step=True)
    if place == "shadow":
        return Decision(rule, "canary", 0, plan.stages[0], opens_step=True)
    if place == "canary" and stage + 1 < len(plan.stages):
        return Decision(rule, "canary", stage + 1, plan.stages[stage + 1], opens_step=True)
    if place == "canary":
        return Decision(rule, "watch", stage, planned_weight(plan, "watch", stage), opens_step=True)
    return Decision(rule, "done", stage, 1.0)


def _rule_of_advance(state: RolloutState) -> Rule:
    if state.phase == "loading":
        return Rule.LOADED
    if state.phase == "shadow":
        return Rule.COMPARED
    proves = requirement(state.plan, kind_of(state.phase), state.stage).must_show
    return Rule.SHOWN if proves else Rule.MATURE


def _emptied(step: Step) -> Step:
    if step.kind == "shadow":
        return step
    nothing = no_counts(step.counts.classes.shape[-1] - 1)
    return replace(step, counts=nothing, keyed=nothing)


def _open_step(state: RolloutState, decision: Decision) -> Step:
    classes = 0 if state.baseline.classes is None else int(np.shape(state.baseline.classes)[-1]) - 1
    nothing = no_counts(classes)
    return Step(decision.weight, kind_of(decision.phase), nothing, nothing)
