"""Rollouts for tests: releases, a small plan, counts as routers ship them, days of traffic in a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from smallcraft.serve.controller import Controller
from smallcraft.serve.metrics.shipment import Shipment, StepCounts, Traffic
from smallcraft.serve.rollout.assignment import Assignment
from smallcraft.serve.rollout.counts import (
    CONFIDENCE_BINS,
    LATENCY_BINS,
    ArmCounts,
    FirstRequests,
    no_counts,
)
from smallcraft.serve.rollout.evidence import Step, StepKind
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.phases import decide, enter, weigh_state
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.standing import RolloutState
from smallcraft.serve.rollout.starting import Declared, begin_rollout
from smallcraft.serve.state.deciding import Moment

STABLE = NamedRelease("helpdesk@3", "sha256:" + "3" * 64)
CANARY = NamedRelease("helpdesk@4", "sha256:" + "4" * 64)
OTHER = NamedRelease("helpdesk@5", "sha256:" + "5" * 64)
CLASSES = ("billing", "refund", "login")
DECLARED = Declared(classes=CLASSES, disagreement=0.1)
SALT = "9f3c21aa04d7"
# As the shipped one, and so small that a test reaches its end.
PLAN = RolloutPlan(
    stages=(0.1, 0.5),
    mature_requests=(30, 60),
    watch_requests=60,
    shadow_requests=20,
    baseline_requests=50,
    dwell_s=10.0,
)
NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
USUAL_BINS, SLOW_BIN = [36, 38, 40, 42, 44], 120
CONFIDENCES = [19, 18, 16, 13, 10]


def moment(now: float) -> Moment:
    """Monotonic seconds, and a wall clock that goes with them."""
    return Moment(now, NOON + timedelta(seconds=now))


def counts(
    stable: int = 0,
    canary: int = 0,
    *,
    errors: tuple[int, int] = (0, 0),
    slow: tuple[int, int] = (0, 0),
    compared: int = 0,
    disagreed: int = 0,
    classes: int = len(CLASSES),
) -> ArmCounts:
    """Requests of both arms without keys, some with errors, some slow, the rest alike."""
    made = no_counts(classes)
    requests = np.array([stable, canary])
    answered = requests - np.array(errors)
    latency, named, confidence = made.latency.copy(), made.classes.copy(), made.confidence.copy()
    latency[:, USUAL_BINS] = dealt(answered - np.array(slow), len(USUAL_BINS))
    latency[:, SLOW_BIN] = slow
    named[:, :classes] = dealt(answered, classes)
    confidence[:, CONFIDENCES] = dealt(answered, len(CONFIDENCES))
    return replace(
        made,
        requests=requests,
        subjects=requests,
        errors=np.array(errors),
        latency=latency,
        classes=named,
        confidence=confidence,
        rows=answered,
        compared=np.array(compared),
        disagreed=np.array(disagreed),
    )


def dealt(totals: np.ndarray, places: int) -> np.ndarray:
    """`(2, places)`: each total in shares as equal as whole numbers allow."""
    return np.stack([totals // places + (place < totals % places) for place in range(places)], axis=1)


def firsts(keys: list[int], *, arm: int | list[int]) -> FirstRequests:
    """First requests of keys, answered as usual, of one arm or each of its own."""

    def each(value: int | list[int]) -> np.ndarray:
        return np.full(len(keys), value, dtype=np.int64)

    return FirstRequests(
        keys=np.array(keys, dtype=np.uint64),
        arm=each(arm),
        latency=each(USUAL_BINS[0]),
        answer=each(0),
        confidence=each(18),
        escalated=each(0),
        disagreed=each(-1),
    )


def shipment(
    assigned: Assignment,
    sequence: int,
    *,
    seen: ArmCounts | None = None,
    router: str = "router-1",
    met: FirstRequests | None = None,
    failed: tuple[list[int], list[int]] = ([], []),
    traffic: tuple[Traffic, ...] | None = None,
) -> Shipment:
    """What a router ships of one step."""
    seen = counts() if seen is None else seen
    met = firsts([], arm=0) if met is None else met
    part = StepCounts(
        rollout=assigned.rollout,
        step=assigned.step,
        counts=seen,
        keyed_requests=np.bincount(met.arm, minlength=2).astype(np.int64),
        firsts=met,
        failed_keys=(np.array(failed[0], dtype=np.uint64), np.array(failed[1], dtype=np.uint64)),
    )
    if traffic is None:
        stable, canary = (seen.requests - seen.errors).tolist()
        lost, missed = seen.errors.tolist()
        traffic = (
            replies("stable", STABLE, {200: stable}, failures=lost),
            replies("canary", CANARY, {200: canary}, failures=missed),
        )
    return Shipment(
        router=router,
        sequence=sequence,
        steps=(part,),
        traffic=traffic,
        refusals={},
        request_bytes=0,
        reply_bytes=0,
        clients_gone=0,
        quarantined=0,
    )


def replies(arm, release: NamedRelease, sent: dict[int, int], *, failures: int = 0) -> Traffic:
    """What one arm answered, for those who watch."""
    return Traffic(
        model=release.label.partition("@")[0],
        release=release.label,
        arm=arm,
        replies={status: count for status, count in sent.items() if count},
        latency=np.zeros(LATENCY_BINS, dtype=np.int64),
        seconds=0.0,
        classes={},
        unclassified=0,
        confidence=np.zeros(CONFIDENCE_BINS, dtype=np.int64),
        confidence_sum=0.0,
        rows=0,
        escalated=0,
        batches=np.zeros(17, dtype=np.int64),
        batch_rows=0,
        failures=failures,
        retries=failures,
        in_flight=0,
        queued=0,
    )


def begun(plan: RolloutPlan = PLAN, declared: Declared = DECLARED) -> RolloutState:
    """A rollout before anything happened."""
    return begin_rollout(STABLE, CANARY, plan, declared, salt=SALT)


def loaded(plan: RolloutPlan = PLAN) -> RolloutState:
    """A rollout whose new release is ready, not yet in SHADOW."""
    return begun(plan).with_health(is_loaded=True)


def with_counts(state: RolloutState, seen: ArmCounts) -> RolloutState:
    """The same with more counts in its present step."""
    last = replace(state.steps[-1], counts=state.steps[-1].counts + seen)
    return replace(state, steps=(*state.steps[:-1], last))


def on(state: RolloutState, *, now: float, order=None) -> RolloutState:
    """One decision further, or the same."""
    decision = decide(state, weigh_state(state), now=now, order=order)
    return state if decision is None else enter(state, decision, now=now)


def in_shadow(plan: RolloutPlan = PLAN) -> RolloutState:
    return on(loaded(plan), now=0.0)


def in_canary(plan: RolloutPlan = PLAN) -> RolloutState:
    """At the first stage, its step begun at second 10."""
    wanted = max(plan.baseline_requests, plan.shadow_requests)
    seen = counts(stable=wanted, compared=wanted, slow=(wanted // 50, 0))
    return on(with_counts(in_shadow(plan), seen), now=10.0)


def at_last_stage(plan: RolloutPlan = PLAN) -> RolloutState:
    """At the last stage, its step begun at second 20 times its number."""
    state = in_canary(plan)
    now = 10.0
    while state.stage < len(plan.stages) - 1:
        now += plan.dwell_s
        canary = plan.mature_requests[state.stage]
        state = on(with_counts(state, fair(state, canary)), now=now)
    return state


def fair(state: RolloutState, canary: int) -> ArmCounts:
    """So many requests of canary and as many of stable as the weight wants, none of them bad."""
    return counts(stable=round(canary / state.weight) - canary, canary=canary)


def empty_step(kind: StepKind, weight: float) -> Step:
    nothing = no_counts(len(CLASSES))
    return Step(weight, kind, nothing, nothing)


@dataclass
class Server:
    """A controller with one router that ships what it is told to: the clock is the test's.

    Attributes:
        controller: The one under test.
        now: Monotonic seconds.
        sequence: Of the last shipment.
    """

    controller: Controller
    now: float = 0.0
    sequence: int = 0
    told: list[Assignment] = field(default_factory=list)

    @property
    def state(self) -> RolloutState:
        state = self.controller.state
        assert state is not None
        return state

    def start(self, *, plan: RolloutPlan = PLAN, canary: NamedRelease = CANARY, **options) -> None:
        options = {"salt": SALT, "at": moment(self.now)} | options
        self.controller.start(canary, plan, DECLARED, **options)
        self.tick()
        self.controller.report_loaded(canary.digest)
        self.tick()

    def tick(self, seconds: float = 0.25) -> Assignment | None:
        self.now += seconds
        told = self.controller.tick(moment(self.now))
        if told is not None:
            self.told.append(told)
        return told

    def serve(self, seen: ArmCounts, *, seconds: float = 0.25, **parts) -> Assignment | None:
        """Ship counts of the present step, then tick."""
        self.sequence += 1
        self.controller.ship(shipment(self.controller.assignment(), self.sequence, seen=seen, **parts))
        return self.tick(seconds)

    def pass_shadow(self) -> None:
        plan = self.state.plan
        wanted = max(plan.baseline_requests, plan.shadow_requests)
        self.serve(counts(stable=wanted, compared=wanted, slow=(wanted // 50, 0)))

    def until_done(self) -> Iterator[Assignment]:
        """Serve well until nothing follows any more."""
        for _ in range(500):
            if self.state.is_ended:
                return
            told = self.serve(fair(self.state, 40), seconds=2.0) if self.state.weight else self.tick()
            if told is not None:
                yield told
        raise AssertionError(f"still in {self.state.phase}")


def server(folder: Path, *, stable: NamedRelease = STABLE, now: float = 0.0, on_done=None) -> Server:
    return Server(Controller(folder, stable=stable, now=now, on_done=on_done), now=now)
