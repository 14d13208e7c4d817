"""Which row a person is asked next: one that waits for votes and that this person has not answered.

Holds the rules only: a campaign and its votes in, a row out; no file and no clock.
Always: after a row comes the next one in the campaign's order, then from its begin, so that a row that was
skipped comes again; nothing tells a person which arm a row is of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.label.batch import Ask
from smallcraft.label.campaign import Campaign
from smallcraft.label.vote_log import Vote

_KEYS = "123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Choice:
    """One class that may be answered; `key` is empty where there are more classes than keys."""

    label: str
    key: str


def choices_of(campaign: Campaign) -> tuple[Choice, ...]:
    """The classes in the campaign's order, each with its key: 1 to 9, then a to z."""
    keys = [*_KEYS, *[""] * max(0, len(campaign.classes) - len(_KEYS))]
    return tuple(Choice(label, key) for label, key in zip(campaign.classes, keys, strict=False))


def waiting(campaign: Campaign, votes: Sequence[Vote], who: str, *, second: bool = False) -> tuple[Ask, ...]:
    """What a person is still to be asked, in the campaign's order.

    Args:
        campaign: The round.
        votes: Of it, those that count.
        who: The person.
        second: Whether rows come too that have as many votes of others as were wanted.
    """
    mine = {vote.item for vote in votes if vote.annotator == who}
    counted = Counter(vote.item for vote in votes)
    return tuple(
        ask for ask in campaign.asks if ask.item not in mine and (second or counted[ask.item] < ask.votes)
    )


def next_ask(campaign: Campaign, left: Sequence[Ask], after: str = "") -> Ask | None:
    """The first that waits behind a row, else the first of all; None where nothing waits.

    Args:
        campaign: The round.
        left: What waits, from `waiting`.
        after: Id of the row just seen; empty for the begin.
    """
    place = {ask.item: number for number, ask in enumerate(campaign.asks)}
    behind = [ask for ask in left if ask.item != after and place[ask.item] > place.get(after, -1)]
    others = [ask for ask in left if ask.item != after]
    return next(iter([*behind, *others, *left]), None)


def suggestion_of(ask: Ask, *, is_shown: bool) -> str | None:
    """What may stand beside a row: nothing unless asked for, and never where the vote is to be blind."""
    return ask.suggestion if is_shown and ask.arm == "targeted" else None
