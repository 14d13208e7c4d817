"""The panels of the dashboard: what each asks Prometheus, and how that is drawn.

Leaves to others: where they stand, the variables at the top (`grafana`).
Always: every metric that is asked for is one that is served (`families`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_ROLLOUT = 'model=~"$model", rollout=~"$rollout"'
_ARM = 'model=~"$model", release=~"$release"'
_BY = "by (release, arm)"
_DURATION = "smallcraft_request_duration_seconds"
_RESTARTS = "smallcraft_worker_restarts_total"
Unit = Literal["percentunit", "s", "reqps", "short", "bytes", "none", "Bps"]
Drawn = Literal["timeseries", "state-timeline", "stat"]


@dataclass(frozen=True)
class Query:
    """One question.

    Attributes:
        expression: In PromQL.
        legend: Of its lines, with labels in double braces.
    """

    expression: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        title: Above it.
        about: What to make of it.
        queries: Drawn together.
        unit: Of its axis.
        drawn: As what.
        is_log: Whether the axis is logarithmic.
        dashed: A pattern of legends that are limits and no measurements.
        top: Where the axis ends; None for where the numbers do.
        is_stacked: Whether lines are put on top of each other.
    """

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: Unit = "short"
    drawn: Drawn = "timeseries"
    is_log: bool = False
    dashed: str = ""
    top: float | None = None
    is_stacked: bool = False


def _rate(metric: str, labels: str = _ARM) -> str:
    return f"rate({metric}{{{labels}}}[$__rate_interval])"


def _by(expression: str, by: str = _BY) -> str:
    return f"sum {by} ({expression})"


def _share(part: str, whole: str) -> str:
    return f"{_by(_rate(part))} / {_by(_rate(whole))}"


def _quantile(share: float) -> Query:
    buckets = _by(_rate(f"{_DURATION}_bucket"), "by (le, release, arm)")
    return Query(f"histogram_quantile({share}, {buckets})", f"p{share * 100:g} {{{{release}}}} {{{{arm}}}}")


_FAILED = _by(_rate("smallcraft_failures_total"))
_ANSWERED = _by(_rate(f"{_DURATION}_count"))
_WHO = "{{release}} {{arm}}"

ROLLOUT_PANELS = (
    Panel(
        "Traffic for the new release",
        "Raised only on evidence; back to 0 in an instant when there is evidence against it.",
        (Query(f"smallcraft_rollout_weight_ratio{{{_ROLLOUT}}}", "{{release}}"),),
        unit="percentunit",
        top=1.0,
    ),
    Panel(
        "Evidence against the new release",
        "E-values: `combined` rolls it back at the one dashed line, and holds it where it is from the other "
        "on. No worse a release ever reaches the upper line with more than the declared chance.",
        (
            Query(f"clamp_min(smallcraft_rollout_e_value{{{_ROLLOUT}}}, 0.001)", "{{guardrail}}"),
            Query(f'smallcraft_rollout_threshold{{{_ROLLOUT}, decision=~"roll_back|hold"}}', "{{decision}}"),
        ),
        unit="none",
        is_log=True,
        dashed="/roll_back|hold/",
    ),
    Panel(
        "Evidence that it is not worse",
        "E-values. Every guardrail has to reach the dashed line before the new release is promoted.",
        (
            Query(
                f"clamp_min(smallcraft_rollout_non_inferior_e_value{{{_ROLLOUT}}}, 0.001)", "{{guardrail}}"
            ),
            Query(f'smallcraft_rollout_threshold{{{_ROLLOUT}, decision="promote"}}', "{{decision}}"),
        ),
        unit="none",
        is_log=True,
        dashed="/promote/",
    ),
    Panel(
        "Phase",
        "loading, shadow, canary, watch, done; or rolled_back, or frozen until a person decides.",
        (Query(f"smallcraft_rollout_phase{{{_ROLLOUT}}} == 1", "{{release}}: {{phase}}"),),
        unit="none",
        drawn="state-timeline",
    ),
)

TRAFFIC_PANELS = (
    Panel(
        "Failed requests",
        "Of each arm, also where the other arm answered in its place and the client saw nothing.",
        (Query(f"{_FAILED} / ({_FAILED} + {_ANSWERED})", _WHO),),
        unit="percentunit",
    ),
    Panel(
        "Time until an answer was there",
        "50, 95 and 99 of 100 requests were faster.",
        tuple(_quantile(share) for share in (0.5, 0.95, 0.99)),
        unit="s",
        is_log=True,
    ),
    Panel(
        "Replies",
        "By what clients were told.",
        (Query(_by(_rate("smallcraft_requests_total"), "by (code)"), "{{code}}"),),
        unit="reqps",
        is_stacked=True,
    ),
    Panel(
        "Refused before any model was asked",
        "By reason: too large, too slow, overloaded, not understood.",
        (Query(_by(_rate("smallcraft_refusals_total", ""), "by (reason)"), "{{reason}}"),),
        unit="reqps",
        is_stacked=True,
    ),
)

ANSWER_PANELS = (
    Panel(
        "Shares of classes",
        "Of the rows that each release gave a class.",
        (
            Query(
                f"{_by(_rate('smallcraft_answers_total'), 'by (release, arm, class)')} / on (release, arm) "
                f"group_left () {_by(_rate('smallcraft_answers_total'))}",
                "{{class}} {{arm}}",
            ),
        ),
        unit="percentunit",
        top=1.0,
    ),
    Panel(
        "Rows sent on to later stages, rows without a class",
        "What a cascade escalates, and what was abstained from or is new.",
        (
            Query(_share("smallcraft_escalated_rows_total", "smallcraft_rows_total"), f"escalated {_WHO}"),
            Query(_share("smallcraft_unclassified_rows_total", "smallcraft_rows_total"), f"no class {_WHO}"),
        ),
        unit="percentunit",
    ),
    Panel(
        "Confidence",
        "Mean of what each release says of its own answers.",
        (Query(_share("smallcraft_confidence_ratio_sum", "smallcraft_confidence_ratio_count"), _WHO),),
        unit="percentunit",
        top=1.0,
    ),
)

MACHINE_PANELS = (
    Panel(
        "Under way and waiting",
        "Requests that are being answered, and those in the queue.",
        (
            Query(f"sum {_BY} (smallcraft_requests_in_flight{{{_ARM}}})", f"under way {_WHO}"),
            Query(f"sum {_BY} (smallcraft_requests_queued{{{_ARM}}})", f"waiting {_WHO}"),
        ),
    ),
    Panel(
        "Rows asked at once",
        "Mean size of the batches that form of themselves under load.",
        (Query(_share("smallcraft_batch_rows_sum", "smallcraft_batch_rows_count"), _WHO),),
    ),
    Panel(
        "Memory of workers",
        "A worker above its limit is replaced when its batch is done.",
        (Query(f"smallcraft_worker_memory_bytes{{{_ARM}}}", "{{release}} {{worker}}"),),
        unit="bytes",
    ),
    Panel(
        "Workers started again, alarms",
        "What needs a person is 1 here until it is mended.",
        (
            Query(
                f"sum by (release, reason) (increase({_RESTARTS}{{{_ARM}}}[$__rate_interval]))",
                "{{release}}: {{reason}}",
            ),
            Query("smallcraft_alarm_active", "alarm: {{alarm}}"),
        ),
        unit="none",
    ),
)
