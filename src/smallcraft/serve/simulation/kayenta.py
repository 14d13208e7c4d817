"""Kayenta's rule: Mann-Whitney's test on time series of the canary and of a baseline of the same size.

Every `step_s` each metric gives a point for the canary and one for the baseline, a part of the stable
release's traffic as large as the canary's. After `points` of them a judgement: a metric is *high* when the
lower confidence limit of the shift between both series is above a quarter of the estimated shift. The score
is the share of metrics that pass, in percent. Below `marginal` the canary fails at once; after the last
judgement it needs more than `passing`.
Source: spinnaker/kayenta, `NetflixACAJudge.scala`, `MannWhitneyClassifier.scala`, `MannWhitney.scala`,
`WeightedSumScorer.scala`; Spinnaker documentation, "Best practices for configuring canary" (three runs of an
hour each, pass 95, marginal 75).
Not covered: outliers are kept, since removing them is optional; a window without requests gives a 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.simulation.flagger import steady_orders
from smallcraft.serve.simulation.requests import Tally
from smallcraft.serve.simulation.rules import GOES_ON, PROMOTED, ROLLED_BACK, Moves, Service
from smallcraft.serve.simulation.windows import Reader, Window, quantile_s
from smallcraft.serve.simulation.world import Orders
from smallcraft.stats.intervals import normal_quantile

_TOLERANCE, _LEVEL = 0.25, 0.98


@dataclass(frozen=True)
class Kayenta:
    """Its settings; those that Spinnaker's documentation starts from where nothing is said.

    Attributes:
        name: How tables call it.
        weight: The canary's share of the traffic; the baseline's is the same.
        step_s: Seconds between two points.
        points: Of a judgement; the documentation wants 50 at least.
        judgements: How many, one after the other, each of points of its own.
        passing: The last score must be above this.
        marginal: No score may be below this.
    """

    name: str
    weight: float = 0.1
    step_s: float = 60.0
    points: int = 60
    judgements: int = 3
    passing: float = 95.0
    marginal: float = 75.0
    places: int = 1
    causes: tuple[str, ...] = ("error rate", "duration")

    @property
    def tick_s(self) -> float:
        """A look for each point."""
        return self.step_s

    def begin(self, rollouts: int, *, seed: int, service: Service) -> KayentaRun:  # noqa: ARG002 - compares arms
        """Start some rollouts."""
        return KayentaRun(self, rollouts, seed=seed)


class KayentaRun:
    """The rule at work."""

    def __init__(self, rule: Kayenta, rollouts: int, *, seed: int) -> None:
        """Begin without a point."""
        self._rule = rule
        self._reader = Reader(rollouts)
        self._rng = np.random.default_rng(seed)
        self._series: list[NDArray[np.float64]] = []
        self._rollouts, self._judged = rollouts, 0

    def orders(self) -> Orders:
        """Always the same weight."""
        return steady_orders(np.full(self._rollouts, self._rule.weight))

    def look(self, tally: Tally, *, now_s: float) -> Moves:  # noqa: ARG002 - points are counted, not timed
        """A point; after enough of them a judgement."""
        rule = self._rule
        self._series.append(self._points(self._reader.since(tally)))
        none = np.full(self._rollouts, -1, dtype=np.int64)
        if len(self._series) < rule.points:
            return Moves(np.full(self._rollouts, GOES_ON, dtype=np.int64), none)
        series = np.stack(self._series, axis=-1)
        self._series, self._judged = [], self._judged + 1
        is_high = are_high(series[:, :, 1], series[:, :, 0])
        score = 100 * (1 - is_high.mean(axis=1))
        fails, is_last = score < rule.marginal, self._judged == rule.judgements
        passes = score > rule.passing
        at_end = np.where(passes, PROMOTED, ROLLED_BACK) if is_last else GOES_ON
        ended = np.where(fails, ROLLED_BACK, at_end)
        return Moves(ended, np.where(ended == ROLLED_BACK, is_high.argmax(axis=1), -1))

    def _points(self, window: Window) -> NDArray[np.float64]:
        """Error rate and 99th percentile of baseline and canary: `(r, 2 metrics, 2 arms)`."""
        share = min(1.0, self._rule.weight / (1 - self._rule.weight))
        of_baseline = self._rng.binomial(window.durations[:, 0], share)
        # Whether a request fails has nothing to do with how long it takes, so both are thinned on their own.
        requests = of_baseline.sum(axis=1)
        failures = self._rng.hypergeometric(
            window.failures[:, 0], window.requests[:, 0] - window.failures[:, 0], requests
        )
        requests = np.stack([requests, window.requests[:, 1]], axis=1)
        failures = np.stack([failures, window.failures[:, 1]], axis=1)
        durations = np.stack([of_baseline, window.durations[:, 1]], axis=1)
        rates = failures / np.maximum(requests, 1)
        return np.stack([rates, np.nan_to_num(quantile_s(durations, 0.99))], axis=1)

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Forget all rollouts but some."""
        self._reader.keep(rows)
        self._rollouts = len(rows)
        self._series = [points[rows] for points in self._series]


def are_high(experiment: NDArray[np.float64], control: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a metric of the canary is classified as high.

    The confidence limit and the estimate are places in the ordered differences of all pairs of points, which
    is where the normal approximation with its correction for continuity and for ties within a series crosses
    the quantile.

    Args:
        experiment: `(..., n)` points of the canary.
        control: `(..., m)` points of the baseline.

    Returns:
        `(...,)`; False where both series are one and the same constant.

    Source:
        Hollander and Wolfe (1999), Nonparametric Statistical Methods, 2nd edition, section 4.3, as Kayenta's
        `MannWhitney.scala` has it after R's `wilcox.test`.
    """
    n, m = experiment.shape[-1], control.shape[-1]
    pairs = experiment[..., :, None] - control[..., None, :]
    differences = np.sort(pairs.reshape(*pairs.shape[:-2], n * m), axis=-1)
    tied = _ties(experiment) + _ties(control)
    variance = n * m / 12 * (n + m + 1 - tied / ((n + m) * (n + m - 1)))
    spread = normal_quantile(0.5 + _LEVEL / 2) * np.sqrt(np.maximum(variance, 0.0))
    # So many differences lie above the limit at most; the one after it is the limit.
    above = np.ceil(n * m / 2 + spread + 0.5).astype(np.int64)
    place = np.clip(n * m - above, 0, n * m - 1)
    limit = np.take_along_axis(differences, place[..., None], axis=-1)[..., 0]
    estimate = (differences[..., (n * m - 1) // 2] + differences[..., n * m // 2]) / 2
    return np.asarray(limit > _TOLERANCE * np.abs(estimate))


def _ties(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of t^3 - t over groups of equal values, along the last axis."""
    ordered = np.sort(values, axis=-1)
    # The group of a value has as many members as there are equal ones; summed over members t^2 - 1 each.
    same = (ordered[..., :, None] == ordered[..., None, :]).sum(axis=-1)
    return np.asarray((same.astype(np.float64) ** 2 - 1).sum(axis=-1))
