"""Traffic: what the running server answered, how quickly and how surely; and windows of production over time.

Leaves to others: what the server counted (`dashboard.traffic_history`), windows (`observe.store`).
Always: what was not counted is told as not measured, never as 0; every point of a chart stands in a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.charts import Axes, Line, Picture, Point, draw_bars, draw_lines
from smallcraft.dashboard.printing import as_share
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.dashboard.traffic_history import ArmTraffic, Stretch, TrafficNow
from smallcraft.data.profiles.categories import CategoryProfile
from smallcraft.data.profiles.numeric import NumericProfile
from smallcraft.errors import NotFoundError
from smallcraft.observe.store import Wanted
from smallcraft.observe.window_rows import read_windows
from smallcraft.observe.windows import EVERYTHING, shown_time
from smallcraft.pipeline.report_parts.wording import NOT_MEASURED, three_figures
from smallcraft.stats.histograms import quantiles

_CLASS, _CONFIDENCE = "answer/class", "answer/confidence"
_MOST_CLASSES = 12
_DRAWN_CLASSES = 4
_MOST_ROWS = 100
_MOST_POINTS = 300
_LEVELS = (0.5, 0.95, 0.99)
_MB = 1e6


@dataclass(frozen=True)
class Chart:
    """A picture with all its numbers.

    Attributes:
        id: Of its part of the page.
        title: Above it.
        picture: None where there is nothing to draw yet.
        columns: Title each, and whether it holds numbers.
        rows: Cells, what it is about first.
        note: Of what the table leaves out; empty for nothing.
    """

    id: str
    title: str
    picture: Picture | None
    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]
    note: str = ""


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
class WindowFacts:
    """What one window of production says of its answers.

    Attributes:
        start_s: Its begin.
        rows: That came.
        classes: Rows by class; None where answers have none.
        confidence: p5, p50 of the answers; None where they have none.
        mean: Of the confidence.
    """

    start_s: int
    rows: int
    classes: Mapping[str, int] | None
    confidence: tuple[float, float] | None
    mean: float | None


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
    releases = _releases(sources)
    wanted = asked.word("release")
    release = wanted if wanted in releases else (releases[-1] if releases else "")
    return TrafficView(
        live=read_part(lambda: _live(sources)),
        release=release,
        releases=releases,
        windows=read_part(lambda: _windows(sources, release)),
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


# --- windows -------------------------------------------------------------------------


def _releases(sources: Sources) -> Sequence[str]:
    found = read_part(
        lambda: sources.remember("window-releases", sources.watch_stamp(), sources.windows().releases)
    )
    return found.value or ()


def _windows(sources: Sources, release: str) -> Sequence[Chart]:
    if not release:
        raise NotFoundError(
            "there are no windows of production yet; with a [watch] table in smallcraft.toml `smallcraft "
            "serve` keeps what it answers, hour by hour"
        )
    stamp = f"{sources.watch_stamp()} {release}"
    facts = sources.remember("window-facts", stamp, lambda: _read_facts(sources, release))
    return [chart for chart in (_rows(facts), _class_lines(facts), _confidence(facts)) if chart is not None]


def _read_facts(sources: Sources, release: str) -> Sequence[WindowFacts]:
    wanted = Wanted(release=release, segment=EVERYTHING, columns=(_CLASS, _CONFIDENCE))
    return [
        _facts_of(window.name.start_s, window.profile.came, window.profile.columns)
        for window in read_windows(sources.windows(), wanted)
    ]


def _facts_of(start_s: int, rows: int, columns: Mapping[str, object]) -> WindowFacts:
    classes, confidence = columns.get(_CLASS), columns.get(_CONFIDENCE)
    pair, mean = None, None
    if isinstance(confidence, NumericProfile) and confidence.histogram.finite:
        found = quantiles(confidence.histogram, np.array([0.05, 0.5])).value
        pair, mean = (float(found[0]), float(found[1])), confidence.histogram.mean
    return WindowFacts(
        start_s, rows, classes.as_mapping() if isinstance(classes, CategoryProfile) else None, pair, mean
    )


def _rows(facts: Sequence[WindowFacts]) -> Chart:
    return Chart(
        "window-rows",
        "Rows a window",
        draw_lines(
            [Line("rows", [Point(one.start_s, one.rows) for one in facts])],
            Axes("", "rows", is_time=True, low=0.0),
            alt="Rows of each window over time",
            caption="How many rows came in each window of production.",
            height=150,
        ),
        (("window (UTC)", False), ("rows", True)),
        [(shown_time(one.start_s), _whole(one.rows)) for one in _newest(facts)],
        _note(facts),
    )


def _class_lines(facts: Sequence[WindowFacts]) -> Chart | None:
    totals: Counter[str] = Counter()
    for one in facts:
        totals.update(one.classes or {})
    names = [name for name, _ in totals.most_common(_DRAWN_CLASSES)]
    if not names:
        return None

    def share(one: WindowFacts, name: str) -> float | None:
        total = sum((one.classes or {}).values())
        return (one.classes or {}).get(name, 0) / total if total else None

    return Chart(
        "window-classes",
        "Shares of classes",
        draw_lines(
            [Line(name, [Point(one.start_s, share(one, name)) for one in facts]) for name in names],
            Axes("", "share of rows", is_time=True, low=0.0, y_format="~%"),
            alt="Shares of the most frequent answers over time",
            caption=f"The {len(names)} most frequent of {len(totals)} classes, window by window.",
        ),
        (("window (UTC)", False), *((name, True) for name in names)),
        [
            (shown_time(one.start_s), *(as_share(share(one, name)) for name in names))
            for one in _newest(facts)
        ],
        _note(facts),
    )


def _confidence(facts: Sequence[WindowFacts]) -> Chart | None:
    if not any(one.confidence for one in facts):
        return None
    ends = [(one.start_s, one.confidence or (None, None)) for one in facts]
    return Chart(
        "window-confidence",
        "Confidence",
        draw_lines(
            [
                Line("median", [Point(start_s, pair[1]) for start_s, pair in ends]),
                Line("lowest twentieth below", [Point(start_s, pair[0]) for start_s, pair in ends]),
            ],
            Axes("", "confidence", is_time=True, low=0.0, high=1.0),
            alt="Confidence of answers over time: median and the lowest twentieth",
            caption="How probable answers were said to be: the median, and what a twentieth lies below.",
        ),
        (("window (UTC)", False), ("mean", True), ("p5", True), ("p50", True)),
        [
            (
                shown_time(one.start_s),
                _figures(one.mean),
                *(_figures(end) for end in one.confidence or (None, None)),
            )
            for one in _newest(facts)
        ],
        _note(facts),
    )


def _newest(facts: Sequence[WindowFacts]) -> Sequence[WindowFacts]:
    return facts[: -_MOST_ROWS - 1 : -1]


def _note(facts: Sequence[WindowFacts]) -> str:
    return "" if len(facts) <= _MOST_ROWS else f"The newest {_MOST_ROWS} of {len(facts)} windows."


def _whole(count: float) -> str:
    return f"{count:,.0f}"


def _figures(value: float | None) -> str:
    return NOT_MEASURED if value is None else three_figures(value)


def _clock(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).strftime("%H:%M:%S")
