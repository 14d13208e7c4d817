"""Recording and alert rules for Prometheus: what is to wake a person, and how fast failures use up a budget.

Leaves to others: what is served (`families`), pictures (`grafana`), decisions (the rollout acts by itself).
Always: no limit of its own: an alert follows from the availability that was promised, from the budget of the
project, or from what the server says of itself; the same promise gives the same rules.
Not covered: whom to call; Alertmanager routes by the label `severity` (`page`, `ticket`).

Source:
    Alerts over two windows of one budget: Google, The Site Reliability Workbook (2018), chapter 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError
from smallcraft.serve.exports.manifests import to_yaml

Rule = dict[str, object]

PERIOD_H = 720
_RATIO = "smallcraft:failed_requests:ratio_rate"
_WINDOWS = ("5m", "30m", "1h", "6h", "3d")
_FAILED_REASONS = 'reason=~"overload|not_ready"'
_ROLLOUT = "by (model, rollout, release)"


@dataclass(frozen=True)
class Burn:
    """How much of the period's budget may go in a window before somebody is told.

    Attributes:
        share: Of the budget of 30 days.
        hours: The window.
        window: The same as Prometheus writes it.
        short: A window that says whether it still goes on.
    """

    share: float
    hours: int
    window: str
    short: str

    @property
    def rate(self) -> float:
        """How many times as fast as the budget allows.

        >>> Burn(0.02, 1, "1h", "5m").rate
        14.4
        """
        return round(self.share * PERIOD_H / self.hours, 6)


FAST = (Burn(0.02, 1, "1h", "5m"), Burn(0.05, 6, "6h", "30m"))
SLOW = (Burn(0.10, 72, "3d", "6h"),)
# Below this availability not even an hour of nothing but failures burns as fast as the first alert asks.
LEAST_AVAILABILITY = 1 - 1 / FAST[0].rate


@dataclass(frozen=True)
class Promise:
    """What users of a server were promised.

    Attributes:
        availability: Share of requests that are answered, over 30 days.
        latency_p95_s: Seconds within which 95 of 100 are answered; None where nothing was promised.
    """

    availability: float = 0.999
    latency_p95_s: float | None = None


def write_rules(promise: Promise) -> str:
    """A file of rules, as Prometheus' `rule_files` and `promtool check rules` read it.

    Raises:
        InvalidInputError: An availability that no alert could follow from.
    """
    if not LEAST_AVAILABILITY < promise.availability < 1:
        raise InvalidInputError(
            f"availability must be a fraction between {LEAST_AVAILABILITY:.3f} and 1, got "
            f"{promise.availability:g}; write 0.999 for 99.9 % of requests answered"
        )
    groups = [
        {"name": "smallcraft-recorded", "rules": _recorded()},
        {
            "name": "smallcraft-alerts",
            "rules": [*_own_alerts(), *_rollout_alerts(), *_budget_alerts(promise)],
        },
    ]
    about = f"Promised: {promise.availability * 100:g} % of requests answered, over {PERIOD_H // 24} days."
    return to_yaml([{"groups": groups}], about=about)


def _recorded() -> list[Rule]:
    """The share of failed requests in each window, and the latency, so that alerts and pictures agree."""
    rules: list[Rule] = [
        {"record": f"{_RATIO}{window}", "expr": _failed_share(window)} for window in _WINDOWS
    ]
    for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
        buckets = "sum by (model, le) (rate(smallcraft_request_duration_seconds_bucket[1h]))"
        record = f"smallcraft:request_duration_seconds:{name}_rate1h"
        rules.append({"record": record, "expr": f"histogram_quantile({share}, {buckets})"})
    return rules


def _failed_share(window: str) -> str:
    """Replies of 5xx and requests that were turned away, of all that a model was to answer."""
    failed = f'(sum(rate(smallcraft_requests_total{{code=~"5.."}}[{window}])) or vector(0))'
    away = f"(sum(rate(smallcraft_refusals_total{{{_FAILED_REASONS}}}[{window}])) or vector(0))"
    every = f"(sum(rate(smallcraft_requests_total[{window}])) or vector(0))"
    return f"({failed} + {away}) / (({every} + {away}) > 0)"


def _own_alerts() -> list[Rule]:
    return [
        _alert(
            "SmallcraftAbsent",
            "absent(smallcraft_routers) or sum(smallcraft_routers) == 0",
            "page",
            "No router of smallcraft tells what it counts",
            "The server is down, or is not scraped; `smallcraft serve` says what it waits for.",
            lasts="5m",
        ),
        _alert(
            "SmallcraftNeedsPerson",
            "max by (alarm) (smallcraft_alarm_active) == 1",
            "page",
            "{{ $labels.alarm }}",
            "The server found something that it does not decide by itself; `smallcraft rollout status` says "
            "what.",
        ),
    ]


def _rollout_alerts() -> list[Rule]:
    under_way = f'max {_ROLLOUT} (smallcraft_rollout_phase{{phase=~"shadow|canary|watch"}}) == 1'
    evidence = f'max {_ROLLOUT} (smallcraft_rollout_e_value{{guardrail="combined"}})'
    hold = f'max {_ROLLOUT} (smallcraft_rollout_threshold{{decision="hold"}})'
    return [
        _alert(
            "SmallcraftRolledBack",
            f'max {_ROLLOUT} (smallcraft_rollout_phase{{phase="rolled_back"}}) == 1',
            "ticket",
            "{{ $labels.release }} was rolled back in rollout {{ $labels.rollout }}",
            "No traffic goes to it any more; `smallcraft rollout receipts` has the evidence.",
        ),
        _alert(
            "SmallcraftRolloutFrozen",
            f'max {_ROLLOUT} (smallcraft_rollout_phase{{phase="frozen"}}) == 1',
            "page",
            "Rollout {{ $labels.rollout }} of {{ $labels.release }} is frozen until a person decides",
            "`smallcraft rollout status` says why; then `smallcraft rollout resume` or `abort`.",
        ),
        _alert(
            "SmallcraftRolloutHeld",
            f"({evidence} >= {hold}) and ({under_way})",
            "ticket",
            "{{ $labels.release }} is held where it is: there is some evidence against it",
            "It is not raised while that lasts; more traffic or more time decides. `smallcraft rollout "
            "status` shows which guardrail it is.",
        ),
    ]


def _budget_alerts(promise: Promise) -> list[Rule]:
    budget = 1 - promise.availability
    found = [
        _alert(
            "SmallcraftFailuresBurnFast",
            " or ".join(_burns(burn, budget) for burn in FAST),
            "page",
            "Requests fail so often that the budget of 30 days is gone in days",
            f"Promised are {promise.availability * 100:g} % answered; {_told(FAST)}.",
        ),
        _alert(
            "SmallcraftFailuresBurnSlowly",
            " or ".join(_burns(burn, budget) for burn in SLOW),
            "ticket",
            "Requests fail more often than was promised",
            f"Promised are {promise.availability * 100:g} % answered; {_told(SLOW)}.",
        ),
    ]
    if promise.latency_p95_s is not None:
        limit = f"{promise.latency_p95_s:g}"
        found.append(
            _alert(
                "SmallcraftSlow",
                f"smallcraft:request_duration_seconds:p95_rate1h > {limit}",
                "ticket",
                "{{ $labels.model }} answers 95 of 100 requests within {{ $value | humanizeDuration }} only",
                f"The project's budget is {limit} s (latency_p95_ms in smallcraft.toml).",
                lasts="15m",
            )
        )
    return found


def _burns(burn: Burn, budget: float) -> str:
    limit = f"({burn.rate:g} * {budget:.6g})"
    return f"({_RATIO}{burn.window} > {limit} and {_RATIO}{burn.short} > {limit})"


def _told(burns: tuple[Burn, ...]) -> str:
    said = " or ".join(f"{burn.share * 100:g} % in {burn.window}" for burn in burns)
    return f"of the failures that allows in 30 days, {said} are used up"


def _alert(
    name: str, expression: str, severity: str, summary: str, description: str, *, lasts: str | None = None
) -> Rule:
    waits: Mapping[str, object] = {"for": lasts} if lasts else {}
    return {
        "alert": name,
        "expr": expression,
        **waits,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "description": description},
    }
