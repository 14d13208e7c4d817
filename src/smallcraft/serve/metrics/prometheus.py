"""The page that Prometheus scrapes, from our own numbers: text, or OpenMetrics where that is asked for.

Leaves to others: counting (`counters`, `totals`), names and help lines (`families`).
Always: every number is of one moment; label values may hold anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import MissingPartError
from smallcraft.serve.metrics.families import FAMILIES
from smallcraft.serve.metrics.reading import Reading, RolloutReading
from smallcraft.serve.metrics.shipment import Traffic
from smallcraft.serve.rollout.counts import CONFIDENCE_BINS, LATENCY_EDGES_S, LATENCY_RATIO
from smallcraft.serve.rollout.standing import Phase

try:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.registry import Collector
except ImportError as error:  # pragma: no cover - the extra is installed where tests run
    raise MissingPartError(
        "metrics need prometheus_client, which is not installed; pip install 'smallcraft[serve]'"
    ) from error

# As many of the edges as make each bucket about a third longer than the last: some 47.
_EVERY = round(math.log(1.33) / math.log(LATENCY_RATIO))
_SHOWN = slice(_EVERY - 1, None, _EVERY)
_LATENCY_LE = [f"{edge:.4g}" for edge in LATENCY_EDGES_S[_SHOWN].tolist()]
_CONFIDENCE_LE = [f"{(place + 1) / CONFIDENCE_BINS:.2f}" for place in range(CONFIDENCE_BINS)]
# Batches of more rows than this stand in the last bucket alone.
_BATCH_LE = [str(rows) for rows in range(1, 17)]
Values = Iterable[tuple[Sequence[str], float]]


@dataclass(frozen=True)
class Page:
    """What a scraper gets."""

    body: bytes
    content_type: str


def write_page(reading: Reading, *, accept: str = "") -> Page:
    """The page of a reading.

    Args:
        reading: What to show.
        accept: The scraper's header, which chooses between text and OpenMetrics.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServingCollector(reading))
    encode, content_type = choose_encoder(accept)
    return Page(body=encode(registry), content_type=content_type)


class ServingCollector(Collector):
    """Metric families of one reading, for `prometheus_client`."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterator[Any]:
        """Every family of the table that there is anything to say of."""
        reading = self._reading
        yield from _traffic(reading.totals.traffic())
        yield from _routers(reading)
        yield from _workers(reading)
        if reading.rollout is not None:
            yield from _rollout(reading.rollout)
        yield _simple("smallcraft_alarm_active", [((alarm,), 1) for alarm in reading.alarms])
        yield _simple("smallcraft_build_info", [((reading.version,), 1)])


def _traffic(parts: Sequence[Traffic]) -> Iterator[Any]:
    def counted(name: str) -> list[tuple[tuple[str, ...], float]]:
        return [(_arm(part), getattr(part, name)) for part in parts]

    replies = [((*_arm(part), str(code)), count) for part in parts for code, count in part.replies.items()]
    classes = [((*_arm(part), name), count) for part in parts for name, count in part.classes.items()]
    yield _simple("smallcraft_requests_total", replies)
    yield _simple("smallcraft_answers_total", classes)
    yield _simple("smallcraft_failures_total", counted("failures"))
    yield _simple("smallcraft_retries_total", counted("retries"))
    yield _simple("smallcraft_rows_total", counted("rows"))
    yield _simple("smallcraft_unclassified_rows_total", counted("unclassified"))
    yield _simple("smallcraft_escalated_rows_total", counted("escalated"))
    yield _simple("smallcraft_requests_in_flight", counted("in_flight"))
    yield _simple("smallcraft_requests_queued", counted("queued"))
    seconds = _histogram("smallcraft_request_duration_seconds")
    confidence = _histogram("smallcraft_confidence_ratio")
    batches = _histogram("smallcraft_batch_rows")
    for part in parts:
        # A bucket holds all bins that end at or below its edge.
        shown = np.cumsum(part.latency)[:-1][_SHOWN]
        _add(seconds, part, zip(_LATENCY_LE, shown.tolist(), strict=True), part.latency, part.seconds)
        shares = np.cumsum(part.confidence).tolist()
        _add(confidence, part, zip(_CONFIDENCE_LE, shares, strict=True), part.confidence, part.confidence_sum)
        rows = np.cumsum(part.batches)[:-1].tolist()
        _add(batches, part, zip(_BATCH_LE, rows, strict=True), part.batches, part.batch_rows)
    yield from (seconds, confidence, batches)


def _routers(reading: Reading) -> Iterator[Any]:
    totals = reading.totals
    yield _simple("smallcraft_refusals_total", [((name,), count) for name, count in totals.refusals.items()])
    yield _simple("smallcraft_request_bytes_total", [((), totals.request_bytes)])
    yield _simple("smallcraft_reply_bytes_total", [((), totals.reply_bytes)])
    yield _simple("smallcraft_clients_gone_total", [((), totals.clients_gone)])
    yield _simple("smallcraft_quarantined_bodies_total", [((), totals.quarantined)])
    yield _simple("smallcraft_routers", [((), totals.routers)])


def _workers(reading: Reading) -> Iterator[Any]:
    memory = [
        ((worker.model, worker.release, worker.worker), worker.memory_bytes)
        for worker in reading.workers
        if worker.memory_bytes is not None
    ]
    restarts = [((part.model, part.release, part.reason), part.count) for part in reading.restarts]
    yield _simple("smallcraft_worker_memory_bytes", memory)
    yield _simple("smallcraft_worker_restarts_total", restarts)


def _rollout(rollout: RolloutReading) -> Iterator[Any]:
    name = (rollout.model, rollout.rollout, rollout.release)
    against = [((*name, guardrail), value) for guardrail, value in rollout.against.items()]
    shown = [((*name, guardrail), value) for guardrail, value in rollout.non_inferior.items()]
    phases = [((*name, phase), float(phase == rollout.phase)) for phase in get_args(Phase)]
    yield _simple("smallcraft_rollout_e_value", against)
    yield _simple("smallcraft_rollout_non_inferior_e_value", shown)
    thresholds = [((*name, decision), value) for decision, value in rollout.thresholds.items()]
    yield _simple("smallcraft_rollout_threshold", thresholds)
    yield _simple("smallcraft_rollout_weight_ratio", [(name, rollout.weight)])
    yield _simple("smallcraft_rollout_phase", phases)


def _simple(name: str, values: Values) -> CounterMetricFamily | GaugeMetricFamily:
    family = FAMILIES[name]
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    written = kind(name, family.about, labels=family.labels)
    for labels, value in values:
        written.add_metric([_text(label) for label in labels], float(value))
    return written


def _histogram(name: str) -> HistogramMetricFamily:
    return HistogramMetricFamily(name, FAMILIES[name].about, labels=FAMILIES[name].labels)


def _add(
    family: HistogramMetricFamily,
    part: Traffic,
    buckets: Iterable[tuple[str, int]],
    counts: NDArray[np.int64],
    total: float,
) -> None:
    closed = [(edge, float(count)) for edge, count in buckets]
    closed.append(("+Inf", float(counts.sum())))
    family.add_metric([_text(label) for label in _arm(part)], closed, float(total))


def _arm(part: Traffic) -> tuple[str, str, str]:
    return part.model, part.release, part.arm


def _text(label: str) -> str:
    """A label as it can be sent; half of a surrogate pair cannot."""
    return label.encode("utf-8", "replace").decode("utf-8")
