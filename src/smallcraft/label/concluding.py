"""What came of a campaign: its labels, its arms compared, what it bought, and the outcome to remember.

Always: without a trainer and frozen rows nothing is said to be bought; gold rows are of neither arm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smallcraft.label.campaign import Campaign
from smallcraft.label.measuring import ArmRates, Bought, Trainer, compare_arms, measure_batch
from smallcraft.label.merging import Merged, agreement_of, merge_votes
from smallcraft.label.outcome import Outcome, outcome_of
from smallcraft.label.stopping import NextBatch, Stopping, advise
from smallcraft.label.vote_log import Vote
from smallcraft.records import Predictions


@dataclass(frozen=True)
class Trial:
    """How to measure.

    Attributes:
        train: The trainer; its training rows are the campaign's table.
        frozen: `(m,)` int64 adjudicated codes of rows that nobody trains on.
        seeds: One or more.
        slices: Name to `(m,)` bool over the frozen rows.
    """

    train: Trainer
    frozen: NDArray[np.int64]
    seeds: Sequence[int] = (0, 1, 2)
    slices: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plans:
    """What is wanted next: the next batch, and what a point of accuracy is worth in the unit of the cost."""

    following: NextBatch
    worth: float


@dataclass(frozen=True)
class Conclusion:
    """The labels after a round, what it bought, and its outcome."""

    merged: Merged
    bought: Bought | None
    outcome: Outcome


def conclude_campaign(
    campaign: Campaign,
    votes: Sequence[Vote],
    *,
    items: Sequence[str],
    given: NDArray[np.int64],
    model: Predictions | None,
    votes_head: str,
    truth: NDArray[np.int64] | None = None,
    trial: Trial | None = None,
    plans: Plans | None = None,
) -> Conclusion:
    """Merge the votes, compare the arms, measure, and put it on record.

    Args:
        campaign: The round.
        votes: Its votes.
        items: `n` ids of the table.
        given: `(n,)` int64 labels before the round, -1 for none.
        model: Out-of-sample answers on the table; None without.
        votes_head: Digest of the last line of the vote log.
        truth: `(n,)` int64 adjudicated codes, -1 for none.
        trial: How to measure; None to leave that unmeasured.
        plans: What is wanted next; None to give no advice.

    Raises:
        InvalidInputError: Parts of other rows.
    """
    merged = merge_votes(items, given, votes, classes=campaign.classes, model=model, truth=truth)
    bought = None
    if trial is not None:
        bought = measure_batch(
            trial.train,
            before=given,
            after=merged.label,
            truth=trial.frozen,
            seeds=trial.seeds,
            slices=trial.slices,
        )
    agreement = agreement_of(votes, campaign.classes)
    outcome = outcome_of(
        campaign,
        tuple(votes),
        merged,
        votes_head=votes_head,
        bought=bought,
        arms=arms_of(votes, merged, items),
        alpha=agreement.alpha.value if agreement else None,
        stopping=_advice(bought, plans),
    )
    return Conclusion(merged, bought, outcome)


def arms_of(votes: Sequence[Vote], merged: Merged, items: Sequence[str]) -> ArmRates:
    """Labels changed a row asked about, by arm.

    Args:
        votes: Of one round.
        merged: What stands after them.
        items: Ids of the table.
    """
    place = {item: row for row, item in enumerate(items)}
    changed = np.zeros(len(items), dtype=np.bool_)
    changed[merged.changed] = True
    rows = {
        arm: sorted({place[vote.item] for vote in votes if vote.arm == arm and vote.item in place})
        for arm in ("targeted", "random")
    }
    return compare_arms(
        targeted_changed=int(changed[rows["targeted"]].sum()),
        targeted_rows=len(rows["targeted"]),
        random_changed=int(changed[rows["random"]].sum()),
        random_rows=len(rows["random"]),
    )


def audited_rows(votes: Sequence[Vote], merged: Merged, items: Sequence[str]) -> NDArray[np.int64]:
    """`(n,)` int64 labels of the random arm's rows after the votes, -1 elsewhere.

    They were drawn blindly, so what they show of labels and doubts holds for all rows: the next round's
    doubts are calibrated on them (`label.doubt`).
    """
    drawn = {vote.item for vote in votes if vote.arm == "random"}
    is_drawn = np.array([item in drawn for item in items], dtype=np.bool_)
    return np.where(is_drawn & merged.voted, merged.label, -1)


def _advice(bought: Bought | None, plans: Plans | None) -> Stopping | None:
    if plans is None:
        return None
    return advise(bought.overall if bought else None, plans.following, worth=plans.worth)
