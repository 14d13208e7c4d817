import numpy as np
import pytest
from tests.label.rounds import CLASSES, NOW, probabilities, vote

from smallcraft.label.batch import Budget
from smallcraft.label.concluding import Plans, Trial, arms_of, audited_rows, conclude_campaign
from smallcraft.label.merging import Merged
from smallcraft.label.outcome import encode_outcome, parse_outcome
from smallcraft.label.proposing import propose_campaign
from smallcraft.label.stopping import NextBatch
from smallcraft.records import Predictions

ROWS = 600


@pytest.fixture(scope="module")
def round_done():
    """A fifth of the labels wrong, a campaign on them, a person who answers it rightly."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, ROWS)
    given = np.where(rng.random(ROWS) < 0.2, (truth + 1) % 3, truth)
    seen = Predictions(CLASSES, given, probabilities(truth, rng=rng, k=3))
    items = [f"i{row}" for row in range(ROWS)]
    campaign = propose_campaign(
        items, seen, budget=Budget(120), created=NOW, seed=0, strategy="relabel_value"
    ).campaign
    votes = [
        vote(ask.item, who, CLASSES[truth[ask.row]], campaign=campaign.id, arm=ask.arm)
        for ask in campaign.asks
        for who in ("ann", "bob")[: ask.votes]
    ]
    return campaign, votes, items, given, seen, truth


def conclude(done, **told):
    campaign, votes, items, given, seen, _ = done
    return conclude_campaign(
        campaign, votes, items=items, given=given, model=seen, votes_head="sha256:aa", **told
    )


def majority_of_heaps(truth):
    """A learner that answers for a frozen row what most training rows of its heap are labelled."""

    def train(labels, seed):
        heap = np.arange(ROWS) % 200
        counts = np.zeros((200, 3))
        np.add.at(counts, (heap[labels >= 0], labels[labels >= 0]), 1)
        return (counts + 1e-3 * np.random.default_rng(seed).random((200, 3))).argmax(axis=1)

    return train


def test_a_round_ends_with_labels_arms_delta_and_advice(round_done):
    campaign, votes, _, given, _, truth = round_done
    frozen = truth[:200]
    done = conclude(
        round_done,
        trial=Trial(majority_of_heaps(truth), frozen, seeds=(0, 1)),
        plans=Plans(NextBatch(120, 0.5), worth=1.0),
    )
    assert (done.merged.label == truth).sum() > (given == truth).sum()
    assert done.outcome.arms.targeted > done.outcome.arms.random
    assert done.outcome.overall == done.bought.overall
    assert done.outcome.advice in {"stop", "go on"}
    assert done.outcome.alpha == 1.0
    assert (done.outcome.votes, done.outcome.campaign) == (len(votes), campaign.id)
    assert parse_outcome(encode_outcome(done.outcome), source="x") == done.outcome


def test_without_a_trainer_nothing_is_said_to_be_bought(round_done):
    done = conclude(round_done, plans=Plans(NextBatch(120, 0.5), worth=1.0))
    assert (done.bought, done.outcome.overall) == (None, None)
    assert done.outcome.advice == "undecided"
    assert conclude(round_done).outcome.advice == ""


def test_gold_rows_and_strangers_are_of_neither_arm():
    merged = Merged(*[np.empty(0)] * 3, np.array([0, 1]), np.empty(0), "")
    votes = [
        vote("i0", "ann", "card", arm="gold"),
        vote("i1", "ann", "card"),
        vote("i1", "bob", "card"),
        vote("i2", "ann", "card", arm="random"),
        vote("elsewhere", "ann", "card", arm="random"),
    ]
    arms = arms_of(votes, merged, ["i0", "i1", "i2"])
    assert (arms.targeted, arms.random) == (1.0, 0.0)


def test_the_random_arms_rows_calibrate_the_next_round(round_done):
    campaign, votes, items, *_ = round_done
    merged = conclude(round_done).merged
    audited = audited_rows(votes, merged, items)
    drawn = {ask.row for ask in campaign.asks if ask.arm == "random"}
    assert set(np.flatnonzero(audited >= 0).tolist()) == drawn
    assert all(audited[row] == merged.label[row] for row in drawn)
