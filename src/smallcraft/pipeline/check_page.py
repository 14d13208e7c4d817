"""The page of `smallcraft check`: one HTML file for the person who mends the data; opens offline.

What to do first stands first, then the index, the checks, the worst rows, and what each check rests on. Parts
come from `report_parts`, rows are chosen by `worst_rows`, the layout is in `pages`.
Always: equal inputs give equal bytes; whatever a person typed is shown as text, never as markup, and cut
where it is long; the content of a row in which personal data was found is not shown; the page reads without
scripts, loads nothing, and its own policy forbids it to; no check has to be known by name.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from smallcraft.pipeline.quality_report import QualityReport, ShownRow
from smallcraft.pipeline.report_parts.check_parts import by_outcome, count_flagged, describe_checks
from smallcraft.pipeline.report_parts.figures import words
from smallcraft.pipeline.report_parts.index_parts import describe_index
from smallcraft.pipeline.report_parts.quoting import Quote, inert, pieces, quote
from smallcraft.pipeline.report_parts.wording import counted
from smallcraft.pipeline.templates import page_environment
from smallcraft.pipeline.worst_rows import is_private
from smallcraft.records import CheckResult, Outcome

if TYPE_CHECKING:
    from jinja2 import Environment

_MARKS = {Outcome.PASS: "✓", Outcome.FAIL: "✕", Outcome.UNDECIDED: "?"}
_MOST_CONTENT = 320
_MOST_NAME = 40


@dataclass(frozen=True)
class RowPart:
    """One row of the table of rows; the codes are what the filters compare.

    Attributes:
        content: None where it is not shown.
        classes: Codes of its labels, given and suggested, with spaces between.
    """

    row: ShownRow
    content: Quote | None
    check: int
    kind: int
    split: int
    classes: str


@dataclass(frozen=True)
class Filters:
    """What the rows can be filtered by; a choice's place in its list is its code."""

    check: tuple[str, ...]
    kind: tuple[str, ...]
    split: tuple[str, ...]
    label: tuple[str, ...]


def render_check_page(report: QualityReport, *, now: datetime) -> str:
    """The page as one HTML document.

    Args:
        report: What the checks found.
        now: Printed as the time of the check; has a time zone.

    Returns:
        HTML without any reference to another file or host.
    """
    environment = _environment()
    script = "".join(environment.get_template(name).render() + "\n" for name in ("report.js", "check.js"))
    filters = _filters(report)
    return environment.get_template("check.html.jinja").render(
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
        marks=_MARKS,
        report=report,
        outcome=_outcome(report),
        headline=_headline(report),
        tally=_tally(report.checks),
        index=describe_index(report),
        checks=describe_checks(report.checks),
        filters=filters,
        rows=_row_parts(report, filters),
        flagged=sum(count_flagged(check) for check in report.checks),
        now=now.astimezone(UTC),
    )


def _outcome(report: QualityReport) -> Outcome:
    """The worst of the checks; an index that is undetermined never passes."""
    outcomes = {check.outcome for check in report.checks}
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    is_settled = outcomes == {Outcome.PASS} and report.index.value is not None
    return Outcome.PASS if is_settled else Outcome.UNDECIDED


def _headline(report: QualityReport) -> str:
    """What to do first, in a sentence."""
    if not report.checks:
        return "No check was made."
    first = by_outcome(report.checks)[0]
    if first.outcome is not Outcome.PASS:
        return f"First, {words(first.check)}: {_task(first)}."
    if report.index.value is None:
        return "No check found a fault. Next: have some labels looked at, so that the index can be told."
    return "No check found a fault: there is nothing to do first."


def _task(check: CheckResult) -> str:
    """What a check found first, and what to do about it."""
    if not check.findings:
        return check.summary.rstrip(".")
    finding = check.findings[0]
    task = "; ".join(part.rstrip(".") for part in (finding.what, finding.remedy) if part)
    more = len(check.findings) - 1
    return f"{task} (and {counted(more, 'more finding')})" if more else task


def _tally(checks: Sequence[CheckResult]) -> str:
    """How many checks fail, are undecided and pass; those that do not pass by name."""
    if not checks:
        return "Nothing is known about these rows yet."
    parts = []
    for outcome, said in ((Outcome.FAIL, "failed"), (Outcome.UNDECIDED, "undecided")):
        names = [
            quote(words(check.check), most=_MOST_NAME).text for check in checks if check.outcome is outcome
        ]
        parts.append(f"{len(names)} {said} ({', '.join(names)})" if names else f"none {said}")
    passed = sum(check.outcome is Outcome.PASS for check in checks)
    return f"Of {counted(len(checks), 'check')}: {'; '.join(parts)}; {passed or 'none'} passed."


def _filters(report: QualityReport) -> Filters:
    labels = {label for row in report.rows for label in (row.given, row.suggested) if label is not None}
    return Filters(
        check=tuple(dict.fromkeys(row.check for row in report.rows)),
        kind=tuple(dict.fromkeys(row.kind for row in report.rows)),
        split=tuple(dict.fromkeys(row.split for row in report.rows)),
        label=tuple(sorted(labels)),
    )


def _row_parts(report: QualityReport, filters: Filters) -> tuple[RowPart, ...]:
    codes = {label: str(code) for code, label in enumerate(filters.label)}
    return tuple(
        RowPart(
            row=row,
            content=_content(report, row),
            check=filters.check.index(row.check),
            kind=filters.kind.index(row.kind),
            split=filters.split.index(row.split),
            classes=" ".join(
                dict.fromkeys(codes[label] for label in (row.given, row.suggested) if label is not None)
            ),
        )
        for row in report.rows
    )


def _content(report: QualityReport, row: ShownRow) -> Quote | None:
    if is_private(report.checks, row.split, row.row):
        return None
    return quote(row.content, most=_MOST_CONTENT)


@cache
def _environment() -> Environment:
    # Text that cannot turn or hide other text.
    environment = page_environment(inert)
    environment.filters |= {"pieces": pieces, "words": words, "quote": _quoted}
    return environment


def _quoted(text: str, most: int) -> Quote:
    return quote(text, most=most)
