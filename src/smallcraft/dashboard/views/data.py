"""Data: the quality index over releases and its factors, rows to look at, annotators, versions, splits.

Leaves to others: how things are measured (`data.quality`), flagged rows (`dashboard.findings`).
Always: an index that is not determined has no point and says what is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.charts import Axes, Line, Picture, Point, draw_lines
from smallcraft.dashboard.findings import FlaggedRow, LastCheck, last_check
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.errors import NotFoundError
from smallcraft.pipeline.report_parts.figures import words
from smallcraft.pipeline.report_parts.wording import NOT_MEASURED
from smallcraft.registry.composing import read_decision
from smallcraft.registry.memory.rows import RowChanges

ON_A_PAGE = 12
MOST_RELEASES = 30
_SPLITS = ("train", "dev", "cert")


@dataclass(frozen=True)
class Share:
    """A number with its interval.

    Attributes:
        name: Of what.
        value: None where it was not measured.
        low: Lower end of its interval; None without one.
        high: Upper end.
        note: How it was measured, or why it was not.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    note: str

    @property
    def text(self) -> str:
        """Its value, in three decimals."""
        return NOT_MEASURED if self.value is None else f"{self.value:.3f}"

    @property
    def interval(self) -> str:
        """Its interval; empty without one."""
        return "" if self.low is None or self.high is None else f"[{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class DataOfRelease:
    """The data of one release.

    Attributes:
        release: Its label.
        index: Of quality.
        factors: That it is made of.
        outcomes: How many checks failed, were undecided, passed.
        path: Of the data, as the project names it.
        digest: Of the table, short.
        splits: Name to rows.
        changes: Since its parent; None for the first, or where it cannot be told.
    """

    release: str
    index: Share
    factors: tuple[Share, ...]
    outcomes: Mapping[str, int]
    path: str
    digest: str
    splits: Mapping[str, int]
    changes: RowChanges | None


@dataclass(frozen=True)
class Annotator:
    """How one person does, measured against the others."""

    name: str
    split: str
    accuracy: Share
    n: int
    detail: str


@dataclass(frozen=True)
class Issues:
    """Flagged rows on a page.

    Attributes:
        kinds: Check, kind and how many rows.
        check: That is shown; empty for all.
        kind: That is shown; empty for all.
        rows: On this page.
        total: Of all pages.
        why: Why no content is shown; empty where it is.
        number: Of this page, from 1.
        pages: How many there are.
    """

    kinds: tuple[tuple[str, str, int], ...]
    check: str
    kind: str
    rows: tuple[FlaggedRow, ...]
    total: int
    why: str
    number: int
    pages: int


@dataclass(frozen=True)
class Checked:
    """What the last check found.

    Attributes:
        source: The file.
        index: Of quality.
        factors: That it is made of.
        checks: Each check's name, outcome and summary.
        agreement: Of annotators; None where there were not two.
        annotators: Each of them.
        issues: Rows to look at.
    """

    source: str
    index: Share
    factors: tuple[Share, ...]
    checks: tuple[tuple[str, str, str], ...]
    agreement: Share | None
    annotators: tuple[Annotator, ...]
    issues: Issues


@dataclass(frozen=True)
class DataView:
    """What stands on the page.

    Attributes:
        checked: Of the last check.
        releases: Newest first.
        n_releases: How many there are.
        picture: The index over releases; None where none has one.
    """

    checked: Part[Checked]
    releases: Part[tuple[DataOfRelease, ...]]
    n_releases: int
    picture: Picture | None


def read(sources: Sources, asked: Asked) -> DataView:
    """The page.

    Raises:
        NotFoundError: Rows of a check are asked for that flagged none.
    """
    story = read_part(sources.story)
    n = 0 if story.value is None else len(story.value.lines)
    releases = read_part(
        lambda: sources.remember("data of releases", sources.registry_stamp(), lambda: _releases(sources))
    )
    check = read_part(lambda: last_check(sources))
    checked: Part[Checked] = Part(None, check.problem, check.is_absent)
    if check.value is not None:
        checked = Part(_checked(check.value, asked))
    return DataView(checked, releases, n, _picture(releases.value or ()))


def _releases(sources: Sources) -> tuple[DataOfRelease, ...]:
    labels = [line.release for line in sources.story().lines]
    return tuple(_release(sources, label) for label in labels[: -MOST_RELEASES - 1 : -1])


