"""What a monitoring system would answer a rule that asks for rates and quantiles of the last minutes.

Flattering: no scrape is late or lost, and quantiles come from our own bins, finer than those of any service
mesh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.rollout.counts import LATENCY_BINS, LATENCY_EDGES_S
from smallcraft.serve.simulation.requests import Tally


@dataclass(frozen=True)
class Window:
    """What was counted between two looks; axis 1 is (stable, canary).

    Attributes:
        requests: `(r, 2)` int64.
        failures: `(r, 2)` int64.
        durations: `(r, 2, bins)` int64, of failed requests too.
    """

    requests: NDArray[np.int64]
    failures: NDArray[np.int64]
    durations: NDArray[np.int64]

    def success_rates(self) -> NDArray[np.float64]:
        """`(r, 2)`, NaN where there was no request."""
        with np.errstate(invalid="ignore"):
            return np.asarray(1 - self.failures / np.where(self.requests > 0, self.requests, np.nan))


class Reader:
    """Remembers what was counted at the look before."""

    def __init__(self, rollouts: int) -> None:
        """Begin with nothing counted."""
        self._before = Window(
            np.zeros((rollouts, 2), dtype=np.int64),
            np.zeros((rollouts, 2), dtype=np.int64),
            np.zeros((rollouts, 2, LATENCY_BINS), dtype=np.int64),
        )

    def since(self, tally: Tally) -> Window:
        """What was counted since this was asked before.

        Args:
            tally: Of all time so far; its places are added up.
        """
        now = Window(tally.requests.sum(axis=1), tally.failures.sum(axis=1), tally.durations.sum(axis=1))
        before, self._before = self._before, now
        return Window(
            now.requests - before.requests,
            now.failures - before.failures,
            now.durations - before.durations,
        )

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Forget all rollouts but some.

        Args:
            rows: Which, in order.
        """
        before = self._before
        self._before = Window(before.requests[rows], before.failures[rows], before.durations[rows])


def quantile_s(durations: NDArray[np.int64], share: float) -> NDArray[np.float64]:
    """Seconds below which a share of the requests stays, linear within a bin as `histogram_quantile` has it.

    Args:
        durations: `(..., bins)` counts.
        share: In (0, 1).

    Returns:
        `(...,)`, NaN where there is no request; the last edge for what lies above it.

    Source:
        Prometheus documentation, Query functions, `histogram_quantile`.
    """
    cumulated = np.cumsum(durations, axis=-1)
    total = cumulated[..., -1]
    rank = share * total
    place = np.minimum((cumulated < rank[..., None]).sum(axis=-1), durations.shape[-1] - 1)
    upper = np.append(LATENCY_EDGES_S, LATENCY_EDGES_S[-1])[place]
    lower = np.concatenate([[0.0], LATENCY_EDGES_S])[place]
    here = np.take_along_axis(durations, place[..., None], axis=-1)[..., 0]
    below = np.take_along_axis(cumulated, place[..., None], axis=-1)[..., 0] - here
    with np.errstate(invalid="ignore", divide="ignore"):
        found = lower + (upper - lower) * (rank - below) / here
    return np.asarray(np.where(total > 0, found, np.nan))
