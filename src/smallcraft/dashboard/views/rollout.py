"""Rollout: weight, evidence, errors and latency over time, each receipt with its cause, orders to give.

Leaves to others: what was shown when (`dashboard.rollout_history`), giving orders (`pipeline.serving`).
Always: bands hold at all times together; every point of a chart stands in a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.charts import Axes, Chart, Limit, Line, Point, draw_lines
from smallcraft.dashboard.ordering import ORDERS
from smallcraft.dashboard.printing import as_share
from smallcraft.dashboard.rollout_history import COMBINED, QUANTILES, ArmThen, Moment
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.pipeline.report_parts.wording import NOT_MEASURED, three_figures
from smallcraft.pipeline.rollout_telling import Told
from smallcraft.serve.rollout.receipts import Receipt, check_chain
from smallcraft.serve.rollout.replaying import replay
from smallcraft.serve.rollout.standing import ENDED
from smallcraft.serve.state.database import FILE_NAME
from smallcraft.serve.state.opening import find_rollout, list_rollouts

_NAMES = {
    COMBINED: "all together",
    "errors": "errors",
    "latency": "latency",
    "drift": "drift",
    "router_health": "escalation",
}
_LEAST_E, _MOST_E = 1e-4, 1e8
_PHASES = ("loading", "shadow", "canary", "watch", "done")


@dataclass(frozen=True)
class ReceiptLine:
    """One change.

    Attributes:
        number: From 1.
        at: When, in UTC.
        rule: That decided.
        phase: From then on.
        weight: Share of traffic from then on.
        cause: Why, in words.
        digest: Of the receipt.
        again: What came of deciding it anew; empty where nobody asked.
        is_same: Whether that was the same.
    """

    number: int
    at: str
    rule: str
    phase: str
    weight: float
    cause: str
    digest: str
    again: str = ""
    is_same: bool = True


@dataclass(frozen=True)
class Earlier:
    """A rollout in the list."""

    id: str
    stable: str
    canary: str
    phase: str


@dataclass(frozen=True)
class Shown:
    """One rollout.

    Attributes:
        id: Its name.
        facts: As `smallcraft rollout status --json` tells it.
        is_under_way: Whether it has not ended.
        is_served: Whether a server runs.
        orders: That may be given now.
        places: Phase, and whether it was reached, in order.
        charts: Over time.
        receipts: Newest first.
        chain: What is wrong with them; empty for nothing.
    """

    id: str
    facts: Mapping[str, Any]
    is_under_way: bool
    is_served: bool
    orders: tuple[str, ...]
    places: Sequence[tuple[str, bool]]
    charts: Sequence[Chart]
    receipts: Sequence[ReceiptLine]
    chain: str


@dataclass(frozen=True)
class RolloutView:
    """What stands on the page.

    Attributes:
        shown: The rollout that was asked for, or the last one.
        earlier: All others, newest first.
        alarms: Of the running server.
    """

    shown: Part[Shown]
    earlier: Sequence[Earlier]
    alarms: Sequence[str]


def read(sources: Sources, asked: Asked) -> RolloutView:
    """The page."""
    wanted = asked.path.get("rollout")
    if wanted is not None:
        shown = Part(_shown(sources, sources.rollouts(wanted), asked))
    else:
        shown = read_part(lambda: _last(sources, asked))
    here = "" if shown.value is None else shown.value.id
    server = sources.server()
    alarms = [] if server is None else [*server["alarms"]]
    for model in {} if server is None else server["models"].values():
        alarms += model["alarms"]
    earlier = [rollout for rollout in _all(sources) if rollout.id != here]
    return RolloutView(shown, earlier, tuple(dict.fromkeys(alarms)))


def _last(sources: Sources, asked: Asked) -> Shown:
    told = sources.rollouts()
    if told.rollout is None:
        raise NotFoundError(
            "no rollout has begun here yet; `smallcraft rollout start RELEASE` moves traffic to a release "
            "step by step"
        )
    return _shown(sources, told, asked)


def _shown(sources: Sources, told: Told, asked: Asked) -> Shown:
    facts = told.rollout
    assert facts is not None, "a rollout that is named is told or refused"
    phase, is_served = str(facts["phase"]), told.server is not None
    is_under_way = phase not in ENDED
    moments = sources.history.moments(told.receipts)
    again = asked.number("again", 0, low=0)
    chain = ""
    try:
        check_chain(told.receipts, last=facts["last_receipt"] if not (is_served and is_under_way) else None)
    except IntegrityError as error:
        chain = str(error)
    return Shown(
        id=str(facts["id"]),
        facts=facts,
        is_under_way=is_under_way,
        is_served=is_served,
        orders=_orders(phase) if is_served else (),
        places=_places(told.receipts),
        charts=(
            _weights(moments),
            _evidence(moments, float(facts["threshold"])),
            _errors(moments),
            *(_latency(moments, level) for level in QUANTILES),
        ),
        receipts=[_line(receipt, again) for receipt in reversed(told.receipts)],
        chain=chain,
    )


def _orders(phase: str) -> tuple[str, ...]:
    if phase in ENDED:
        return ()
    return tuple(order for order in ORDERS if order != ("resume" if phase != "frozen" else "freeze"))


def _places(receipts: Sequence[Receipt]) -> Sequence[tuple[str, bool]]:
    reached = {str(receipt.form["to"]["phase"]) for receipt in receipts}
    others = [phase for phase in ("frozen", "rolled_back") if phase in reached]
    usual = [phase for phase in _PHASES if phase != "done" or "rolled_back" not in reached]
    return [(phase, phase in reached) for phase in [*usual, *others]]


def _line(receipt: Receipt, again: int) -> ReceiptLine:
    form = receipt.form
    decided = replay(receipt) if receipt.number == again else None
    return ReceiptLine(
        number=receipt.number,
        at=str(form["at"])[:19].replace("T", " "),
        rule=str(form["rule"]),
        phase=str(form["to"]["phase"]),
        weight=float(form["to"]["weight"]),
        cause=receipt.cause,
        digest=receipt.digest,
        again="" if decided is None else decided.sentence,
        is_same=decided is None or decided.agrees,
    )


def _all(sources: Sources) -> list[Earlier]:
    found: list[tuple[str, Earlier]] = []
    for path in sources.state.glob(f"*/{FILE_NAME}"):
        for rollout in list_rollouts(path.parent):
            state = find_rollout(path.parent, rollout)
            found.append((rollout, Earlier(rollout, state.stable.label, state.canary.label, state.phase)))
    return [earlier for _, earlier in reversed(found)]


# --- charts --------------------------------------------------------------------------


def _weights(moments: Sequence[Moment]) -> Chart:
    line = Line("new release", [Point(one.at_s, one.weight) for one in moments], is_stepped=True)
    return Chart(
        "weights",
        "Share of traffic",
        draw_lines(
            [line],
            Axes("", "share for the new release", is_time=True, low=0.0, high=1.0, y_format=".0%"),
            alt="The new release's share of traffic over time, in steps",
            caption="The share of requests that the new release is meant to get, changed by each receipt.",
            height=150,
        ),
        (("time (UTC)", False), ("phase", False), ("share", True)),
        [(_time(one), one.phase.replace("_", " "), as_share(one.weight)) for one in moments],
    )


def _evidence(moments: Sequence[Moment], threshold: float) -> Chart:
    names = [name for name in _NAMES if any(name in one.e_values for one in moments)]
    lines = [
        Line(_NAMES[name], [Point(one.at_s, _drawn_e(one.e_values.get(name))) for one in moments])
        for name in names[:4]
    ]
    return Chart(
        "evidence",
        "Evidence against the new release",
        draw_lines(
            lines,
            Axes("", "e-value", is_time=True, is_log=True),
            alt=f"The e-value of each guardrail over time on a log scale, against the line at {threshold:g}",
            caption=(
                "At most 1 in the mean while the new release is no worse. Where all together reach "
                f"{threshold:g} it is rolled back; a release that is no worse gets there with a chance of "
                f"{as_share(1 / threshold)} at most, however often one looks."
            ),
            limits=[Limit(threshold, f"rolled back at {threshold:g}")],
        ),
        (("time (UTC)", False), *((_NAMES[name], True) for name in names)),
        [(_time(one), *(_figures(one.e_values.get(name)) for name in names)) for one in moments],
    )


def _errors(moments: Sequence[Moment]) -> Chart:
    def line(name: str, arms: Sequence[ArmThen]) -> Line:
        return Line(name, [_rate_point(one, arm) for one, arm in zip(moments, arms, strict=True)])

    return Chart(
        "errors",
        "Error rate",
        draw_lines(
            [
                line("stable", [one.stable for one in moments]),
                line("new release", [one.canary for one in moments]),
            ],
            Axes("", "share of requests", is_time=True, low=0.0, y_format="~%"),
            alt="The error rate of both arms over time with bands",
            caption="Failures among the requests that count as evidence, so far. Each band holds at all "
            "times together with a confidence of 95 %.",
        ),
        (
            ("time (UTC)", False),
            ("stable: failures", True),
            ("stable: 95 % bounds", True),
            ("new: failures", True),
            ("new: 95 % bounds", True),
        ),
        [(_time(one), *_rate_cells(one.stable), *_rate_cells(one.canary)) for one in moments],
    )


def _latency(moments: Sequence[Moment], level: float) -> Chart:
    name = f"p{100 * level:g}"

    def line(title: str, arms: Sequence[ArmThen]) -> Line:
        points = []
        for one, arm in zip(moments, arms, strict=True):
            found = arm.latency.get(level)
            if found is None:
                points.append(Point(one.at_s, None))
            else:
                points.append(Point(one.at_s, found.ms, found.low_ms, found.high_ms))
        return Line(title, points)

    return Chart(
        f"latency-{name}",
        f"Latency, {name}",
        draw_lines(
            [
                line("stable", [one.stable for one in moments]),
                line("new release", [one.canary for one in moments]),
            ],
            Axes("", "ms", is_time=True, is_log=True),
            alt=f"{name} of the latency of both arms over time with bands",
            caption=f"{name} of all answers so far, with bands that hold at all times together (95 %).",
            height=180,
        ),
        (
            ("time (UTC)", False),
            ("stable, ms", True),
            ("stable: 95 % bounds", True),
            ("new, ms", True),
            ("new: 95 % bounds", True),
        ),
        [
            (_time(one), *_latency_cells(one.stable, level), *_latency_cells(one.canary, level))
            for one in moments
        ],
    )


def _rate_point(moment: Moment, arm: ArmThen) -> Point:
    if arm.rate is None:
        return Point(moment.at_s, None)
    return Point(moment.at_s, arm.share, arm.rate.low, arm.rate.high)


def _rate_cells(arm: ArmThen) -> tuple[str, str]:
    if arm.rate is None:
        return NOT_MEASURED, NOT_MEASURED
    return (
        f"{arm.errors:,} of {arm.subjects:,}",
        f"{as_share(arm.rate.low)} to {as_share(arm.rate.high)}",
    )


def _latency_cells(arm: ArmThen, level: float) -> tuple[str, str]:
    found = arm.latency.get(level)
    if found is None or (found.ms is None and found.low_ms is None):
        return NOT_MEASURED, NOT_MEASURED
    bounds = [_figures(end) if end is not None else "no bound" for end in (found.low_ms, found.high_ms)]
    return "timed out" if found.ms is None else _figures(found.ms), " to ".join(bounds)


def _drawn_e(value: float | None) -> float | None:
    return None if value is None else min(max(value, _LEAST_E), _MOST_E)


def _figures(value: float | None) -> str:
    return NOT_MEASURED if value is None else three_figures(value)


def _time(moment: Moment) -> str:
    return datetime.fromtimestamp(moment.at_s, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
