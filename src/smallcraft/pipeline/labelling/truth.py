"""What is known for sure: rows that people have settled, how people did on them, labels as they were before.

Always: a row with one answer, or two that differ, is settled by nobody; a person is judged by answers to rows
that were settled before they were asked; what a round changed is told by what stood there when it asked,
whatever the data say by now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.label.campaign import Campaign
from smallcraft.label.merging import GoldRecord, gold_records
from smallcraft.label.vote_log import Vote
from smallcraft.pipeline.labelling.rows import LabelTable

_LEAST_PEOPLE = 2
_USUAL_ROWS = 20


def known_truth(votes: Sequence[Vote]) -> Mapping[str, str]:
    """Item to label of rows on which at least two people agree and nobody differs.

    Args:
        votes: Any; a person's last word on a row counts.
    """
    said: dict[str, dict[str, str]] = {}
    for vote in votes:
        said.setdefault(vote.item, {})[vote.annotator] = vote.label
    return {
        item: next(iter(labels.values()))
        for item, labels in said.items()
        if len(labels) >= _LEAST_PEOPLE and len(set(labels.values())) == 1
    }


def gold_of(votes: Sequence[Vote]) -> tuple[GoldRecord, ...]:
    """How each person did on rows that were settled by others.

    Args:
        votes: Any; those of the arm `gold` are judged by the rest.
    """
    truth = known_truth([vote for vote in votes if vote.arm != "gold"])
    return gold_records([vote for vote in votes if vote.arm == "gold"], truth)


def skill_of(people: Sequence[GoldRecord], *, usual: float) -> float:
    """How often people are right, as if some rows had gone as they usually do.

    Args:
        people: On rows that were settled before.
        usual: What is expected of people, a fraction.
    """
    right, answered = sum(one.right for one in people), sum(one.answered for one in people)
    return (right + _USUAL_ROWS * usual) / (answered + _USUAL_ROWS)


def labels_before(table: LabelTable, campaigns: Sequence[Campaign]) -> NDArray[np.int64]:
    """`(n,)` int64 codes of the labels as they were when campaigns first asked; -1 for none.

    Args:
        table: The rows as they are now; those that nobody asked about keep their label.
        campaigns: The oldest first.
    """
    before = table.seen.truth.copy()
    place = table.place
    code = {name: number for number, name in enumerate(table.seen.classes)}
    for campaign in reversed(campaigns):
        for ask in campaign.asks:
            if ask.item in place:
                before[place[ask.item]] = -1 if ask.given is None else code.get(ask.given, -1)
    return before