def _release(sources: Sources, label: str) -> DataOfRelease:
    stored = sources.registry().find(label)
    decision = read_decision(stored)
    facts: Mapping[str, Any] = stored.release.facts
    quality, data = facts.get("quality") or {}, facts.get("data") or {}
    index = quality.get("index") or {}
    outcomes = [str(check.get("outcome")) for check in quality.get("checks") or ()]
    return DataOfRelease(
        release=label,
        index=share_of(index),
        factors=factors_of(index),
        outcomes={name: outcomes.count(name) for name in ("FAIL", "UNDECIDED", "PASS")},
        path=str(data.get("path") or "not recorded"),
        digest=str(data.get("digest") or "").removeprefix("sha256:")[:12],
        splits={
            str(name): int(split["rows"])
            for name, split in sorted((data.get("splits") or {}).items(), key=_place_of_split)
        },
        changes=None if decision is None else decision.delta.rows,
    )


def _place_of_split(item: tuple[str, Any]) -> int:
    return _SPLITS.index(item[0]) if item[0] in _SPLITS else len(_SPLITS)


def share_of(told: Mapping[str, Any]) -> Share:
    """A measurement as a check tells it.

    >>> share_of({"name": "leaked_share", "value": 0.0, "low": 0.0, "high": 0.018}).interval
    '[0.000, 0.018]'
    """
    notes = (told.get("detail"), None if told.get("value") is None else told.get("method"))
    return Share(
        words(str(told.get("name", ""))),
        told.get("value"),
        told.get("low"),
        told.get("high"),
        "; ".join(str(note).removeprefix("not measured: ") for note in notes if note),
    )


def factors_of(index: Mapping[str, Any]) -> tuple[Share, ...]:
    """What the index is made of."""
    return tuple(share_of(factor) for factor in (index.get("factors") or {}).values())


def _picture(releases: Sequence[DataOfRelease]) -> Picture | None:
    """Oldest to newest, where the index is determined."""
    indices = [one.index for one in reversed(releases)]
    points = [Point(float(place), one.value, one.low, one.high) for place, one in enumerate(indices, 1)]
    return draw_lines(
        [Line("data quality index", points)],
        Axes("release, the oldest first", "index", high=1.0),
        alt="Data quality index by release",
        caption="A lower bound: at least this share of the rows is valid, not leaked and rightly labelled.",
    )


def _checked(check: LastCheck, asked: Asked) -> Checked:
    report = check.report
    return Checked(
        source=str(report["source"]),
        index=share_of(report["index"]),
        factors=factors_of(report["index"]),
        checks=tuple((words(one["check"]), one["outcome"], one["summary"]) for one in report["checks"]),
        agreement=_agreement(report["checks"]),
        annotators=_annotators(report["checks"]),
        issues=_issues(check, asked),
    )


def _agreement(checks: Sequence[Mapping[str, Any]]) -> Share | None:
    found = [
        one
        for check in checks
        for one in check["measurements"]
        if one["name"] == "krippendorff_alpha" and one["slice"] == "all"
    ]
    return share_of(found[0]) if found else None


def _annotators(checks: Sequence[Mapping[str, Any]]) -> tuple[Annotator, ...]:
    return tuple(
        Annotator(
            str(one["slice"]).removeprefix("annotator="),
            str(one["split"]),
            share_of(one),
            int(one["n"]),
            str(one["detail"]),
        )
        for check in checks
        for one in check["measurements"]
        if one["name"] == "annotator_accuracy"
    )


def _issues(check: LastCheck, asked: Asked) -> Issues:
    kinds = check.kinds()
    named, _, kind = asked.word("issue").partition("/")
    if named and named not in {one for one, *_ in kinds}:
        listed = ", ".join(sorted({one for one, *_ in kinds})) or "none"
        raise NotFoundError(f"check '{named[:60]}' flagged no row; those that did are {listed}")
    chosen = check.of_kind(named, kind)
    pages = max(1, math.ceil(chosen.height / ON_A_PAGE))
    number = asked.number("page", 1, high=pages)
    rows = check.shown(chosen.slice((number - 1) * ON_A_PAGE, ON_A_PAGE))
    return Issues(kinds, named, kind, rows, chosen.height, check.why, number, pages)
