"""Windows of production over time: rows, shares of classes, confidence; window by window.

Leaves to others: storing them (`observe.store`), what changed in them (`dashboard.views.drift`).
Always: a window without a measurement is a gap, not 0; the newest windows stand in the tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smallcraft.dashboard.charts import Axes, Chart, Line, Point, draw_lines
from smallcraft.dashboard.printing import as_share
from smallcraft.dashboard.sources import Sources, read_part
from smallcraft.data.profiles.categories import CategoryProfile
from smallcraft.data.profiles.numeric import NumericProfile
from smallcraft.errors import NotFoundError
from smallcraft.observe.store import Wanted
from smallcraft.observe.window_rows import read_windows
from smallcraft.observe.windows import EVERYTHING, shown_time
from smallcraft.pipeline.report_parts.wording import NOT_MEASURED, three_figures
from smallcraft.stats.histograms import quantiles

_CLASS, _CONFIDENCE = "answer/class", "answer/confidence"
_DRAWN_CLASSES = 4
_MOST_ROWS = 100


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


def watched_releases(sources: Sources) -> Sequence[str]:
    """Releases that have windows, in the order of their names."""
    found = read_part(
        lambda: sources.remember("window-releases", sources.watch_stamp(), sources.windows().releases)
    )
    return found.value or ()


def chart_windows(sources: Sources, release: str) -> Sequence[Chart]:
    """What the windows of a release show over time.

    Raises:
        NotFoundError: There are none yet.
        IntegrityError: One is damaged.
    """
    if not release:
        raise NotFoundError(
            "there are no windows of production yet; with a [watch] table in smallcraft.toml `smallcraft "
            "serve` keeps what it answers, hour by hour"
        )
    stamp = f"{sources.watch_stamp()} {release}"
    return sources.remember("window-charts", stamp, lambda: _draw(_read_facts(sources, release)))


def _draw(facts: Sequence[WindowFacts]) -> Sequence[Chart]:
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
