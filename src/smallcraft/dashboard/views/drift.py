"""Drift: windows and their evidence against the level of an alarm, alarms, months beside the budget.

Leaves to others: one alarm (`dashboard.views.alarm`), how evidence grows (`observe.guardrail`).
Always: of a long line every peak is drawn; the table beside it holds every window.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.charts import Axes, Limit, Line, Picture, Point, draw_lines
from smallcraft.dashboard.sources import Part, Sources, read_part, stamp_of
from smallcraft.dashboard.thinning import thin_out
from smallcraft.errors import NotFoundError
from smallcraft.observe.alarms import Alarm
from smallcraft.observe.digest import Digest, digest_month
from smallcraft.observe.guard_form import parse_guard
from smallcraft.observe.journal import Weighed
from smallcraft.observe.windows import EVERYTHING, month_of
from smallcraft.pipeline.watching.telling import WatchStatus

ON_A_PAGE = 50
_MOST_MONTHS = 12
_MOST_LOG = 690.0  # exp of more has no double
_LEAST_SHOWN = 1e-3
_TABLED_E = 1e6


@dataclass(frozen=True)
class WindowRow:
    """One window in the table.

    Attributes:
        start_s: Its begin, seconds since 1970 UTC.
        rows: That it saw; None where the store does not have it.
        outcome: Of the guardrail.
        evidence: After it, as text; empty for none.
        needs: Of an undecided one.
    """

    start_s: int
    rows: int | None
    outcome: str
    evidence: str
    needs: str


@dataclass(frozen=True)
class Windows:
    """Windows of one release and segment.

    Attributes:
        release: Whose.
        segment: Of its traffic; `all` for everything.
        outcomes: Each with how many windows had it, the most frequent first.
        evidence: The chart of evidence; None before the first.
        rows: The chart of rows a window; None where the store has none.
        level: Evidence that raises an alarm here, as text.
        page: Those on this page, the newest first.
        number: Of this page, from 1.
        pages: How many there are.
    """

    release: str
    segment: str
    outcomes: tuple[tuple[str, int], ...]
    evidence: Picture | None
    rows: Picture | None
    level: str
    page: tuple[WindowRow, ...]
    number: int
    pages: int


@dataclass(frozen=True)
class DriftView:
    """What stands on the page.

    Attributes:
        watch: Where watching stands.
        choices: Releases and segments that have windows, in pairs.
        windows: Of the chosen pair; None before the first window.
        open_alarms: Newest first.
        closed_alarms: Newest first.
        months: Alarms beside the budget, the newest month first.
    """

    watch: Part[WatchStatus]
    choices: tuple[tuple[str, str], ...] = ()
    windows: Windows | None = None
    open_alarms: tuple[Alarm, ...] = ()
    closed_alarms: tuple[Alarm, ...] = ()
    months: tuple[Digest, ...] = ()


def read(sources: Sources, asked: Asked) -> DriftView:
    """The page.

    Raises:
        NotFoundError: A release or segment is asked for that has no windows.
    """
    watch = read_part(sources.watch)
    status = watch.value
    if status is None:
        return DriftView(watch)
    weighed = sources.remember("weighed", sources.watch_stamp(), lambda: _read_weighed(sources))
    choices = tuple(dict.fromkeys((one.release, one.segment) for one in reversed(weighed)))
    alarms = status.alarms[::-1]
    return DriftView(
        watch,
        tuple(sorted(choices)),
        _windows(sources, asked, weighed, choices, status),
        tuple(alarm for alarm in alarms if alarm.is_open),
        tuple(alarm for alarm in alarms if not alarm.is_open),
        _months(weighed, status),
    )


def shown_e(log_e: float | None) -> str:
    """Evidence from its natural logarithm; past a million only how many digits it has matters.

    >>> shown_e(math.log(1200)), shown_e(100.0), shown_e(None)
    ('1,200', '10^43', '')
    """
    if log_e is None:
        return ""
    if log_e < math.log(_TABLED_E):
        return f"{math.exp(log_e):,.3g}" if log_e < math.log(1000) else f"{math.exp(log_e):,.0f}"
    return f"10^{log_e / math.log(10):.0f}"


def _read_weighed(sources: Sources) -> tuple[Weighed, ...]:
    with sources.journal() as journal:
        return journal.weighed()


def _windows(
    sources: Sources,
    asked: Asked,
    weighed: Sequence[Weighed],
    choices: Sequence[tuple[str, str]],
    status: WatchStatus,
) -> Windows | None:
    if not choices:
        return None
    release, segment = _chosen(asked, choices)
    mine = [one for one in weighed if (one.release, one.segment) == (release, segment)]
    rows = _rows(sources, release) if segment == EVERYTHING else {}
    log_level = _log_level(sources, release, segment, status)
    pages = max(1, math.ceil(len(mine) / ON_A_PAGE))
    number = asked.number("page", 1, high=pages)
    newest = mine[::-1][(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
    return Windows(
        release,
        segment,
        tuple(Counter(one.outcome for one in mine).most_common()),
        _evidence(mine, log_level, status.budget),
        _rows_chart([(one.start_s, rows.get(one.start_s)) for one in mine], release),
        shown_e(log_level),
        tuple(
            WindowRow(one.start_s, rows.get(one.start_s), one.outcome, shown_e(one.log_e), one.needs)
            for one in newest
        ),
        number,
        pages,
    )


def _chosen(asked: Asked, choices: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The pair that is asked for; by default all traffic of the release whose windows came last."""
    release = asked.word("release") or choices[0][0]
    segment = asked.word("segment") or EVERYTHING
    if (release, segment) in choices:
        return release, segment
    if release in {name for name, _ in choices} and not asked.word("segment"):
        return next(choice for choice in choices if choice[0] == release)
    listed = ", ".join(f"{name} ({part})" for name, part in sorted(choices)[:8])
    raise NotFoundError(f"there are no windows of '{release}' ({segment}); there are those of {listed}")


