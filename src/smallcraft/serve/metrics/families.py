"""Every metric that is served, by name: what it is and which labels it has.

Names follow Prometheus' conventions: a prefix, base units, `_total` for what only rises. Dashboards and
exports are written against this table, and a test holds them to it.
Always: the collector serves these and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Family:
    """One metric.

    Attributes:
        kind: How it behaves.
        about: For the help line.
        labels: In the order in which values are given.
    """

    kind: Kind
    about: str
    labels: tuple[str, ...] = ()


_ARM = ("model", "release", "arm")
_ROLLOUT = ("model", "rollout", "release")

FAMILIES: Mapping[str, Family] = {
    "smallcraft_requests_total": Family("counter", "Replies sent, by HTTP status.", (*_ARM, "code")),
    "smallcraft_failures_total": Family(
        "counter", "Requests that an arm failed, also where the other arm answered in its place.", _ARM
    ),
    "smallcraft_retries_total": Family(
        "counter", "Requests that the other arm answered in place of this one.", _ARM
    ),
    "smallcraft_request_duration_seconds": Family("histogram", "Time until an answer was there.", _ARM),
    "smallcraft_rows_total": Family("counter", "Rows answered.", _ARM),
    "smallcraft_answers_total": Family("counter", "Rows answered, by class.", (*_ARM, "class")),
    "smallcraft_unclassified_rows_total": Family(
        "counter",
        "Rows answered without a class that the stable release has: abstentions, new classes.",
        _ARM,
    ),
    "smallcraft_escalated_rows_total": Family("counter", "Rows for which further stages were asked.", _ARM),
    "smallcraft_confidence_ratio": Family("histogram", "How probable answers were said to be.", _ARM),
    "smallcraft_batch_rows": Family("histogram", "Rows that the model was asked at once.", _ARM),
    "smallcraft_requests_in_flight": Family("gauge", "Requests being answered now.", _ARM),
    "smallcraft_requests_queued": Family("gauge", "Requests waiting now.", _ARM),
    "smallcraft_refusals_total": Family(
        "counter", "Requests that no arm was asked about, by reason.", ("reason",)
    ),
    "smallcraft_request_bytes_total": Family("counter", "Bodies read."),
    "smallcraft_reply_bytes_total": Family("counter", "Bodies sent."),
    "smallcraft_clients_gone_total": Family("counter", "Replies that nobody waited for any more."),
    "smallcraft_quarantined_bodies_total": Family("counter", "Bodies put under quarantine."),
    "smallcraft_routers": Family("gauge", "Routers that tell what they count."),
    "smallcraft_worker_memory_bytes": Family(
        "gauge", "Resident memory of a worker.", ("model", "release", "worker")
    ),
    "smallcraft_worker_restarts_total": Family(
        "counter", "Workers that were started again, by reason.", ("model", "release", "reason")
    ),
    "smallcraft_rollout_e_value": Family(
        "gauge",
        "Evidence against the new release, as an e-value; `combined` decides.",
        (*_ROLLOUT, "guardrail"),
    ),
    "smallcraft_rollout_non_inferior_e_value": Family(
        "gauge", "Evidence that the new release is not worse, as an e-value.", (*_ROLLOUT, "guardrail")
    ),
    "smallcraft_rollout_threshold": Family(
        "gauge",
        "E-values from which on the new release is held, promoted, rolled back (1 / wrong_rollback).",
        (*_ROLLOUT, "decision"),
    ),
    "smallcraft_rollout_weight_ratio": Family("gauge", "Share of traffic for the new release.", _ROLLOUT),
    "smallcraft_rollout_phase": Family(
        "gauge", "1 for the phase that a rollout is in, 0 for the others.", (*_ROLLOUT, "phase")
    ),
    "smallcraft_alarm_active": Family(
        "gauge", "1 while something needs a person, such as a state that cannot be read.", ("alarm",)
    ),
    "smallcraft_build_info": Family("gauge", "Always 1.", ("version",)),
}
