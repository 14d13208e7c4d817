"""One comment for one project: found by a hidden marker, written anew in place, and only one of it left.

Steps: (1) own comments with the marker; (2) none: a new one, and look again; (3) the oldest gets the text;
(4) the others go. Where somebody took away the comment meanwhile, it begins again at (1).
Always: a comment of somebody else is never touched; two runs at once leave one comment with the text of one
of them, whole.
Not covered: which of two runs at once is the newer commit's; the text says which commit it judged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.errors import OvertakenError
from smallcraft.pipeline.gate_files import MOST_ROWS, render_markdown
from smallcraft.pipeline.posting.forge import Comment, Forge
from smallcraft.records import Verdict

_TURNS = 4
_FEWER = (MOST_ROWS, 100, 50, 20, 5, 0)


@dataclass(frozen=True)
class Posted:
    """What became of a summary.

    Attributes:
        where: The request.
        is_new: Whether the comment was made now.
    """

    where: str
    is_new: bool


def marker_of(subject: str) -> str:
    """The hidden first line of a project's comment; releases of one name share it.

    >>> marker_of("helpdesk@3")
    '<!-- smallcraft gate: helpdesk -->'
    """
    name = re.sub(r"([^\w.]|-)+", "-", subject.partition("@")[0])
    return f"<!-- smallcraft gate: {name} -->"


def summary_of(forge: Forge, subject: str, verdicts: Sequence[Verdict]) -> str:
    """The comment's text: the marker, the table with as many rows as the forge takes, what was judged."""
    judged = f"\n<sub>{forge.run}</sub>\n" if forge.run else ""
    for rows in _FEWER:
        table = render_markdown(subject, verdicts, most_rows=rows)
        text = f"{marker_of(subject)}\n{table}{judged}"
        if len(text) <= forge.longest:
            break
    return text


def post_summary(forge: Forge, subject: str, verdicts: Sequence[Verdict]) -> Posted:
    """Put the summary where it stood before, or make its comment.

    Args:
        forge: Comments of the request.
        subject: What was judged.
        verdicts: Of every gate.

    Raises:
        RemoteError: The forge refused, or did not answer as it should.
    """
    text, marker = summary_of(forge, subject, verdicts), marker_of(subject)
    made: Comment | None = None
    for turn in range(_TURNS):
        try:
            # (1) own comments
            known = _marked(forge, marker)
            # (2) none yet
            if not known:
                made = forge.create(text)
                known = _marked(forge, marker) or [made]
            # (3) the oldest
            if known[0].text != text:
                forge.update(known[0], text)
            # (4) the others
            for comment in known[1:]:
                forge.delete(comment)
            return Posted(forge.where, is_new=made is not None and known[0].number == made.number)
        except OvertakenError:
            if turn == _TURNS - 1:
                raise
    raise AssertionError("the last turn returns or raises")


def _marked(forge: Forge, marker: str) -> list[Comment]:
    found = [comment for comment in forge.own_comments() if comment.text.startswith(marker)]
    return sorted(found, key=lambda comment: comment.number)
