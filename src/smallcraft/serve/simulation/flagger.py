"""Flagger's rule: so many failed checks of fixed thresholds, and the release is rolled back.

Once an interval the canary's success rate and 99th percentile of the last window are held against thresholds.
A check that fails is counted and the weight stays; one that passes raises it; at the largest weight it
promotes. The count never falls, and is looked at before the checks of an interval, so the rollback comes an
interval after the check that reached it. A window without requests is a failed check.
Source: fluxcd/flagger, `pkg/controller/scheduler.go` (`advanceCanary`, `runCanary`), `scheduler_metrics.go`
(`runBuiltinMetricChecks`), `pkg/metrics/observers/istio.go`; documentation, "How it works" and "Istio Canary
Deployments".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.simulation.requests import Tally
from smallcraft.serve.simulation.rules import GOES_ON, PROMOTED, ROLLED_BACK, Moves, Service
from smallcraft.serve.simulation.windows import Reader, quantile_s
from smallcraft.serve.simulation.world import Orders


@dataclass(frozen=True)
class Flagger:
    """Its settings; those of the documentation where nothing is said.

    Attributes:
        name: How tables call it.
        tick_s: `interval`, also of both metrics.
        threshold: Failed checks that roll back.
        weights: `stepWeights`.
        least_success: `request-success-rate`, `thresholdRange.min`, as a share.
        most_p99_s: `request-duration`, `thresholdRange.max`, in seconds.
    """

    name: str
    tick_s: float = 60.0
    threshold: int = 5
    weights: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5)
    least_success: float = 0.99
    most_p99_s: float = 0.5
    places: int = 1
    causes: tuple[str, ...] = ("success rate", "duration")

    def begin(self, rollouts: int, *, seed: int, service: Service) -> FlaggerRun:  # noqa: ARG002 - fixed thresholds
        """Start some rollouts at the first weight."""
        return FlaggerRun(self, rollouts)


class FlaggerRun:
    """The rule at work."""

    def __init__(self, rule: Flagger, rollouts: int) -> None:
        """Begin at the first weight, which needs no check."""
        self._rule = rule
        self._reader = Reader(rollouts)
        self._step = np.zeros(rollouts, dtype=np.int64)
        self._failed = np.zeros((rollouts, 2), dtype=np.int64)

    def orders(self) -> Orders:
        """The weight of each step."""
        weights = np.array(self._rule.weights)[self._step]
        return steady_orders(weights)

    def look(self, tally: Tally, *, now_s: float) -> Moves:  # noqa: ARG002 - an interval is an interval
        """One interval: the count first, then the checks."""
        rule, window = self._rule, self._reader.since(tally)
        rolls_back = self._failed.sum(axis=1) >= rule.threshold
        success = window.success_rates()[:, 1]
        # Flagger cuts milliseconds off to whole ones.
        p99_s = np.floor(quantile_s(window.durations[:, 1], 0.99) * 1000) / 1000
        is_slow = p99_s > rule.most_p99_s
        fails = np.isnan(success) | (success < rule.least_success)
        passes = ~fails & ~is_slow
        is_last = self._step == len(rule.weights) - 1
        ended = np.where(rolls_back, ROLLED_BACK, np.where(passes & is_last, PROMOTED, GOES_ON))
        self._failed += np.stack([fails, ~fails & is_slow], axis=1)
        self._step += passes & ~is_last
        return Moves(ended, np.where(rolls_back, self._failed.argmax(axis=1), -1))

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Forget all rollouts but some."""
        self._reader.keep(rows)
        self._step, self._failed = self._step[rows], self._failed[rows]


def steady_orders(weights: NDArray[np.float64]) -> Orders:
    """Weights alone: one place, no shadow, nothing that is told apart by key.

    Args:
        weights: `(r,)`.
    """
    rollouts = len(weights)
    return Orders(
        weights=weights.astype(np.float64),
        places=np.zeros(rollouts, dtype=np.int64),
        settled=np.zeros(rollouts),
        is_shadow=np.zeros(rollouts, dtype=np.bool_),
    )
