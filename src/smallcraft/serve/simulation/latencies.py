"""How long made requests take: a log-normal body with a Pareto tail, from median and 99th percentile.

    u <  0.95:  t = median * exp(sigma * z(u))                  z the normal quantile, t(0.95) = p95
    u >= 0.95:  t = p95 * ((1 - u) / 0.05) ** (-1 / tail)       t(0.99) = p99

`p95` lies at `median * (p99 / median) ** 0.6`; a pure log-normal law would have 0.707 there, so that of the
way from median to p99 more falls into the last four percent: services stall more than a normal law says.
A release that is slower in its tail alone takes `stretch` times as long wherever `u >= 0.95`.
Always: quantiles rise with u; the tables that requests are drawn from are those of this law.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import normal_quantile

TAIL_BEGINS = 0.95
_SHARE_OF_WAY = 0.6
_POINTS = 4096


@dataclass(frozen=True)
class LatencyLaw:
    """The law above.

    Attributes:
        median_s: Half of the requests take less, in seconds.
        p99_s: 99 % of them take less.
    """

    median_s: float
    p99_s: float

    def __post_init__(self) -> None:
        if not 0 < self.median_s < self.p99_s < math.inf:
            raise InvalidInputError(
                f"latency needs 0 < median < p99, got {self.median_s:g} s and {self.p99_s:g} s; "
                "give both in seconds, as your service's own histogram has them"
            )

    @property
    def p95_s(self) -> float:
        """Where the tail begins."""
        return float(self.median_s * (self.p99_s / self.median_s) ** _SHARE_OF_WAY)

    @property
    def sigma(self) -> float:
        """Of the logarithm, in the body."""
        return math.log(self.p95_s / self.median_s) / normal_quantile(TAIL_BEGINS)

    @property
    def tail(self) -> float:
        """Pareto's index: the share that takes longer falls with that power."""
        return math.log((1 - TAIL_BEGINS) / 0.01) / math.log(self.p99_s / self.p95_s)

    def quantile_s(self, share: float) -> float:
        """Seconds that a share of the requests stays below.

        Args:
            share: In (0, 1).

        >>> law = LatencyLaw(0.020, 0.100)
        >>> round(law.quantile_s(0.5), 4), round(law.quantile_s(0.99), 4), round(law.quantile_s(0.999), 4)
        (0.02, 0.1, 0.2512)
        """
        if share < TAIL_BEGINS:
            return self.median_s * math.exp(self.sigma * normal_quantile(share))
        return float(self.p95_s * ((1 - share) / (1 - TAIL_BEGINS)) ** (-1 / self.tail))

    def share_above(self, seconds: float, *, stretch: float = 1.0) -> float:
        """How many requests take longer than some time in the tail.

        Args:
            seconds: At least `p95_s`.
            stretch: Of the tail.

        >>> law = LatencyLaw(0.020, 0.100)
        >>> round(law.share_above(law.p99_s), 6), round(law.share_above(law.p99_s, stretch=1.5), 4)
        (0.01, 0.0276)
        """
        if seconds < self.p95_s:
            raise InvalidInputError(
                f"seconds must be in the tail, from {self.p95_s:g} s on, got {seconds:g}; use `quantile_s`"
            )
        return float((1 - TAIL_BEGINS) * min(1.0, (self.p95_s * stretch / seconds) ** self.tail))


def log_quantiles(law: LatencyLaw) -> NDArray[np.float64]:
    """Natural logarithm of the body's seconds at the middle of equal parts of [0, 0.95).

    Returns:
        `(4096,)` float64, ascending.
    """
    middles = (np.arange(_POINTS) + 0.5) / _POINTS * TAIL_BEGINS
    return math.log(law.median_s) + law.sigma * np.array([normal_quantile(float(u)) for u in middles])


def normal_quantiles() -> NDArray[np.float64]:
    """Normal quantiles at the middle of equal parts of [0, 1).

    Returns:
        `(4096,)` float64, ascending.
    """
    return np.array([normal_quantile((place + 0.5) / _POINTS) for place in range(_POINTS)])
