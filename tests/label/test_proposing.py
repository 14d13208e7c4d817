import numpy as np
import pytest
from tests.label.rounds import CLASSES, NOW, probabilities

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.failures.conditions import Condition
from smallcraft.label.batch import Budget, Shares
from smallcraft.label.proposing import Knowledge, propose_campaign
from smallcraft.label.slices import find_slices
from smallcraft.records import Predictions

ROWS = 600
ITEMS = [f"i{row}" for row in range(ROWS)]


@pytest.fixture(scope="module")
def table():
    """A tenth of the labels wrong, a twentieth missing."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, ROWS)
    given = np.where(rng.random(ROWS) < 0.1, (truth + 1) % 3, truth)
    given[rng.random(ROWS) < 0.05] = -1
    return Predictions(CLASSES, given, probabilities(truth, rng=rng, k=3)), truth


def propose(table, known=None, **told):
    return propose_campaign(
        ITEMS, table[0], known, **{"budget": Budget(80), "created": NOW, "seed": 0, **told}
    )


def test_the_targeted_arm_finds_more_wrong_labels_than_the_random_one(table):
    seen, truth = table
    proposal = propose(table, strategy="relabel_value")
    is_wrong = (seen.truth != truth) & (seen.truth >= 0)
    shares = {
        arm: np.mean([is_wrong[ask.row] for ask in proposal.campaign.asks if ask.arm == arm])
        for arm in ("targeted", "random")
    }
    assert shares["targeted"] > 3 * shares["random"]
    assert proposal.campaign.cost <= 80


def test_the_same_seed_proposes_the_same_campaign_and_another_one_another(table):
    assert propose(table).campaign == propose(table).campaign
    assert propose(table, seed=1).campaign.id != propose(table).campaign.id


def test_closed_rows_are_not_asked_again(table):
    first = propose(table).campaign
    closed = {ask.item for ask in first.asks}
    second = propose(table, Knowledge(closed=closed)).campaign
    assert closed.isdisjoint(ask.item for ask in second.asks)


def test_rows_left_open_by_votes_go_to_an_adjudicator_and_rows_without_a_label_are_labelled(table):
    queue = np.array([3, 4], dtype=np.int64)
    proposal = propose(table, Knowledge(queue=queue, closed={"i3", "i9"}))
    assert proposal.pool.is_open[[3, 4, 9]].tolist() == [True, True, False]
    assert [proposal.pool.action[row] for row in queue] == ["adjudicate"] * 2
    bare = np.flatnonzero(table[0].truth < 0)
    assert {proposal.pool.action[row] for row in bare} == {"label"}


def test_rows_of_a_failing_slice_are_worth_more(table):
    rng = np.random.default_rng(1)
    late = np.concatenate([rng.random(1000) < 0.3, np.arange(ROWS) < 100])
    is_wrong = rng.random(1000) < np.where(late[:1000], 0.5, 0.05)
    slices = find_slices(is_wrong, [Condition("word=late", "with 'late'", late)], rng=rng)
    plain, weighted = propose(table).pool, propose(table, Knowledge(slices=slices)).pool
    some = plain.value > 0
    assert (weighted.value[:100] > plain.value[:100])[some[:100]].all()
    assert np.array_equal(weighted.value[100:], plain.value[100:])
    assert set(weighted.slices[:100]) == {"word=late"}


def test_an_unknown_strategy_is_told_with_those_there_are(table):
    with pytest.raises(InvalidInputError, match="'slice' is not one of the strategies"):
        propose(table, strategy="slice")


def test_rows_that_something_lacks_come_first_up_to_half_the_batch_and_by_value_among_themselves(table):
    lacking = np.flatnonzero(table[0].truth < 0).tolist()
    known = Knowledge(wanted={"gate region=north": lacking[:20], "gate region=south": lacking[20:]})
    campaign = propose(table, known, budget=Budget(20), shares=Shares(repeats=0.0)).campaign
    targeted = [ask for ask in campaign.asks if ask.arm == "targeted"]
    assert {ask.slice for ask in targeted} == set(known.wanted)
    taken = [ask.slice for ask in targeted].count("gate region=north")
    assert taken <= len(targeted) - len(targeted) // 2
    best = max(ask.priority for ask in propose(table, budget=Budget(20)).campaign.asks)
    assert all(ask.priority >= best for ask in targeted)
