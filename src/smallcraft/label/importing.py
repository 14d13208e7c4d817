"""Takes the answers of a labelling tool into the vote log: all of a file or nothing.

1. the file is read whole by its format
2. every answer is checked against its campaign
3. what the log has already is left out; a changed answer is refused unless a revision is asked for
4. what is new is written in one line

Always: importing a file twice is importing it once; after a refusal the log is as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from smallcraft.canonical import digest_bytes
from smallcraft.errors import DataError, NotFoundError, nearest_name
from smallcraft.label.campaign import Campaign
from smallcraft.label.campaigns import Campaigns
from smallcraft.label.formats import BUILTIN
from smallcraft.label.sheets import Answer, Format
from smallcraft.label.vote_log import Vote
from smallcraft.plugins import find_plugin


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        added: Votes that are new.
        repeated: Answers that the log had already.
        revised: Of the new votes, those that replace another answer.
        skipped: Rows that a person left unanswered.
        campaigns: Ids that votes were added to.
    """

    added: int
    repeated: int
    revised: int
    skipped: int
    campaigns: tuple[str, ...]


def find_format(name: str) -> Format:
    """A format by name; `label-studio` is `label_studio`.

    Raises:
        InvalidInputError: There is none of that name.
    """
    return find_plugin("formats", name.replace("-", "_"), BUILTIN)


def import_answers(
    campaigns: Campaigns,
    data: bytes,
    *,
    format_name: str,
    source: str,
    time: str,
    campaign: str | None = None,
    revise: bool = False,
) -> Imported:
    """Import one export.

    Args:
        campaigns: Where it belongs.
        data: The file.
        format_name: Of the tool it comes from.
        source: The file's name, for messages.
        time: ISO 8601, now.
        campaign: The id for formats that do not say it, as a CSV without its column.
        revise: Let a changed answer count instead of the earlier one, which stays in the log.

    Raises:
        DataError: An unknown campaign or row, a label outside the set, a changed answer, a broken file;
        nothing
            was imported.
        IntegrityError: The log or a campaign was changed.
    """
    form = find_format(format_name)
    answers = form.read(data, source=source)  # (1)
    return add_answers(
        campaigns,
        answers,
        tool=form.name,
        source=source,
        digest=digest_bytes(data),
        time=time,
        campaign=campaign,
        revise=revise,
    )


def add_answers(
    campaigns: Campaigns,
    answers: Sequence[Answer],
    *,
    tool: str,
    source: str,
    digest: str,
    time: str,
    campaign: str | None = None,
    revise: bool = False,
    is_blind: bool = False,
) -> Imported:
    """Import answers that were read already, all of them or none.

    Args:
        campaigns: Where they belong.
        answers: As people gave them.
        tool: That they were given in.
        source: Its name, for messages.
        digest: Of the bytes that they came as.
        time: ISO 8601, now.
        campaign: The id for answers that do not say it.
        revise: Let a changed answer count instead of the earlier one, which stays in the log.
        is_blind: Whether suggestions were kept from whoever answered.

    Raises:
        DataError: As of `import_answers`; nothing was imported.
        IntegrityError: The log or a campaign was changed.
    """
    of = _campaigns_of(campaigns, answers, campaign, source)
    with campaigns.log.locked():
        votes = [
            _vote(answer, of[answer.campaign or campaign or ""], tool, source)
            for answer in answers
            if answer.label is not None
        ]  # (2)
        if is_blind:
            votes = [replace(vote, suggestion=None) for vote in votes]
        fresh, revised = _news(votes, campaigns, revise=revise, source=source)  # (3)
        if fresh:  # (4)
            campaigns.log.append(fresh, source=digest, time=time)
        touched = tuple(sorted({vote.campaign for vote in fresh}))
        # A crash may have come between votes and state: the same file then still brings the state.
        waiting = {vote.campaign for vote in votes if of[vote.campaign].state == "open"}
        for name in sorted(waiting | set(touched)):
            campaigns.move(name, "imported")
    skipped = len(answers) - len(votes)
    return Imported(len(fresh), len(votes) - len(fresh), revised, skipped, touched)


def _campaigns_of(
    campaigns: Campaigns, answers: Sequence[Answer], default: str | None, source: str
) -> Mapping[str, Campaign]:
    found: dict[str, Campaign] = {}
    for answer in answers:
        name = answer.campaign or default or ""
        if name in found:
            continue
        if not name:
            raise DataError(f"{answer.place} of {source} does not say its campaign; pass it beside the file")
        try:
            found[name] = campaigns.find(name)
        except NotFoundError as error:
            raise DataError(
                f"{answer.place} of {source} is of a campaign that is not here: {error}"
            ) from error
        if found[name].state == "stopped":
            raise DataError(
                f"{answer.place} of {source} is of campaign {name}, which was stopped; start another one"
            )
    return found


def _vote(answer: Answer, campaign: Campaign, tool: str, source: str) -> Vote:
    ask = campaign.ask_of(answer.item)
    if ask is None:
        known = [one.item for one in campaign.asks]
        raise DataError(
            f"{answer.place} of {source} answers for item '{answer.item}', which campaign {campaign.id} did "
            f"not ask about{nearest_name(answer.item, known)}; nothing was imported: keep the ids of the "
            "export"
        )
    label = answer.label
    assert label is not None
    if label not in campaign.classes:
        raise DataError(
            f"{answer.place} of {source} says '{label}', which is none of the {len(campaign.classes)} "
            f"labels{nearest_name(label, campaign.classes)}; nothing was imported: correct it there"
        )
    return Vote(
        item=answer.item,
        annotator=answer.annotator,
        label=label,
        time=answer.time,
        lead_time_s=answer.lead_time_s,
        tool=tool,
        guideline=campaign.guideline,
        campaign=campaign.id,
        arm=ask.arm,
        chance=ask.chance,
        suggestion=ask.suggestion,
    )


def _news(
    votes: Sequence[Vote], campaigns: Campaigns, *, revise: bool, source: str
) -> tuple[list[Vote], int]:
    """Votes that the log lacks, and how many of them change an answer."""
    known = {vote.key: vote for vote in campaigns.log.votes()}
    fresh: dict[tuple[str, str, str], Vote] = {}
    revised = 0
    for vote in votes:
        before, same_file = known.get(vote.key), fresh.get(vote.key)
        if same_file is not None and same_file.label != vote.label:
            raise DataError(
                f"{source}: {vote.annotator} says both '{same_file.label}' and '{vote.label}' of item "
                f"'{vote.item}'; nothing was imported: keep one"
            )
        if before is not None and before.label == vote.label:
            continue
        if before is not None and not revise:
            raise DataError(
                f"{source}: {vote.annotator} said '{before.label}' of item '{vote.item}' before and says "
                f"'{vote.label}' now; nothing was imported: ask for a revision to let the new answer count"
            )
        revised += before is not None and same_file is None
        fresh[vote.key] = vote
    return list(fresh.values()), revised