def _log_level(sources: Sources, release: str, segment: str, status: WatchStatus) -> float:
    """Of this guardrail, which has a share of the budget; of all of it where none is kept any more."""
    with sources.journal() as journal:
        saved = journal.guard(release, segment)
    return status.log_level if saved is None else parse_guard(saved).plan.log_level


def _rows(sources: Sources, release: str) -> Mapping[int, int]:
    store = sources.windows()
    months = [store.folder / month for month in store.months()]
    return sources.remember(f"rows of {release}", stamp_of(months), lambda: store.rows_by_start(release))


def _evidence(mine: Sequence[Weighed], log_level: float, budget: float) -> Picture | None:
    values = [None if one.log_e is None else min(one.log_e, _MOST_LOG) for one in mine]
    kept = thin_out(values)
    points = [
        Point(float(mine[at].start_s), None if (log_e := values[at]) is None else _drawn_e(log_e))
        for at in kept
    ]
    level = math.exp(min(log_level, _MOST_LOG))
    thinned = "" if len(kept) == len(mine) else f" {len(kept)} of {len(mine):,} points are drawn, every peak."
    return draw_lines(
        [Line("evidence M", points)],
        Axes("", "evidence M", is_time=True, is_log=True, y_format="~g"),
        alt=f"Evidence of drift by window, against the level {shown_e(log_level)} of an alarm",
        caption=(
            f"Evidence that something changed, on a log scale. At c = {shown_e(log_level)} an alarm is "
            f"raised and it begins anew: a month then has {budget:g} false ones in the mean at most.{thinned}"
        ),
        limits=[Limit(level, f"alarm at c = {shown_e(log_level)}")],
    )


def _drawn_e(log_e: float) -> float:
    """A log scale has no room for less and less; below the least, nothing is to be seen."""
    return max(math.exp(log_e), _LEAST_SHOWN)


def _rows_chart(rows: Sequence[tuple[int, int | None]], release: str) -> Picture | None:
    kept = thin_out([n for _, n in rows])
    points = [Point(float(start), None if n is None else float(n)) for start, n in (rows[at] for at in kept)]
    return draw_lines(
        [Line("rows", points)],
        Axes("", "rows a window", is_time=True, low=0.0, y_format="~s"),
        alt=f"Rows of each window of {release}",
        caption="Rows that each window saw.",
    )


def _months(weighed: Sequence[Weighed], status: WatchStatus) -> tuple[Digest, ...]:
    by_month: dict[tuple[str, str], list[Weighed]] = {}
    for one in weighed:
        by_month.setdefault((month_of(one.start_s), one.release), []).append(one)
    newest = sorted({month for month, _ in by_month}, reverse=True)[:_MOST_MONTHS]
    return tuple(
        digest_month(
            status.alarms,
            release=release,
            month=month,
            windows=len({one.start_s for one in found}),
            undecided=len({one.start_s for one in found if one.outcome == "undecided"}),
            budget=status.budget,
        )
        for (month, release), found in sorted(by_month.items(), reverse=True)
        if month in newest
    )
