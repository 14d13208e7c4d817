"""One campaign: the row to answer, how far it is, how people agree, what it bought.

Leaves to others: which row is next (`dashboard.asking`), keeping the vote (`dashboard.voting`).
Always: neither the arm of a row nor the label that it has now stands on the page; a suggestion only where it
was asked for and may be shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.asking import Choice, choices_of, next_ask, suggestion_of, waiting
from smallcraft.dashboard.rows import texts_of_rows
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.dashboard.views.campaigns import bought_by
from smallcraft.dashboard.voting import name_of
from smallcraft.errors import DataError, NotFoundError, SmallcraftError
from smallcraft.label.batch import Ask
from smallcraft.label.campaign import Campaign
from smallcraft.label.merging import GuidelineGap, agreement_of, guideline_gaps
from smallcraft.label.vote_log import Vote, VoteImport


@dataclass(frozen=True)
class Asking:
    """The row that is asked.

    Attributes:
        item: Its id.
        number: Its place in the campaign, from 1.
        text: What to read.
        said: What this person said of it before; empty for nothing.
        suggestion: What the model says; None where nothing is shown.
        back: Id of the row that this person answered before; empty for none.
        skip: Id of the row to go on with; empty for none.
    """

    item: str
    number: int
    text: str
    said: str
    suggestion: str | None
    back: str
    skip: str


@dataclass(frozen=True)
class Person:
    """How far one person is."""

    name: str
    votes: int


@dataclass(frozen=True)
class LabellingView:
    """What stands on the page.

    Attributes:
        campaign: The round.
        votes: That came in.
        rows: That have one.
        people: Who gave them, the busiest first.
        alpha: Krippendorff's with its interval, as text; empty where nobody saw the same rows.
        shared: Rows that two people or more answered.
        gaps: Classes that people mix up.
        who: Who answers now; empty where nobody said so.
        choices: What may be answered.
        left: Rows that wait for this person.
        asking: The row; absent where nobody answers or nothing is left.
        can_suggest: Whether the campaign has suggestions that may be shown.
        suggest: Whether they are.
        second: Whether rows are asked that others answered.
        more: Rows that others answered and this person did not.
        bought: What it bought, in a sentence; empty where not measured.
    """

    campaign: Campaign
    votes: int
    rows: int
    people: tuple[Person, ...]
    alpha: str
    shared: int
    gaps: tuple[GuidelineGap, ...]
    who: str
    choices: tuple[Choice, ...]
    left: int
    asking: Part[Asking]
    can_suggest: bool
    suggest: bool
    second: bool
    more: int
    bought: str


def read(sources: Sources, asked: Asked) -> LabellingView:
    """The page of one campaign; `who` answers, about `item` or the next row that waits.

    Raises:
        NotFoundError: There is no such campaign, or it did not ask about that row.
        InvalidInputError: The name is too long.
        IntegrityError: The campaign or the vote log was changed.
    """
    campaigns = sources.campaigns()
    campaign = campaigns.find(asked.path["campaign"])
    imports = sources.remember("votes", sources.label_stamp(), campaigns.log.imports)
    votes = _votes(imports, campaign)
    who = name_of(asked) if asked.word("who") else ""
    second = asked.word("second") == "1"
    left = waiting(campaign, votes, who, second=second) if who else ()
    alpha, shared = sources.remember(
        f"agreement {campaign.id}", imports[-1].digest if imports else "", lambda: _agreement(campaign, votes)
    )
    counted = Counter(vote.annotator for vote in votes)
    return LabellingView(
        campaign=campaign,
        votes=len(votes),
        rows=len({vote.item for vote in votes}),
        people=tuple(Person(name, n) for name, n in counted.most_common()),
        alpha=alpha,
        shared=shared,
        gaps=guideline_gaps(votes),
        who=who,
        choices=choices_of(campaign),
        left=len(left),
        asking=_part(sources, asked, campaign, left, _said(imports, campaign, who)),
        can_suggest=any(suggestion_of(ask, is_shown=True) is not None for ask in campaign.asks),
        suggest=asked.word("suggest") == "1",
        second=second,
        more=len(waiting(campaign, votes, who, second=True)) if who else 0,
        bought=bought_by(sources, campaign.id),
    )


def _part(
    sources: Sources, asked: Asked, campaign: Campaign, left: Sequence[Ask], said: Mapping[str, str]
) -> Part[Asking]:
    if not asked.word("who") or campaign.state == "stopped":
        return Part(None, is_absent=True)
    ask = campaign.ask_of(asked.word("item")) if asked.word("item") else next_ask(campaign, left)
    if ask is None and asked.word("item"):
        raise NotFoundError(
            f"campaign {campaign.id} did not ask about row '{asked.word('item')[:40]}'; leave `item` out"
        )
    if ask is None:
        return Part(None, is_absent=True)
    return read_part(
        lambda: _asking(sources, campaign, ask, left, said, is_shown=asked.word("suggest") == "1")
    )


def _asking(
    sources: Sources,
    campaign: Campaign,
    ask: Ask,
    left: Sequence[Ask],
    said: Mapping[str, str],
    *,
    is_shown: bool,
) -> Asking:
    texts = texts_of_rows(sources)
    if ask.item not in texts:
        raise DataError(
            f"row {ask.item} is in the data no longer, or not in train; skip it, or put the data back"
        )
    following = next_ask(campaign, left, ask.item)
    return Asking(
        ask.item,
        1 + [one.item for one in campaign.asks].index(ask.item),
        texts[ask.item],
        said.get(ask.item, ""),
        suggestion_of(ask, is_shown=is_shown),
        _before(list(said), ask.item),
        following.item if following and following.item != ask.item else "",
    )


def _votes(imports: Sequence[VoteImport], campaign: Campaign) -> tuple[Vote, ...]:
    """Those that count, as `VoteLog.votes` tells them."""
    last = {vote.key: vote for one in imports for vote in one.votes}
    return tuple(vote for vote in last.values() if vote.campaign == campaign.id)


def _said(imports: Sequence[VoteImport], campaign: Campaign, who: str) -> Mapping[str, str]:
    """Row to the last word of a person on it, the row that was answered last at the end."""
    said: dict[str, str] = {}
    for one in imports:
        for vote in one.votes:
            if (vote.campaign, vote.annotator) == (campaign.id, who):
                said.pop(vote.item, None)
                said[vote.item] = vote.label
    return said


def _before(said: Sequence[str], item: str) -> str:
    """The row that was answered before this one; the last one where this is not answered yet."""
    place = said.index(item) if item in said else len(said)
    return said[place - 1] if place else ""


def _agreement(campaign: Campaign, votes: Sequence[Vote]) -> tuple[str, int]:
    shared = sum(n > 1 for n in Counter(vote.item for vote in votes).values())
    try:
        found = agreement_of(votes, campaign.classes) if shared else None
    except SmallcraftError:
        found = None
    if found is None or found.alpha.value is None:
        return "", shared
    interval = found.alpha.interval
    bounds = "" if interval is None else f" [{interval.low:.2f}, {interval.high:.2f}]"
    return f"{found.alpha.value:.2f}{bounds}", shared
