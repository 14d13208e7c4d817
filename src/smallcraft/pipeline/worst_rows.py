"""Picks the rows that a person should look at first, over all checks, with what is needed to decide.

Always: rows of checks that FAIL stand before those that are UNDECIDED; within a check its own order, worst
first, is kept; each check gets its share of the places, so that none hides another; the content of a row in
which personal data was found is left out, whatever other check shows the row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.pipeline.quality_report import ShownRow
from smallcraft.records import CheckResult, Finding, FlaggedRows, Outcome, Roles

PERSONAL_DATA = "personal_data"
MOST_ROWS = 300
_OUTCOMES = (Outcome.FAIL, Outcome.UNDECIDED, Outcome.PASS)


@dataclass(frozen=True)
class _Mark:
    """A row that one check flagged, before its content is looked up."""

    check: CheckResult
    split: str
    row: int
    kind: str
    score: float | None
    suggested: str | None
    why: str
    remedy: str


def gather_rows(
    checks: Sequence[CheckResult],
    frames: Mapping[str, pl.DataFrame],
    roles: Roles,
    *,
    lines: Mapping[str, NDArray[np.int64]] | None = None,
    most: int = MOST_ROWS,
) -> tuple[ShownRow, ...]:
    """The worst rows over all checks.

    Args:
        checks: What was found.
        frames: The rows of each split that the checks speak of.
        roles: Which column plays which part.
        lines: For each split `(rows,)` positions in the user's file; None where they are not known.
        most: How many rows at most.

    Returns:
        One entry a row, check and kind; worst first.
    """
    ranked = [
        (rank, number, mark)
        for number, check in enumerate(checks)
        for rank, mark in enumerate(_marks(check, most=most))
    ]
    chosen = sorted(ranked, key=lambda entry: (entry[0], _severity(entry[2].check), entry[1]))[:most]
    chosen.sort(key=lambda entry: (_severity(entry[2].check), entry[0], entry[1]))
    return tuple(
        _shown_row(
            mark,
            frames.get(mark.split),
            roles,
            lines,
            is_withheld=is_private(checks, mark.split, mark.row),
        )
        for _, _, mark in chosen
    )


def is_private(checks: Sequence[CheckResult], split: str, row: int) -> bool:
    """Whether personal data was found in this row, so that its content must not be shown."""
    return any(
        any(flagged.split == split and row in flagged.rows for flagged in check.flagged)
        or any((finding.split, finding.row) == (split, row) for finding in check.findings)
        for check in checks
        if check.check == PERSONAL_DATA
    )


def row_content(values: Mapping[str, object], roles: Roles) -> str:
    """The row's text, then its features by name."""
    text = values.get(roles.text) if roles.text else None
    features = ", ".join(
        f"{name} = {'(missing)' if values[name] is None else values[name]}"
        for name in roles.features
        if name in values
    )
    return " · ".join(part for part in (str(text) if text is not None else "", features) if part)


def _severity(check: CheckResult) -> int:
    return _OUTCOMES.index(check.outcome)


def _marks(check: CheckResult, *, most: int) -> list[_Mark]:
    """The check's worst rows: those it tells of in words, then the others that it flagged."""
    marks = {
        (finding.split, int(finding.row), finding.kind): _told(check, finding, int(finding.row))
        for finding in check.findings
        if finding.row is not None
    }
    remedies = {finding.kind: finding.remedy for finding in reversed(check.findings)}
    for flagged, place in _by_rank(check.flagged, most=most):
        if len(marks) >= most:
            break
        key = (flagged.split, int(flagged.rows[place]), flagged.kind)
        if key not in marks:
            marks[key] = _untold(check, flagged, place, remedy=remedies.get(flagged.kind, ""))
    return list(marks.values())[:most]


def _by_rank(flagged: Sequence[FlaggedRows], *, most: int) -> Iterator[tuple[FlaggedRows, int]]:
    """First the worst row of every kind and split, then the second worst, and so on."""
    longest = max((len(rows.rows) for rows in flagged), default=0)
    for place in range(min(longest, most)):
        for rows in flagged:
            if place < len(rows.rows):
                yield rows, place


def _told(check: CheckResult, finding: Finding, row: int) -> _Mark:
    return _Mark(
        check,
        finding.split,
        row,
        finding.kind,
        finding.score,
        finding.suggested,
        finding.what,
        finding.remedy,
    )


def _untold(check: CheckResult, flagged: FlaggedRows, place: int, *, remedy: str) -> _Mark:
    why = f"row {flagged.rows[place]} of {flagged.split}: {flagged.kind or check.check.replace('_', ' ')}"
    if flagged.partner is not None and flagged.partner_split is not None and flagged.partner[place] >= 0:
        why += f", like row {flagged.partner[place]} of {flagged.partner_split}"
    score = None if flagged.score is None else float(flagged.score[place])
    suggested = None if flagged.suggested is None else flagged.suggested[place]
    return _Mark(check, flagged.split, int(flagged.rows[place]), flagged.kind, score, suggested, why, remedy)


def _shown_row(
    mark: _Mark,
    frame: pl.DataFrame | None,
    roles: Roles,
    lines: Mapping[str, NDArray[np.int64]] | None,
    *,
    is_withheld: bool,
) -> ShownRow:
    positions = (lines or {}).get(mark.split)
    values = {} if frame is None else frame.row(mark.row, named=True)
    given = values.get(roles.label)
    return ShownRow(
        split=mark.split,
        row=mark.row,
        line=None if positions is None else int(positions[mark.row]),
        content="" if is_withheld else row_content(values, roles),
        given=None if given is None else str(given),
        suggested=mark.suggested,
        kind=mark.kind,
        check=mark.check.check,
        score=mark.score,
        why=mark.why,
        remedy=mark.remedy,
    )
