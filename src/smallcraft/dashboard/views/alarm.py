"""One alarm: what moved and since when, whether it does harm and by which signs, what to do about it.

Leaves to others: closing it (`dashboard.closing`), the windows (`dashboard.views.drift`).
Always: a row, word or value in which personal data is found is not shown.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.quoted import quote_values, quote_words
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views.drift import shown_e
from smallcraft.label.campaigns import Status
from smallcraft.observe.alarms import Alarm, Ending, Example, Suspect
from smallcraft.pipeline.labelling.project import statuses
from smallcraft.pipeline.report_parts.quoting import Quote
from smallcraft.pipeline.watching.past import find_alarm

ENDINGS = {
    Ending.FALSE: "nothing had changed: what was seen joins the past",
    Ending.FIXED: "what had changed is over, or will be: the old normal holds on",
    Ending.ACCEPTED: "what is seen now is the new normal: the past before it is forgotten",
}
_MOST = 12


@dataclass(frozen=True)
class SliceRow:
    """A part of a column's values; `cell` is None where it is not to be shown."""

    column: str
    cell: Quote | None
    before: float
    now: float
    share: float


@dataclass(frozen=True)
class WordRow:
    """A word that came or went; `token` is None where it is not to be shown."""

    column: str
    token: Quote | None
    before: float
    now: float
    z: float


@dataclass(frozen=True)
class ExampleRow:
    """A row that was seen; `content` is None where it is not to be shown."""

    example: Example
    content: Quote | None


@dataclass(frozen=True)
class AlarmView:
    """What stands on the page.

    Attributes:
        alarm: Itself.
        evidence: When it was raised, as text.
        level: That it had to reach, as text.
        suspects: Numbers of columns that moved, each with its evidence as text.
        slices: The largest of each column first.
        words: Those that moved most.
        examples: Some rows.
        review_rows: How many rows its batch has; None where there is none, or it is gone.
        command: That asks people about the batch.
        campaigns: That ask about its rows already.
        endings: How it may be closed, each with what it means.
    """

    alarm: Alarm
    evidence: str
    level: str
    suspects: tuple[tuple[Suspect, str], ...]
    slices: tuple[SliceRow, ...]
    words: tuple[WordRow, ...]
    examples: tuple[ExampleRow, ...]
    review_rows: int | None
    command: str
    campaigns: tuple[Status, ...]
    endings: tuple[tuple[str, str], ...]


def read(sources: Sources, asked: Asked) -> AlarmView:
    """The page of the alarm whose id stands in the path.

    Raises:
        NotFoundError: There is no such alarm.
        InvalidInputError: Several are meant.
    """
    with sources.journal() as journal:
        alarm = find_alarm(journal, asked.path["alarm"])
    found = alarm.explanation
    return AlarmView(
        alarm,
        shown_e(alarm.log_e) or "by rule",
        shown_e(alarm.log_level),
        tuple((one, shown_e(one.log_e) or "none") for one in found.suspects[:_MOST]),
        tuple(
            SliceRow(one.column, quote_words(one.cell), one.before, one.now, one.share)
            for one in found.first_slices(_MOST)
        ),
        tuple(
            WordRow(one.column, quote_words(one.token, most=40), one.before, one.now, one.z)
            for one in found.words[:_MOST]
        ),
        tuple(ExampleRow(one, quote_values(one.values)) for one in found.examples[:_MOST]),
        _review_rows(alarm, sources.places.reviews),
        f"smallcraft label next --alarm {shlex.quote(alarm.id)}",
        tuple(one for one in statuses(sources.config()) if f"alarm {alarm.id}" in one.campaign.sources),
        tuple((ending.value, meaning) for ending, meaning in ENDINGS.items()),
    )


def _review_rows(alarm: Alarm, folder: Path) -> int | None:
    """Lines of its batch, beside the others should the project have been moved since."""
    if alarm.review is None:
        return None
    path = Path(alarm.review)
    own = folder / path.name
    try:
        return (own if own.exists() else path).read_bytes().count(b"\n")
    except OSError:
        return None
