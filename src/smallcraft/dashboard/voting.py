"""Takes a vote from a form into the vote log, and makes the votes of all campaigns the next data.

Leaves to others: what an answer must satisfy (`label.importing`), merging (`pipeline.labelling.answers`).
Always: a vote is on the disk before the next row is shown; one change at a time; another answer of the same
person counts instead of the earlier one, which stays in the log.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from urllib.parse import urlencode

from smallcraft.canonical import digest_value
from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.errors import InvalidInputError

TOOL = "dashboard"
MOST_NAME = 80
_LONGEST_S = 86_400.0
_lock = threading.Lock()


def give_vote(sources: Sources, asked: Asked) -> str:
    """The form's `item`, `label` and `who` as a vote; leads to the next row.

    Raises:
        InvalidInputError: The name is missing or too long, or no label was chosen.
        DataError: The campaign did not ask that, or was stopped.
    """
    from smallcraft.dashboard.asking import next_ask, waiting
    from smallcraft.label.importing import add_answers
    from smallcraft.label.sheets import Answer

    campaign_id, item, who = asked.path["campaign"], asked.word("item"), name_of(asked)
    label = asked.query.get("label", "")
    if not label:
        raise InvalidInputError("a vote says one label, got none; choose one, or skip the row")
    now = datetime.now(UTC).isoformat()
    answer = Answer(item, who, label, now, _lead_time(asked.word("seconds")), campaign_id, "the form")
    campaigns = sources.campaigns()
    with _lock:
        add_answers(
            campaigns,
            (answer,),
            tool=TOOL,
            source=TOOL,
            digest=digest_value([campaign_id, item, who, label, now]),
            time=now,
            revise=True,
            is_blind=asked.word("suggest") != "1",
        )
    campaign, votes = campaigns.find(campaign_id), campaigns.log.votes(campaign=campaign_id)
    left = waiting(campaign, votes, who, second=asked.word("second") == "1")
    following = next_ask(campaign, left, item)
    settings = {name: asked.word(name) for name in ("second", "suggest")}
    going_on = {"who": who, "item": following.item if following else "", **settings}
    return f"/label/{campaign_id}?" + urlencode({name: value for name, value in going_on.items() if value})


def settle(sources: Sources, asked: Asked) -> str:
    """Merge all votes and write the data as they are now, as `smallcraft label import` does.

    Raises:
        InvalidInputError: The same is under way.
        DataError: The data cannot be used.
    """
    from smallcraft.pipeline.labelling.answers import settle_votes
    from smallcraft.pipeline.labelling.losses import weigh_losses

    if not _lock.acquire(blocking=False):
        raise InvalidInputError("something is being written; wait for it, and send this again")
    try:
        taken = settle_votes(sources.config(), now=datetime.now(UTC))
        weigh_losses(sources.project, taken.losses)
    finally:
        _lock.release()
    told = {"changed": len(taken.merged.changed), "queue": len(taken.merged.queue)}
    version = {} if taken.version is None else {"version": taken.version.path, "split": taken.version.split}
    return f"/label/{asked.path['campaign']}?" + urlencode({**told, **version})


def name_of(asked: Asked) -> str:
    """Who answers.

    Raises:
        InvalidInputError: There is no name, or a long one.
    """
    who = " ".join(asked.word("who").split())
    if not who or len(who) > MOST_NAME or not who.isprintable():
        raise InvalidInputError(
            f"a vote has a name of 1 to {MOST_NAME} characters, got {who[:20]!r}; write who answers"
        )
    return who


def _lead_time(text: str) -> float | None:
    """Seconds that the browser measured; None where it did not."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return round(seconds, 1) if 0 <= seconds <= _LONGEST_S else None
