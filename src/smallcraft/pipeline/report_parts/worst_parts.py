"""The rows that the checks of the data doubt most, as the report shows them: a few of each check.

Always: no row of the sealed set; the content of a row in which personal data was found is not shown.
Left to others: which rows are worst (`worst_rows`), all of them (`smallcraft check`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from smallcraft.pipeline.quality_report import QualityReport, ShownRow
from smallcraft.pipeline.report_parts.figures import words
from smallcraft.pipeline.report_parts.quoting import Quote, quote
from smallcraft.pipeline.worst_rows import is_private

MOST_WORST = 12
_MOST_OF_A_CHECK = 3
_MOST_CONTENT = 240
_SEALED = "cert"


@dataclass(frozen=True)
class WorstRow:
    """One doubted row.

    Attributes:
        row: What a check says of it.
        check: Its name in words.
        content: None where it is not shown.
    """

    row: ShownRow
    check: str
    content: Quote | None


def describe_worst(report: QualityReport | None) -> tuple[WorstRow, ...]:
    """At most `MOST_WORST` rows, at most three of a check, in the order of the data quality page."""
    if report is None:
        return ()
    taken: Counter[str] = Counter()
    shown: set[tuple[str, int]] = set()
    found = []
    for row in report.rows:
        place = (row.split, row.row)
        if row.split == _SEALED or place in shown or taken[row.check] == _MOST_OF_A_CHECK:
            continue
        taken[row.check] += 1
        shown.add(place)
        found.append(WorstRow(row, words(row.check), _content(report, row)))
    return tuple(found[:MOST_WORST])


def _content(report: QualityReport, row: ShownRow) -> Quote | None:
    if is_private(report.checks, row.split, row.row):
        return None
    return quote(row.content, most=_MOST_CONTENT)
