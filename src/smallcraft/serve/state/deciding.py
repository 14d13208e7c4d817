"""One turn of the controller, in one transaction: count, weigh, decide, write.

Leaves to others: the rules (`serve.rollout.phases`), when to take a turn (`serve.controller`).
Always: counts, the marks that they were counted, the new state and its receipt are written together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from smallcraft.serve.metrics.shipment import Shipment
from smallcraft.serve.rollout.causes import explain
from smallcraft.serve.rollout.evidence import RolloutEvidence
from smallcraft.serve.rollout.phases import Decision, Rule, decide, enter, weigh_state
from smallcraft.serve.rollout.receipts import Receipt, write_receipt
from smallcraft.serve.rollout.standing import Order, RolloutState
from smallcraft.serve.state.counting import count_shipments
from smallcraft.serve.state.store import Writing


@dataclass(frozen=True)
class Turn:
    """What a turn led to.

    Attributes:
        state: Afterwards.
        evidence: Of that state; None before its first step.
        receipt: Of the change; None for none.
    """

    state: RolloutState
    evidence: RolloutEvidence | None
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is decided: monotonic seconds for the rules, wall time for people."""

    now: float
    shown: datetime


def start_rollout(state: RolloutState, writing: Writing, at: Moment) -> Turn:
    """Write down that a rollout begins."""
    decision = Decision(Rule.STARTED, "loading", 0, 0.0)
    cause = explain(state, decision, None, now=at.now)
    receipt = write_receipt(state, decision, cause, None, now=at.now, shown=at.shown)
    begun = replace(_with_receipt(state, receipt), since_s=at.now)
    writing.forgive_digest(state.canary.digest)
    writing.add_state(begun)
    writing.add_receipt(receipt)
    return Turn(begun, None, receipt)


def take_turn(
    turn: Turn, shipments: Sequence[Shipment], writing: Writing, at: Moment, *, order: Order | None = None
) -> Turn:
    """Count what came, and decide on it.

    Args:
        turn: What the last one led to.
        shipments: That may not have been counted yet.
        writing: The transaction.
        at: Now.
        order: What a person or the server wants; it passed `check_order`.
    """
    counted = count_shipments(turn.state, shipments, writing)
    state, changed = counted.state, set(counted.steps)
    evidence = weigh_state(state) if changed else turn.evidence
    decision = decide(state, evidence, now=at.now, order=order)
    receipt = None
    if decision is not None:
        cause = explain(state, decision, evidence, now=at.now, order=order)
        receipt = write_receipt(state, decision, cause, evidence, now=at.now, shown=at.shown, order=order)
        writing.add_receipt(receipt)
        state = _with_receipt(enter(state, decision, now=at.now), receipt)
        evidence = weigh_state(state)
        changed |= {state.step} if decision.opens_step else set()
    _save(state, changed, writing)
    return Turn(state, evidence, receipt)


def _save(state: RolloutState, changed: set[int], writing: Writing) -> None:
    writing.save_state(state)
    for step in sorted(changed):
        writing.save_step(state, step)
    if state.phase == "rolled_back":
        writing.refuse_digest(state.canary.digest, rollout=state.id)
    if state.is_ended:
        writing.forget_keys()


def _with_receipt(state: RolloutState, receipt: Receipt) -> RolloutState:
    return replace(state, receipts=receipt.number, last_receipt=receipt.digest)
