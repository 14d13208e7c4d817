"""What the running server counted, by release and arm, now and between looks at it while somebody looks on.

Leaves to others: asking for the page of metrics (`dashboard.sources`), drawing (`dashboard.views.traffic`).
Always: what was not counted is None or absent, not 0; a server that began anew has no past, so no difference
below zero is shown.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_MOST_LOOKS = 900
Buckets = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ArmTraffic:
    """What one release got as one arm, since the server began.

    Attributes:
        replies: By HTTP status.
        failures: Requests that it failed.
        rows: Answered.
        classes: Rows by class.
        unclassified: Rows without a class.
        escalated: Rows for which further stages were asked.
        latency: Upper end in seconds, and how many answers were as quick.
        confidence: Upper end, and how many rows were as unsure.
        confidence_mean: Of rows; None without any.
        in_flight: Requests being answered.
        queued: Requests waiting.
    """

    replies: Mapping[str, float] = field(default_factory=dict)
    failures: float = 0.0
    rows: float = 0.0
    classes: Mapping[str, float] = field(default_factory=dict)
    unclassified: float = 0.0
    escalated: float = 0.0
    latency: Buckets = ()
    confidence: Buckets = ()
    confidence_mean: float | None = None
    in_flight: float = 0.0
    queued: float = 0.0

    @property
    def requests(self) -> float:
        """All replies."""
        return sum(self.replies.values())

    def latency_ms(self, level: float) -> float | None:
        """Upper end of the bucket that a quantile lies in; None without answers or past the last bucket."""
        seconds = bucket_of(self.latency, level)
        return None if seconds is None else 1000 * seconds


@dataclass(frozen=True)
class TrafficNow:
    """What a server counted.

    Attributes:
        at_s: When it was asked, seconds since 1970 UTC.
        arms: By model, release and arm.
        refusals: Requests that no arm was asked about, by reason.
        memory: Resident bytes by model, release and worker.
    """

    at_s: float
    arms: Mapping[tuple[str, str, str], ArmTraffic]
    refusals: Mapping[str, float]
    memory: Mapping[tuple[str, str, str], float]


@dataclass(frozen=True)
class Stretch:
    """What all arms of a release got between two looks.

    Attributes:
        at_s: The later one.
        requests_per_s: Replies.
        error_share: Failures among requests; None without any.
        latency_ms: By quantile, upper ends of buckets; None without answers.
    """

    at_s: float
    requests_per_s: float
    error_share: float | None
    latency_ms: Mapping[float, float | None]


class TrafficLog:
    """Looks at a server, kept in memory; many threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looks: list[TrafficNow] = []

    def note(self, now: TrafficNow) -> None:
        """Remember a look; of many every other one is kept."""
        with self._lock:
            self._looks.append(now)
            if len(self._looks) > _MOST_LOOKS:
                del self._looks[1:-1:2]

    @property
    def last(self) -> TrafficNow | None:
        """The last look; None before the first."""
        with self._lock:
            return self._looks[-1] if self._looks else None

    def stretches(self, model: str, release: str) -> tuple[Stretch, ...]:
        """What a release got from look to look, oldest first."""
        with self._lock:
            looks = tuple(self._looks)
        found = []
        for before, after in itertools.pairwise(looks):
            stretch = _between(before, after, model, release)
            if stretch is not None:
                found.append(stretch)
        return tuple(found)


def bucket_of(buckets: Buckets, level: float) -> float | None:
    """Upper end of the bucket that a quantile lies in.

    >>> bucket_of(((0.1, 5.0), (0.2, 9.0), (math.inf, 10.0)), 0.5)
    0.1
    """
    n = buckets[-1][1] if buckets else 0.0
    if not n:
        return None
    edge = next(edge for edge, count in buckets if count >= level * n)
    return edge if math.isfinite(edge) else None


def read_metrics(page: str, at_s: float) -> TrafficNow:
    """What a server's page of metrics says.

    Args:
        page: In Prometheus' text form.
        at_s: When it was asked for.
    """
    from prometheus_client.parser import text_string_to_metric_families

    samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, float(sample.value)))
    names = dict.fromkeys(_arm_of(labels) for labels, _ in samples.get("smallcraft_rows_total", ()))
    return TrafficNow(
        at_s,
        {name: _arm(name, samples) for name in names},
        {labels["reason"]: value for labels, value in samples.get("smallcraft_refusals_total", ())},
        {
            (labels["model"], labels["release"], labels["worker"]): value
            for labels, value in samples.get("smallcraft_worker_memory_bytes", ())
        },
    )


Samples = Mapping[str, Sequence[tuple[Mapping[str, str], float]]]


def _arm(name: tuple[str, str, str], samples: Samples) -> ArmTraffic:
    def own(family: str) -> list[tuple[Mapping[str, str], float]]:
        found = samples.get(f"smallcraft_{family}", ())
        return [(labels, value) for labels, value in found if _arm_of(labels) == name]

    def one(family: str) -> float:
        return sum(value for _, value in own(family))

    def buckets(family: str) -> Buckets:
        return tuple(sorted((float(labels["le"]), value) for labels, value in own(f"{family}_bucket")))

    rows = one("confidence_ratio_count")
    return ArmTraffic(
        replies={labels["code"]: value for labels, value in own("requests_total")},
        failures=one("failures_total"),
        rows=one("rows_total"),
        classes={labels["class"]: value for labels, value in own("answers_total")},
        unclassified=one("unclassified_rows_total"),
        escalated=one("escalated_rows_total"),
        latency=buckets("request_duration_seconds"),
        confidence=buckets("confidence_ratio"),
        confidence_mean=one("confidence_ratio_sum") / rows if rows else None,
        in_flight=one("requests_in_flight"),
        queued=one("requests_queued"),
    )


def _arm_of(labels: Mapping[str, str]) -> tuple[str, str, str]:
    return labels.get("model", ""), labels.get("release", ""), labels.get("arm", "")


def _between(before: TrafficNow, after: TrafficNow, model: str, release: str) -> Stretch | None:
    seconds = after.at_s - before.at_s
    first, last = (_of_release(look, model, release) for look in (before, after))
    requests = sum(arm.requests for arm in last) - sum(arm.requests for arm in first)
    failures = sum(arm.failures for arm in last) - sum(arm.failures for arm in first)
    if seconds <= 0 or requests < 0 or failures < 0 or not last:
        return None
    counted = _added(last)
    for edge, count in _added(first).items():
        counted[edge] = counted.get(edge, 0.0) - count
    buckets = tuple(sorted(counted.items()))
    quantiles = {level: bucket_of(buckets, level) for level in (0.5, 0.95, 0.99)}
    return Stretch(
        after.at_s,
        requests / seconds,
        failures / requests if requests else None,
        {level: None if edge is None else 1000 * edge for level, edge in quantiles.items()},
    )


def _of_release(look: TrafficNow, model: str, release: str) -> list[ArmTraffic]:
    return [arm for name, arm in look.arms.items() if name[:2] == (model, release)]


def _added(arms: Sequence[ArmTraffic]) -> dict[float, float]:
    total: dict[float, float] = {}
    for arm in arms:
        for edge, count in arm.latency:
            total[edge] = total.get(edge, 0.0) + count
    return total
