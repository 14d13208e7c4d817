"""Many copies of a service in which a release is rolled out, each with traffic of its own.

A world knows nothing of rules: it is told each rollout's weight and sends the requests of some seconds.
Always: what a rollout meets follows from the world's seed, its own number and the weights it was given,
however many are simulated beside it.
Left to others: drawing requests (`simulation.requests`), deciding on them (`simulation.ours`, the peers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.serve.rollout.counts import CONFIDENCE_BINS, LATENCY_BINS, LATENCY_EDGES_S, LATENCY_RATIO
from smallcraft.serve.simulation.latencies import log_quantiles, normal_quantiles
from smallcraft.serve.simulation.requests import Law, Memory, Moment, Tables, Tally, send
from smallcraft.serve.simulation.scenarios import Change, Incident, Scenario
from smallcraft.serve.simulation.traffic import Traffic
from smallcraft.stats.kernels.cells import random_numbers

# How far a confidence spreads around its mean: a Beta law with these many pseudo-observations.
_SURENESS = 6.0
# While something grows or may begin, so many seconds are sent as if nothing changed.
_PIECE_S = 1.0
_OF_INCIDENT = np.uint64(0x5851F42D4C957F2D)


@dataclass(frozen=True)
class Orders:
    """What the routers of each rollout are told; `r` rollouts.

    Attributes:
        weights: `(r,)` float64 the canary's share, 0 for none.
        places: `(r,)` int64 which part of the tally counts: the step.
        settled: `(r,)` float64 the largest weight of earlier steps.
        is_shadow: `(r,)` bool, whether the canary gets a copy of every request.
    """

    weights: NDArray[np.float64]
    places: NDArray[np.int64]
    settled: NDArray[np.float64]
    is_shadow: NDArray[np.bool_]


class World:
    """Some rollouts of one scenario.

    Attributes:
        tally: What was counted so far.
    """

    def __init__(
        self,
        traffic: Traffic,
        scenario: Scenario,
        *,
        streams: NDArray[np.uint64],
        places: int,
    ) -> None:
        """Begin with nothing sent.

        Args:
            traffic: The service.
            scenario: What happens to it.
            streams: `(r,)` a seed for each rollout.
            places: How many parts the tally has, such as steps of a rollout.
        """
        keyed = scenario.keys or traffic.keys
        self._change = scenario.change or Change()
        self._incident = scenario.incident or Incident(added_errors=0.0, lasts_s=0.0)
        self._law = _law(traffic, scenario)
        self._tables = _tables(traffic, scenario)
        self._memory = Memory(
            streams=streams,
            used=np.zeros(len(streams), dtype=np.uint64),
            flags=np.zeros((len(streams), keyed.count if keyed else 0), dtype=np.uint8),
        )
        self._strikes_s = random_numbers(streams ^ _OF_INCIDENT, 0, 1) * self._incident.within_s  # type: ignore[arg-type]
        self._served_s = np.zeros(len(streams))
        self._changed_s = np.where(self._change.share == 0, 0.0, -1.0) * np.ones(len(streams))
        self.tally = _zeros(len(streams), places, classes=len(traffic.classes))

    @property
    def log_bad(self) -> float:
        """From how many log seconds on a request is bad."""
        return self._law.log_bad

    def send(self, orders: Orders, *, seconds: float) -> None:
        """Let some time pass.

        Args:
            orders: Of every rollout that is left.
            seconds: How much; above 0.
        """
        piece = _PIECE_S if self._varies else seconds
        for _ in range(whole := math.ceil(seconds / piece - 1e-9)):
            moment = self._moment(orders, seconds / whole)
            send(self._law, self._tables, moment, self._memory, self.tally)
            # The clock of incidents and changes begins with the canary's first request.
            self._served_s += np.where(orders.weights > 0, seconds / whole, 0.0)

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Forget all rollouts but some.

        Args:
            rows: Which, in order.
        """
        memory = self._memory
        self._memory = Memory(memory.streams[rows], memory.used[rows], memory.flags[rows])
        self.tally = Tally(*(part[rows] for part in self.tally))
        self._strikes_s, self._served_s = self._strikes_s[rows], self._served_s[rows]
        self._changed_s = self._changed_s[rows]

    @property
    def _varies(self) -> bool:
        return bool(self._incident.lasts_s or self._change.grows_s)

    def _moment(self, orders: Orders, seconds: float) -> Moment:
        change, incident = self._change, self._incident
        begins = (self._changed_s < 0) & (orders.weights >= change.share)
        self._changed_s = np.where(begins, self._served_s, self._changed_s)
        since = self._served_s - self._changed_s
        grown = np.minimum(since / change.grows_s, 1.0) if change.grows_s else np.ones(len(since))
        grown = np.where(self._changed_s < 0, 0.0, grown)
        # The middle of the moment decides whether the incident is on.
        middle = self._served_s + seconds / 2 - self._strikes_s
        is_on = (middle >= 0) & (middle < incident.lasts_s) & (orders.weights > 0)
        struck = np.where(is_on, incident.added_errors, 0.0)
        slowed = np.where(is_on, math.log(incident.slower), 0.0)
        return Moment(
            seconds=seconds,
            weights=orders.weights,
            places=orders.places,
            settled=orders.settled,
            is_shadow=orders.is_shadow,
            times=_arms(np.ones(len(grown)), 1 + grown * (change.error_times - 1)),
            added=_arms(struck, struck + grown * change.added_errors),
            shift=_arms(slowed, slowed + np.log1p(grown * (change.slower - 1))),
            stretch=_arms(np.zeros(len(grown)), np.log1p(grown * (change.slow_tail - 1))),
            stalls=_arms(np.zeros(len(grown)), grown * change.stalls),
            is_changed=grown > 0,
        )


