"""All that a router counts, kept between two takes of at most one shipment under way.

Leaves to others: the numbers of one arm (`tally`), how they travel (`shipment`), who adds them up (`totals`).
Always: what was counted is in exactly one shipment; memory does not grow while nobody takes any.
Not covered: what was counted since the last take, when the process is killed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.metrics.shipment import Shipment, StepCounts, Traffic, add_traffic
from smallcraft.serve.metrics.step import Step, StepName
from smallcraft.serve.metrics.step_tally import StepTally
from smallcraft.serve.metrics.tally import First, Served, Tally
from smallcraft.serve.rollout.counts import (
    CANARY,
    STABLE,
    ArmCounts,
    FirstRequests,
)

# A step that was left is told of while its last requests end; of more steps of a model, the oldest are not.
_MOST_STEPS = 4
_NOBODY = Served(model="", release="")


class Counters:
    """What one router counts.

    Attributes:
        refusals: By reason, requests that no arm was asked about.
        request_bytes: Of bodies read.
        reply_bytes: Of bodies sent.
        clients_gone: Replies that nobody waited for any more.
        quarantined: Bodies put under quarantine.
    """

    def __init__(self, router: str) -> None:
        """Nothing counted.

        Args:
            router: Names this life of this process, such as its number and when it began.
        """
        self._router = router
        self._sequence = 0
        self._under_way: Shipment | None = None
        self._steps: list[StepTally] = []
        self._begin_again()

    def _begin_again(self) -> None:
        self.refusals: dict[str, int] = {}
        self.request_bytes = self.reply_bytes = self.clients_gone = self.quarantined = 0

    def step(
        self, name: StepName, *, classes: Sequence[str], stable: Served, canary: Served | None
    ) -> StepTally:
        """Where requests of an assignment count; the same tally for the same assignment.

        Args:
            name: Of the assignment.
            classes: Of the stable release.
            stable: What stands behind the stable arm.
            canary: What stands behind the other; None while nothing does.
        """
        served = (stable, canary or _NOBODY)
        for known in self._steps:
            if known.name == name and _served(known) == served:
                return known
        tally = StepTally(name, Step(name, classes), served)
        self._steps = [*self._of_other_models(stable.model), *self._of_model(stable.model), tally]
        return tally

    def _of_model(self, model: str) -> list[StepTally]:
        steps = [step for step in self._steps if step.arms[0].served.model == model]
        return steps[1 - _MOST_STEPS :]

    def _of_other_models(self, model: str) -> list[StepTally]:
        return [step for step in self._steps if step.arms[0].served.model != model]

    def refuse(self, reason: str) -> None:
        """Count a request that no arm is asked about; `reason` is one of a few short words."""
        self.refusals[reason] = self.refusals.get(reason, 0) + 1

    @property
    def has_news(self) -> bool:
        """Whether anything is to be told: counted since the last take, or taken and not kept yet."""
        beside = self.request_bytes or self.reply_bytes or self.clients_gone or self.quarantined
        if self._under_way is not None or self.refusals or beside:
            return True
        return any(
            step.has_evidence() or any(tally.replies or tally.failures for tally in step.arms)
            for step in self._steps
        )

    def take(self) -> Shipment:
        """What was counted since the last shipment; while that is under way, that one again."""
        if self._under_way is None:
            self._sequence += 1
            self._under_way = self._shipment()
            for step in self._steps:
                step.clear()
            self._begin_again()
        return self._under_way

    def acknowledge(self, sequence: int) -> None:
        """A shipment arrived and was kept: the next take is a new one."""
        if self._under_way is not None and self._under_way.sequence == sequence:
            self._under_way = None

    def _shipment(self) -> Shipment:
        return Shipment(
            router=self._router,
            sequence=self._sequence,
            steps=tuple(_counts(step) for step in self._steps if step.has_evidence()),
            traffic=_traffic([tally for step in self._steps for tally in step.arms]),
            refusals=self.refusals,
            request_bytes=self.request_bytes,
            reply_bytes=self.reply_bytes,
            clients_gone=self.clients_gone,
            quarantined=self.quarantined,
        )


def _served(step: StepTally) -> tuple[Served, Served]:
    return step.arms[0].served, step.arms[1].served


def _counts(step: StepTally) -> StepCounts:
    stable, canary = (tally.evidence for tally in step.arms)

    def both(name: str) -> NDArray[np.int64]:
        return np.array([getattr(stable, name), getattr(canary, name)], dtype=np.int64)

    return StepCounts(
        rollout=step.name.rollout,
        step=step.name.step,
        counts=ArmCounts(
            requests=both("requests"),
            subjects=both("subjects"),
            errors=both("errors"),
            latency=both("latency"),
            classes=both("classes"),
            confidence=both("confidence"),
            rows=both("rows"),
            escalated=both("escalated"),
            compared=np.array(step.compared, dtype=np.int64),
            disagreed=np.array(step.disagreed, dtype=np.int64),
        ),
        keyed_requests=both("keyed_requests"),
        firsts=_firsts(*step.firsts()),
        failed_keys=(
            np.array(stable.failed_keys, dtype=np.uint64),
            np.array(canary.failed_keys, dtype=np.uint64),
        ),
    )


def _firsts(stable: Mapping[int, First], canary: Mapping[int, First]) -> FirstRequests:
    keys = np.array([*stable, *canary], dtype=np.uint64)
    arm = np.repeat(np.array([STABLE, CANARY]), [len(stable), len(canary)])
    bins = np.array([*stable.values(), *canary.values()], dtype=np.int64).reshape(len(keys), 5)
    return FirstRequests(keys, arm, *np.ascontiguousarray(bins.T))


def _traffic(tallies: Sequence[Tally]) -> tuple[Traffic, ...]:
    """Tallies of one release and arm together, whatever the step; arms without a release left out."""
    together: dict[tuple[Served, str], Traffic] = {}
    for tally in tallies:
        if tally.served is not _NOBODY:
            name, part = (tally.served, tally.arm), _part(tally)
            together[name] = add_traffic(together[name], part) if name in together else part
    return tuple(together.values())


def _part(tally: Tally) -> Traffic:
    return Traffic(
        model=tally.served.model,
        release=tally.served.release,
        arm=tally.arm,
        replies=tally.replies,
        latency=np.array(tally.latency, dtype=np.int64),
        seconds=tally.seconds,
        classes=tally.named(),
        unclassified=tally.classes[-1],
        confidence=np.array(tally.confidence, dtype=np.int64),
        confidence_sum=tally.confidence_sum,
        rows=tally.rows,
        escalated=tally.escalated,
        batches=np.array(tally.batches, dtype=np.int64),
        batch_rows=tally.batch_rows,
        failures=tally.failures,
        retries=tally.retries,
        in_flight=tally.in_flight,
        queued=tally.queued,
    )
