"""Traffic: what the running server answered, how quickly and how surely; and windows of production over time.

Leaves to others: what the server counted (`dashboard.traffic_history`), windows (`views.traffic_windows`).
Always: what was not counted is told as not measured, never as 0; every point of a chart stands in a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.charts import Axes, Chart, Line, Point, draw_bars, draw_lines
from smallcraft.dashboard.printing import as_share
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.dashboard.traffic_history import ArmTraffic, Stretch, TrafficNow
from smallcraft.dashboard.views.traffic_windows import chart_windows, watched_releases
from smallcraft.errors import NotFoundError
from smallcraft.pipeline.report_parts.wording import NOT_MEASURED, three_figures

_MOST_CLASSES = 12
_MOST_ROWS = 100
_MOST_POINTS = 300
_LEVELS = (0.5, 0.95, 0.99)
_MB = 1e6


@dataclass(frozen=True)
class Live:
    """What the running server counted since it began.

    Attributes:
        arms: A row each: release, requests, failures, quantiles, confidence, escalation, cost.
        refusals: Reason and count.
        charts: Over time, while these pages run; of class shares.
    """

    arms: Sequence[Sequence[str]]
    refusals: Sequence[tuple[str, str]]
    charts: Sequence[Chart]


@dataclass(frozen=True)
class TrafficView:
    """What stands on the page.

    Attributes:
        live: Of the running server.
        release: Whose windows are shown.
        releases: All that have some.
        windows: Over time.
    """

    live: Part[Live]
    release: str
    releases: Sequence[str]
    windows: Part[Sequence[Chart]]

    @property
    def columns(self) -> Sequence[tuple[str, bool]]:
        """Of the table of arms."""
        return ARM_COLUMNS


def read(sources: Sources, asked: Asked) -> TrafficView:
    """The page."""
    releases = watched_releases(sources)
    wanted = asked.word("release")
    release = wanted if wanted in releases else (releases[-1] if releases else "")
    return TrafficView(
        live=read_part(lambda: _live(sources)),
        release=release,
        releases=releases,
        windows=read_part(lambda: chart_windows(sources, release)),
    )


# --- the running server --------------------------------------------------------------


def _live(sources: Sources) -> Live:
    if sources.server() is None:
        raise NotFoundError(
            "no server is running on this machine for this project; `smallcraft serve` starts one, and what "
            "it counts stands here"
        )
    now = sources.traffic.last
    if now is None:
        sources.sample()
        now = sources.traffic.last
    if now is None or not now.arms:
        raise NotFoundError("the server has not counted a request yet")
    costs = {release: _cpu_s(sources, release) for _, release, _ in now.arms}
    charts: list[Chart] = []
    for model, release in dict.fromkeys((model, release) for model, release, _ in now.arms):
        stretches = sources.traffic.stretches(model, release)
        charts += [*_over_time(release, stretches), _shares(now, model, release)]
    return Live(
        arms=[_arm_row(name, arm, now, costs[name[1]]) for name, arm in sorted(now.arms.items())],
        refusals=[(reason, _whole(count)) for reason, count in sorted(now.refusals.items())],
        charts=charts,
    )


ARM_COLUMNS: Sequence[tuple[str, bool]] = (
    ("release", False),
    ("arm", False),
    ("requests", True),
    ("failures", True),
    ("error rate", True),
    ("p50, ms at most", True),
    ("p95, ms at most", True),
    ("p99, ms at most", True),
    ("mean confidence", True),
    ("escalated", True),
    ("CPU-s per 1,000", True),
    ("memory, MB", True),
)


def _arm_row(
    name: tuple[str, str, str], arm: ArmTraffic, now: TrafficNow, cpu_s: float | None
) -> Sequence[str]:
    model, release, side = name
    memory = [size for worker, size in now.memory.items() if worker[:2] == (model, release)]
    return (
        release,
        side,
        _whole(arm.requests),
        _whole(arm.failures),
        as_share(arm.failures / arm.requests if arm.requests else None),
        *(_figures(arm.latency_ms(level)) for level in _LEVELS),
        _figures(arm.confidence_mean),
        as_share(arm.escalated / arm.rows if arm.rows else None),
        _figures(cpu_s),
        _figures(sum(memory) / _MB if memory else None),
    )


def _cpu_s(sources: Sources, release: str) -> float | None:
    """CPU-seconds for 1,000 rows as its release recorded them; the server does not meter them."""
    found = read_part(lambda: sources.registry().read(release))
    if found.value is None:
        return None
    facts: Mapping[str, Any] = found.value.facts
    chosen = next((one for one in facts["candidates"] if one["rung"] == facts["chosen"]), None)
    measured = () if chosen is None else chosen["measurements"]
    return next((one["value"] for one in measured if one["name"] == "cpu_s_per_1000"), None)


def _over_time(release: str, stretches: Sequence[Stretch]) -> Sequence[Chart]:
    """While these pages run and look on."""
    shown = stretches[-_MOST_POINTS:]
    rates = draw_lines(
        [Line(release, [Point(one.at_s, one.requests_per_s) for one in shown])],
        Axes("", "requests a second", is_time=True, low=0.0),
        alt=f"Requests a second to {release} over time",
        caption=f"Requests a second to {release}, from look to look since these pages were started.",
        height=150,
    )
    times = draw_lines(
        [
            Line(f"p{100 * level:g}", [Point(one.at_s, one.latency_ms[level]) for one in shown])
            for level in _LEVELS
        ],
        Axes("", "ms at most", is_time=True, is_log=True),
        alt=f"Quantiles of the latency of {release} over time",
        caption=f"Latency of {release}: upper ends of buckets, each about a third wider than the last.",
        height=180,
    )
    columns = (
        *(("time (UTC)", False), ("requests a second", True), ("error rate", True)),
        *((f"p{100 * level:g}, ms at most", True) for level in _LEVELS),
    )
    rows = [
        (
            _clock(one.at_s),
            three_figures(one.requests_per_s),
            as_share(one.error_share),
            *(_figures(one.latency_ms[level]) for level in _LEVELS),
        )
        for one in shown[: -_MOST_ROWS - 1 : -1]
    ]
    note = "" if len(shown) <= _MOST_ROWS else f"The newest {_MOST_ROWS} of {len(shown)} looks."
    return (
        Chart(
            f"rate-{release}", f"Requests to {release}", rates, columns[:3], [row[:3] for row in rows], note
        ),
        Chart(
            f"latency-{release}",
            f"Latency of {release}",
            times,
            (columns[0], *columns[3:]),
            [(row[0], *row[3:]) for row in rows],
            note,
        ),
    )


def _shares(now: TrafficNow, model: str, release: str) -> Chart:
    counts: Counter[str] = Counter()
    for name, arm in now.arms.items():
        if name[:2] == (model, release):
            counts.update({one: int(count) for one, count in arm.classes.items()})
    total = sum(counts.values())
    most = counts.most_common(_MOST_CLASSES)
    return Chart(
        f"classes-{release}",
        f"Answers of {release}",
        draw_bars(
            [(name, count / total) for name, count in most] if total else [],
            title="share of rows",
            alt=f"The most frequent answers of {release}",
            caption=f"The {len(most)} most frequent of {len(counts)} classes that {release} answered with.",
        ),
        (("class", False), ("rows", True), ("share", True)),
        [(name, _whole(count), as_share(count / total)) for name, count in counts.most_common()],
    )


def _whole(count: float) -> str:
    return f"{count:,.0f}"


def _figures(value: float | None) -> str:
    return NOT_MEASURED if value is None else three_figures(value)


def _clock(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).strftime("%H:%M:%S")