def draw_streams(rollouts: int, seed: int) -> NDArray[np.uint64]:
    """A seed for each rollout; the first of many are the same as of few.

    Args:
        rollouts: How many.
        seed: Of all.
    """
    return np.random.default_rng(seed).integers(2**64, size=rollouts, dtype=np.uint64)


def _arms(stable: NDArray[np.float64], canary: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([stable, canary], axis=1)


def _law(traffic: Traffic, scenario: Scenario) -> Law:
    latency, keys = traffic.latency, scenario.keys or traffic.keys
    return Law(
        requests_s=traffic.requests_s,
        error_rate=traffic.error_rate,
        error_spread=keys.error_spread if keys else 0.0,
        latency_spread=keys.latency_spread if keys else 0.0,
        log_p95=math.log(latency.p95_s),
        log_bad=math.log(latency.p99_s),
        inverse_tail=1 / latency.tail,
        log_edge=math.log(LATENCY_EDGES_S[0]),
        log_ratio=math.log(LATENCY_RATIO),
        disagreement=traffic.disagreement,
        escalation=traffic.escalation or 0.0,
    )


def _tables(traffic: Traffic, scenario: Scenario) -> Tables:
    keys, change = scenario.keys or traffic.keys, scenario.change or Change()
    usual = np.array(traffic.classes)
    top = int(usual.argmax())
    share = min(usual[top] * change.likelier, 1.0)
    tilted = usual * (1 - share) / max(1 - usual[top], np.finfo(np.float64).tiny)
    tilted[top] = share
    return Tables(
        body=log_quantiles(traffic.latency),
        normal=normal_quantiles(),
        keys=_cumulative(np.arange(1.0, keys.count + 1) ** -keys.zipf) if keys else np.zeros(0),
        classes=np.stack([_cumulative(usual), _cumulative(tilted)]),
        confidence=np.stack([_confidence(traffic.sureness), _confidence(traffic.sureness - change.unsure)]),
    )


def _cumulative(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.cumsum(shares) / shares.sum())


def _confidence(mean: float) -> NDArray[np.float64]:
    edges = np.arange(1, CONFIDENCE_BINS + 1) / CONFIDENCE_BINS
    return np.asarray(special.betainc(mean * _SURENESS, (1 - mean) * _SURENESS, edges))


def _zeros(rollouts: int, places: int, *, classes: int) -> Tally:
    def zeros(*shape: int) -> NDArray[np.int64]:
        return np.zeros((rollouts, *shape), dtype=np.int64)

    return Tally(
        requests=zeros(places, 2),
        failures=zeros(places, 2),
        durations=zeros(places, 2, LATENCY_BINS),
        subjects=zeros(places, 2),
        errors=zeros(places, 2),
        latency=zeros(places, 2, LATENCY_BINS),
        classes=zeros(places, 2, classes + 1),
        confidence=zeros(places, 2, CONFIDENCE_BINS),
        rows=zeros(places, 2),
        escalated=zeros(places, 2),
        compared=zeros(places),
        disagreed=zeros(places),
        excess=zeros(),
    )
