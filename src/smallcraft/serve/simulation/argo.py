"""Argo Rollouts' rule: weights by the clock, an analysis in the background that may abort.

Each weight holds for a pause. Meanwhile every metric is measured once an interval and held against its
condition; more failed measurements of one metric than its limit abort the rollout, and more inconclusive ones
than theirs pause it until a person decides. Measurements add up over the whole rollout. When the last pause
is over, the release is promoted.
Source: argoproj/argo-rollouts, `analysis/analysis.go` (`assessMetricStatus`, `generateMetricTasks`);
documentation, "Analysis & Progressive Delivery".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.simulation.flagger import steady_orders
from smallcraft.serve.simulation.requests import Tally
from smallcraft.serve.simulation.rules import FROZEN, GOES_ON, PROMOTED, ROLLED_BACK, Moves, Service
from smallcraft.serve.simulation.windows import Reader, quantile_s
from smallcraft.serve.simulation.world import Orders


@dataclass(frozen=True)
class Argo:
    """Its settings; those of the documentation's background analysis where nothing is said.

    Attributes:
        name: How tables call it.
        tick_s: `interval` of every metric, and the window of its query.
        weights: `setWeight` of each step.
        pause_s: `pause.duration` after each.
        starts: Step, from 0, at which the analysis starts (`startingStep`, in weights).
        least_success: `successCondition` of the success rate.
        surely_failed: `failureCondition` of the success rate; between the two it is inconclusive. None for
            no such band.
        most_p99_s: `successCondition` of the 99th percentile, in seconds; None for no such metric.
        failure_limit: `failureLimit` of each metric.
        inconclusive_limit: `inconclusiveLimit` of each metric.
    """

    name: str
    tick_s: float = 300.0
    weights: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8)
    pause_s: float = 600.0
    starts: int = 1
    least_success: float = 0.95
    surely_failed: float | None = None
    most_p99_s: float | None = None
    failure_limit: int = 3
    inconclusive_limit: int = 0
    places: int = 1
    causes: tuple[str, ...] = ("success rate", "duration")

    def begin(self, rollouts: int, *, seed: int, service: Service) -> ArgoRun:  # noqa: ARG002 - fixed thresholds
        """Start some rollouts at the first weight."""
        return ArgoRun(self, rollouts)


class ArgoRun:
    """The rule at work."""

    def __init__(self, rule: Argo, rollouts: int) -> None:
        """Begin with nothing measured."""
        self._rule = rule
        self._reader = Reader(rollouts)
        self._step, self._rollouts = 0, rollouts
        self._failed = np.zeros((rollouts, 2), dtype=np.int64)
        self._unclear = np.zeros(rollouts, dtype=np.int64)

    def orders(self) -> Orders:
        """The same weight for all: only the clock raises it."""
        return steady_orders(np.full(self._rollouts, self._rule.weights[self._step]))

    def look(self, tally: Tally, *, now_s: float) -> Moves:
        """Measure, assess, then see what the clock says."""
        rule, window = self._rule, self._reader.since(tally)
        if self._step >= rule.starts:
            self._measure(window.success_rates()[:, 1], quantile_s(window.durations[:, 1], 0.99))
        aborts = self._failed > rule.failure_limit
        waits = self._unclear > rule.inconclusive_limit
        self._step = int(now_s / rule.pause_s + 1e-9)
        is_over = self._step >= len(rule.weights)
        ended = np.where(
            aborts.any(axis=1), ROLLED_BACK, np.where(waits, FROZEN, PROMOTED if is_over else GOES_ON)
        )
        return Moves(ended, np.where(aborts.any(axis=1), aborts.argmax(axis=1), -1))

    def _measure(self, success: NDArray[np.float64], p99_s: NDArray[np.float64]) -> None:
        """Without a request there is no measurement, only an error, and several in a row are forgiven."""
        rule = self._rule
        is_unclear = np.zeros(len(success), dtype=np.bool_)
        has_failed = success < rule.least_success
        if rule.surely_failed is not None:
            is_unclear = has_failed & ~(success < rule.surely_failed)
            has_failed = success < rule.surely_failed
        is_slow = np.zeros_like(has_failed) if rule.most_p99_s is None else p99_s > rule.most_p99_s
        self._failed += np.stack([has_failed, is_slow], axis=1)
        self._unclear += is_unclear

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Forget all rollouts but some."""
        self._reader.keep(rows)
        self._rollouts = len(rows)
        self._failed, self._unclear = self._failed[rows], self._unclear[rows]
