"""The requests of a made service: how many, how often they fail, how long they take, who sends them.

Arrivals are a Poisson process. A failure, a latency, an answered class and a confidence are drawn for each
request on its own, given who sends it and which release answers.
Left to others: what a new release does differently (`simulation.scenarios`), drawing (`simulation.requests`).
"""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.errors import InvalidInputError
from smallcraft.serve.simulation.latencies import LatencyLaw


@dataclass(frozen=True)
class Keys:
    """Senders that always meet the same arm, and differ.

    A key is drawn by Zipf's law: the i-th most frequent with a chance proportional to `i ** -zipf`. Its
    error rate is the service's times a log-normal factor of mean 1, its latencies times another of median 1.

    Attributes:
        count: How many there are.
        zipf: The exponent; at 1.1 the most frequent of 5,000 sends every sixth request.
        error_spread: Standard deviation of the logarithm of a key's error rate; 0 for none.
        latency_spread: The same of its latencies: long texts, far clients.
    """

    count: int = 5000
    zipf: float = 1.1
    error_spread: float = 1.0
    latency_spread: float = 0.4

    def __post_init__(self) -> None:
        if self.count < 1 or min(self.zipf, self.error_spread, self.latency_spread) < 0:
            raise InvalidInputError(
                f"keys need a count of at least 1 and an exponent and spreads of at least 0, got {self}"
            )


@dataclass(frozen=True)
class Traffic:
    """A service as its stable release answers it.

    Attributes:
        requests_s: Requests a second, on average.
        error_rate: Share that fails, in [0, 1).
        median_s: Half of the requests take less, in seconds.
        p99_s: 99 % of them take less.
        keys: None for requests without a key, each with an arm of its own.
        classes: How often each class is answered; they add up to 1.
        sureness: Mean confidence, in (0, 1).
        disagreement: Share of rows to which both releases answer differently though nothing is wrong.
        allowed_disagreement: The share that the release declares.
        escalation: Share of rows for which further stages are asked; None for a model without stages.
    """

    requests_s: float = 50.0
    error_rate: float = 0.01
    median_s: float = 0.020
    p99_s: float = 0.100
    keys: Keys | None = None
    classes: tuple[float, ...] = (0.36, 0.22, 0.15, 0.10, 0.07, 0.05, 0.03, 0.02)
    sureness: float = 0.85
    disagreement: float = 0.02
    allowed_disagreement: float = 0.05
    escalation: float | None = None

    def __post_init__(self) -> None:
        if not self.requests_s > 0:
            raise InvalidInputError(f"traffic needs requests_s above 0, got {self.requests_s:g}")
        rates = {
            "error_rate": self.error_rate,
            "disagreement": self.disagreement,
            "allowed_disagreement": self.allowed_disagreement,
            "escalation": self.escalation or 0.0,
        }
        for name, rate in rates.items():
            if not 0 <= rate < 1:
                raise InvalidInputError(f"{name} must be a share in [0, 1), got {rate:g}; write 0.01 for 1%")
        if abs(sum(self.classes) - 1) > 1e-9 or min(self.classes) < 0 or not 0 < self.sureness < 1:
            raise InvalidInputError(
                f"classes must be shares that add up to 1 and sureness in (0, 1), "
                f"got {self.classes} and {self.sureness:g}"
            )
        LatencyLaw(self.median_s, self.p99_s)

    @property
    def latency(self) -> LatencyLaw:
        """The law of one request's seconds."""
        return LatencyLaw(self.median_s, self.p99_s)
