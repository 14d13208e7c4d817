"""How a campaign ended, good or bad, as a document for the experiment memory.

Writing it into the registry belongs to `smallcraft.registry`.
Always: what was not measured is None; the digest of the vote log's last line is in it, so votes that are
taken away later show.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smallcraft.canonical import canonical_json, plain
from smallcraft.errors import IntegrityError
from smallcraft.label.campaign import Campaign
from smallcraft.label.measuring import ArmRates, Bought, Delta, cost_of_a_repair
from smallcraft.label.merging import Merged
from smallcraft.label.stopping import Stopping
from smallcraft.label.vote_log import Vote
from smallcraft.records import Interval

FORMAT = 1


@dataclass(frozen=True)
class Outcome:
    """What a round was and what came of it.

    Attributes:
        campaign: Its id.
        strategy: Of the targeted arm.
        votes: That came in.
        annotators: That gave them.
        votes_head: Digest of the last line of the vote log then.
        cost: Of the votes that came in, in the unit of its budget.
        unit: Of the budget.
        changed: Labels that are others now.
        queued: Rows left to adjudicate.
        arms: Repairs by arm; None where not measured.
        overall: What the batch bought; None where not measured.
        slices: The same on each slice.
        cost_of_a_repair: None where nothing was repaired.
        alpha: Krippendorff's, of the votes; None where nobody saw the same rows.
        advice: What to do next; empty where not asked.
        reason: Why.
    """

    campaign: str
    strategy: str
    votes: int
    annotators: int
    votes_head: str
    cost: float
    unit: str
    changed: int
    queued: int
    arms: ArmRates | None
    overall: Delta | None
    slices: tuple[Delta, ...]
    cost_of_a_repair: float | None
    alpha: float | None
    advice: str = ""
    reason: str = ""


def outcome_of(
    campaign: Campaign,
    votes: tuple[Vote, ...],
    merged: Merged,
    *,
    votes_head: str,
    bought: Bought | None = None,
    arms: ArmRates | None = None,
    alpha: float | None = None,
    stopping: Stopping | None = None,
) -> Outcome:
    """The outcome of a round.

    Args:
        campaign: The round.
        votes: Its votes.
        merged: What stands after them.
        votes_head: Digest of the log's last line.
        bought: What was measured; None where nothing was.
        arms: Repairs by arm.
        alpha: Agreement.
        stopping: What to do next.
    """
    cost = cost_of_votes(campaign, votes)
    return Outcome(
        campaign=campaign.id,
        strategy=campaign.strategy,
        votes=len(votes),
        annotators=len({vote.annotator for vote in votes}),
        votes_head=votes_head,
        cost=cost,
        unit=campaign.budget.unit,
        changed=len(merged.changed),
        queued=len(merged.queue),
        arms=arms,
        overall=bought.overall if bought else None,
        slices=bought.slices if bought else (),
        cost_of_a_repair=cost_of_a_repair(cost, len(merged.changed)),
        alpha=alpha,
        advice=stopping.advice if stopping else "",
        reason=stopping.reason if stopping else "",
    )


def cost_of_votes(campaign: Campaign, votes: Sequence[Vote]) -> float:
    """What votes on its rows cost a campaign, in the unit of its budget; where rows are paid, each once."""
    actions = {ask.item: ask.action for ask in campaign.asks}
    asked = [vote.item for vote in votes if vote.item in actions]
    if campaign.budget.unit == "rows":
        return float(len(set(asked)))
    return sum(campaign.budget.of_vote(actions[item]) for item in asked)


def encode_outcome(outcome: Outcome) -> bytes:
    """Its document: canonical JSON."""
    return canonical_json({"format": FORMAT, "kind": "campaign", **plain(outcome)})


def parse_outcome(data: bytes, *, source: str) -> Outcome:
    """An outcome from its document.

    Args:
        data: The bytes.
        source: Where they are from, for messages.

    Raises:
        IntegrityError: They are not what `encode_outcome` writes.
    """
    try:
        document: dict[str, Any] = json.loads(data)
        if (document.pop("format"), document.pop("kind")) != (FORMAT, "campaign"):
            raise ValueError("another kind of document")  # noqa: TRY301 - told below with the rest
        arms, overall = document["arms"], document["overall"]
        difference = arms and arms["difference"]
        found = {
            "arms": arms
            and ArmRates(**{**arms, "difference": Interval(**difference) if difference else None}),
            "overall": overall and _delta(overall),
            "slices": tuple(map(_delta, document["slices"])),
        }
        return Outcome(**{**document, **found})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise IntegrityError(
            f"{source} is no outcome of a campaign ({error}); put it back from a copy"
        ) from error


def _delta(document: dict[str, Any]) -> Delta:
    return Delta(
        **{**document, "interval": Interval(**document["interval"]), "of_seed": tuple(document["of_seed"])}
    )
