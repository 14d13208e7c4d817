"""Shipments of routers, counted into the rollout that they belong to: each once, each key once a step.

Leaves to others: which shipments and keys were seen before is the store's to know, in the same transaction.
Always: what belongs to another rollout, or to a step that there is not, is left out.
Not covered: keys beyond `MOST_KEYS` a step, of which no arm counts any; a full memory never counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.serve.metrics.shipment import Shipment, StepCounts
from smallcraft.serve.rollout.counts import CANARY, STABLE, count_first_requests, no_counts
from smallcraft.serve.rollout.evidence import Step
from smallcraft.serve.rollout.standing import Health, RolloutState
from smallcraft.serve.state.store import KeyKind, Writing

MOST_KEYS = 1 << 18
_COUNTING = ("canary", "watch")


@dataclass(frozen=True)
class Counted:
    """A rollout with shipments counted into it.

    Attributes:
        state: Afterwards.
        steps: Numbers of the steps that changed.
    """

    state: RolloutState
    steps: frozenset[int]


def check_shipment(shipment: Shipment, state: RolloutState | None) -> None:
    """Refuse a shipment that cannot be counted.

    Raises:
        InvalidInputError: It counts another number of classes than the stable release has.
    """
    if state is None or not state.steps:
        return
    wanted = state.steps[0].counts.classes.shape
    for part in shipment.steps:
        if part.rollout == state.id and part.counts.classes.shape != wanted:
            raise InvalidInputError(
                f"counts of rollout {state.id} have classes of shape {wanted}, router {shipment.router} sent"
                f" {part.counts.classes.shape}; it serves another stable release"
            )


def count_shipments(state: RolloutState, shipments: Iterable[Shipment], writing: Writing) -> Counted:
    """Count what routers shipped.

    Args:
        state: The rollout under way.
        shipments: In any order; those that were counted before are left out.
        writing: The transaction that remembers shipments and keys.
    """
    steps = list(state.steps)
    changed: set[int] = set()
    for shipment in shipments:
        if not writing.accept(shipment.router, shipment.sequence):
            continue
        for part in shipment.steps:
            if part.rollout == state.id and part.step < len(steps):
                steps[part.step] = _add(steps[part.step], part, writing)
                changed.add(part.step)
        state = replace(state, health=_count_answers(state, shipment))
    return Counted(replace(state, steps=tuple(steps)), frozenset(changed))


def _add(step: Step, part: StepCounts, writing: Writing) -> Step:
    classes = step.counts.classes.shape[-1] - 1
    keyed = no_counts(classes) if step.keyed is None else step.keyed
    is_new = writing.add_keys(
        part.firsts.keys, step=part.step, kind=KeyKind.MET, room=MOST_KEYS - int(keyed.subjects.sum())
    )
    firsts = count_first_requests(part.firsts.only(is_new), classes=classes)
    errors = _first_failures(part, writing, room=MOST_KEYS - int(keyed.errors.sum()))
    more = replace(firsts, requests=part.keyed_requests, errors=errors)
    return replace(step, counts=step.counts + part.counts, keyed=keyed + more)


def _first_failures(part: StepCounts, writing: Writing, *, room: int) -> NDArray[np.int64]:
    """`(2,)` int64, keys of each arm that had not failed before in this step."""
    stable, canary = part.failed_keys
    keys = np.concatenate([stable, canary])
    is_new = writing.add_keys(keys, step=part.step, kind=KeyKind.FAILED, room=room)
    arms = np.repeat(np.array([STABLE, CANARY]), [len(stable), len(canary)])
    return np.bincount(arms[is_new], minlength=2).astype(np.int64)


def _count_answers(state: RolloutState, shipment: Shipment) -> Health:
    """Requests answered and not: all of them, since what does not work must be noticed with one key too."""
    health = state.health
    if state.place not in _COUNTING or health.answered:
        return health
    for traffic in shipment.traffic:
        if traffic.arm == "canary" and traffic.release == state.canary.label:
            health = replace(
                health,
                answered=health.answered + traffic.replies.get(200, 0),
                unanswered=health.unanswered + traffic.failures,
            )
    if health.unanswered:
        stable = sum(
            part.replies.get(200, 0) for part in shipment.traffic if part.release == state.stable.label
        )
        health = replace(health, stable_answered=health.stable_answered + stable)
    return health
