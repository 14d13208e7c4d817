"""The rule of this project at work on many rollouts: the very lines that decide in production.

Evidence is `serve.rollout.evidence.Weigher` and decisions `serve.rollout.rules.choose_moves`, on counts with
an axis for the rollouts; nothing of them is written here a second time.
Always: rollouts that are looked at together share the baseline of the first that leaves SHADOW, where in
production each has its own; an e-value holds for any baseline, so this costs or gives nobody anything.
Not covered: hard stops (crashes, time-outs without an answer, memory), people, loading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.rollout.counts import CONFIDENCE_BINS, LATENCY_BINS, ArmCounts
from smallcraft.serve.rollout.evidence import (
    GUARDRAILS,
    Baseline,
    RolloutEvidence,
    Step,
    StepKind,
    StepRatios,
    Weigher,
)
from smallcraft.serve.rollout.phases import freeze_baseline, planned_weight
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.rules import Move, choose_moves, requirement
from smallcraft.serve.simulation.requests import Tally
from smallcraft.serve.simulation.rules import FROZEN, GOES_ON, PROMOTED, ROLLED_BACK, Moves, Service
from smallcraft.serve.simulation.world import Orders

_ENDS = {Move.ROLL_BACK: ROLLED_BACK, Move.FREEZE: FROZEN}
_COUNTED = ("requests", "subjects", "errors", "latency", "classes", "confidence", "rows", "escalated")


@dataclass(frozen=True)
class Smallcraft:
    """A plan as a rule.

    Attributes:
        plan: The settings.
        tick_s: Seconds between two looks; the controller of production takes a quarter.
        name: How tables call it.
    """

    plan: RolloutPlan
    tick_s: float = 0.25
    name: str = "smallcraft"
    causes: tuple[str, ...] = GUARDRAILS

    @property
    def places(self) -> int:
        """SHADOW, a step for each stage, WATCH."""
        return len(self.plan.stages) + 2

    def begin(self, rollouts: int, *, seed: int, service: Service) -> SmallcraftRun:  # noqa: ARG002
        """Start some rollouts in SHADOW."""
        return SmallcraftRun(self, rollouts, service)


class SmallcraftRun:
    """The rule at work."""

    def __init__(self, rule: Smallcraft, rollouts: int, service: Service) -> None:
        """Begin in SHADOW, the release loaded."""
        self._plan, self._service = rule.plan, service
        self._places, self._since_s = np.zeros(rollouts, dtype=np.int64), np.zeros(rollouts)
        stages: list[StepKind] = ["canary"] * len(rule.plan.stages)
        self._kinds: tuple[StepKind, ...] = ("shadow", *stages, "watch")
        self._weights = np.array(
            [planned_weight(rule.plan, kind, max(place - 1, 0)) for place, kind in enumerate(self._kinds)]
        )
        self._settled = np.concatenate([[0.0], np.maximum.accumulate(self._weights)[:-1]])
        self._baseline = Baseline(
            latency=np.zeros(LATENCY_BINS, dtype=np.int64),
            classes=np.zeros(service.classes + 1, dtype=np.int64),
            confidence=np.zeros(CONFIDENCE_BINS, dtype=np.int64),
            disagreement=service.disagreement,
            escalation=service.escalation,
            stable_escalation=service.escalation,
        )
        self._weigher = Weigher(rule.plan, self._baseline)
        # What each finished step said of each rollout, by place.
        self._said: list[StepRatios | None] = [None] * len(self._kinds)

    def orders(self) -> Orders:
        """The planned weight of each rollout's step."""
        return Orders(
            weights=self._weights[self._places],
            places=self._places,
            settled=self._settled[self._places],
            is_shadow=self._places == 0,
        )

    def look(self, tally: Tally, *, now_s: float) -> Moves:
        """Weigh and move, those that stand in the same step together."""
        ended = np.full(len(self._places), GOES_ON, dtype=np.int64)
        causes = np.full(len(self._places), -1, dtype=np.int64)
        at = self._places.copy()
        for place in np.unique(at):
            rows = np.flatnonzero(at == place)
            evidence = self._weigh(tally, rows, int(place))
            moves = self._choose(evidence, tally, rows, now_s)
            for move, end in _ENDS.items():
                ended[rows[moves == move]] = end
            is_back = moves == Move.ROLL_BACK
            if is_back.any():
                causes[rows[is_back]] = self._loudest(evidence)[is_back]
            advancing = rows[moves == Move.ADVANCE]
            if len(advancing):
                ended[self._advance(advancing, tally, now_s)] = PROMOTED
        return Moves(ended, causes)

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Forget all rollouts but some."""
        self._places, self._since_s = self._places[rows], self._since_s[rows]
        self._said = [None if said is None else _only(said, rows) for said in self._said]

    def _weigh(self, tally: Tally, rows: NDArray[np.int64], place: int) -> RolloutEvidence:
        """Finished steps have said what they say; the present one is looked at anew."""
        before = [_only(said, rows) for said in self._said[:place] if said is not None]
        assert len(before) == place
        steps = list(zip(self._kinds, self._weights.tolist(), strict=True))[: place + 1]
        return self._weigher.join(steps, [*before, self._look_at(tally, rows, place)])

    def _look_at(self, tally: Tally, rows: NDArray[np.int64], place: int) -> StepRatios:
        return self._weigher.look(self._step(tally, rows, place), settled=float(self._settled[place]))

    def _choose(
        self, evidence: RolloutEvidence, tally: Tally, rows: NDArray[np.int64], now_s: float
    ) -> NDArray[np.int64]:
        place = int(self._places[rows[0]])
        stable, canary = tally.requests[rows, place].T
        return choose_moves(
            evidence,
            self._plan,
            requirement(self._plan, self._kinds[place], max(place - 1, 0)),
            requests=tally.compared[rows, 0] if place == 0 else canary,
            stable_requests=stable,
            held_s=now_s - self._since_s[rows],
        )

    def _advance(self, rows: NDArray[np.int64], tally: Tally, now_s: float) -> NDArray[np.int64]:
        """Into the next step; those without one are given back."""
        place = int(self._places[rows[0]])
        if place == len(self._kinds) - 1:
            return rows
        if place == 0 and self._said[0] is None:
            first = Step(0.0, "shadow", _counts(tally, rows[0], 0))
            self._baseline = freeze_baseline(self._baseline, first)
            self._weigher = Weigher(self._plan, self._baseline)
        said = self._look_at(tally, rows, place)
        self._said[place] = _written(self._said[place], said, rows, rollouts=len(self._places))
        self._places[rows], self._since_s[rows] = place + 1, now_s
        return rows[:0]

    def _step(self, tally: Tally, rows: NDArray[np.int64], place: int) -> Step:
        weight, kind, counts = float(self._weights[place]), self._kinds[place], _counts(tally, rows, place)
        if not self._service.has_keys:
            return Step(weight, kind, counts)
        nothing = ArmCounts(**{name: np.zeros_like(value) for name, value in vars(counts).items()})
        return Step(weight, kind, nothing, keyed=counts)

    def _loudest(self, evidence: RolloutEvidence) -> NDArray[np.int64]:
        """The guardrail that says most against each."""
        shape = np.shape(evidence.combined)
        heard = [
            np.full(shape, -np.inf)
            if (weighed := evidence.guardrails[name]) is None
            else weighed.against + np.log(getattr(self._plan.weights, name))
            for name in GUARDRAILS
        ]
        return np.asarray(np.argmax(np.stack(heard), axis=0))


def _only(said: StepRatios, rows: NDArray[np.int64]) -> StepRatios:
    return StepRatios(
        {name: ratios[rows] for name, ratios in said.ratios.items()},
        {name: observed[rows] for name, observed in said.observed.items()},
        said.mismatch[rows],
    )


def _written(
    kept: StepRatios | None, said: StepRatios, rows: NDArray[np.int64], *, rollouts: int
) -> StepRatios:
    """What is kept of all rollouts, with some of them anew."""

    def put(name: str, into: Mapping[str, NDArray[Any]] | None, values: NDArray[Any]) -> NDArray[Any]:
        whole = np.zeros((rollouts, *values.shape[1:]), dtype=values.dtype) if into is None else into[name]
        whole[rows] = values
        return whole

    ratios, observed = (kept.ratios, kept.observed) if kept else (None, None)
    return StepRatios(
        {name: put(name, ratios, values) for name, values in said.ratios.items()},
        {name: put(name, observed, values) for name, values in said.observed.items()},
        put("", {"": kept.mismatch} if kept else None, said.mismatch),
    )


def _counts(tally: Tally, rows: NDArray[np.int64] | np.int64, place: int) -> ArmCounts:
    counted = {name: getattr(tally, name)[rows, place] for name in _COUNTED}
    return ArmCounts(**counted, compared=tally.compared[rows, place], disagreed=tally.disagreed[rows, place])
