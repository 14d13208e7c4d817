"""A labelling campaign on banking77, a fifth of its labels replaced, people right nine times of ten.

The whole, over five seeds, is `python -m benchmarks.campaigns.repairs`.
"""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.campaigns.planted import ask_people, out_of_fold, plant
from benchmarks.campaigns.repairs import RIGHT, WRONG, pool_of, run_seed
from benchmarks.datasets import read_banking77

from smallcraft.label.batch import Budget
from smallcraft.label.concluding import conclude_campaign
from smallcraft.label.doubt import doubt_labels
from smallcraft.label.proposing import propose_campaign

pytestmark = pytest.mark.realdata

NOW = "2026-11-29T06:00:00Z"


@pytest.fixture(scope="module")
def planted():
    """A third of the rows: the head learns in a second."""
    return plant(read_banking77().smaller(3000), wrong=WRONG, frozen=400, seed=0)


@pytest.fixture(scope="module")
def seen(planted):
    return out_of_fold(planted, seed=0, folds=3)


def test_targeted_answers_repair_three_times_the_labels_that_blind_ones_do(shared_data):
    one = run_seed(read_banking77().smaller(3000), seed=0, answers=300, frozen=400, folds=3)
    assert one.repaired["relabel_value"] >= 3 * one.repaired["random"]
    assert one.broken["relabel_value"] <= 0.05 * one.repaired["relabel_value"]
    assert one.is_covered


def test_doubts_agree_with_the_planted_errors_without_a_look_at_the_truth(planted, seen):
    doubt = doubt_labels(seen)
    is_wrong = planted.given != planted.truth
    assert doubt.share == pytest.approx(is_wrong.mean(), abs=0.05)
    for part in np.array_split(np.argsort(doubt.wrong, kind="stable"), 5):
        assert doubt.wrong[part].mean() == pytest.approx(is_wrong[part].mean(), abs=0.12)


def test_a_campaigns_own_arms_show_what_targeting_is_worth(planted, seen):
    campaign = propose_campaign(
        planted.items, seen, budget=Budget(400), created=NOW, seed=0, strategy="relabel_value"
    ).campaign
    rng = np.random.default_rng(1)
    votes = [
        vote
        for arm in ("targeted", "random")
        for vote in ask_people(
            planted,
            np.array([ask.row for ask in campaign.asks if ask.arm == arm]),
            right=RIGHT,
            arm=arm,
            rng=rng,
        )
    ]
    done = conclude_campaign(
        campaign, votes, items=planted.items, given=planted.given, model=seen, votes_head="sha256:00"
    )
    assert done.outcome.arms.difference.low > 0
    assert done.outcome.arms.targeted > 2.5 * done.outcome.arms.random


def test_the_rows_of_most_value_are_mostly_wrong(planted, seen):
    pool = pool_of(planted, seen)
    worst = np.argsort(-pool.value, kind="stable")[:200]
    assert (planted.given[worst] != planted.truth[worst]).mean() > 0.8
