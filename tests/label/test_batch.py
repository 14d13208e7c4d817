from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.label.rounds import small_pool

from smallcraft.errors import InvalidInputError
from smallcraft.label.batch import Budget, Shares, plan_batch
from smallcraft.label.strategies import BUILTIN
from smallcraft.label.value import Costs


def plan(pool=None, *, amount=100, unit="votes", strategy="margin", gold=(), seed=0, **told):
    rng = np.random.default_rng(seed)
    return plan_batch(
        small_pool() if pool is None else pool,
        BUILTIN[strategy],
        Budget(amount, unit),
        gold=gold,
        rng=rng,
        **told,
    )


@given(
    amount=st.floats(3, 250),
    unit=st.sampled_from(["rows", "votes", "money"]),
    strategy=st.sampled_from(sorted(BUILTIN)),
    gold=st.integers(0, 30),
    seed=st.integers(0, 9),
)
@settings(max_examples=40)
def test_a_batch_stays_within_its_budget_and_asks_no_row_twice(amount, unit, strategy, gold, seed):
    batch = plan(amount=amount, unit=unit, strategy=strategy, gold=range(gold), seed=seed)
    assert batch.cost <= amount + 1e-9
    assert max(Counter(ask.item for ask in batch.asks).values(), default=0) <= 1
    assert all(0 < ask.chance <= 1 for ask in batch.asks)
    assert all((ask.row < gold) == (ask.arm == "gold") for ask in batch.asks)


def test_the_arms_have_their_shares():
    batch = plan(amount=100, gold=range(40))
    sizes = Counter(ask.arm for ask in batch.asks)
    assert sizes["random"] == 12
    assert sizes["gold"] == 5
    assert sum(ask.votes == 2 for ask in batch.asks) == 5
    assert sum(ask.votes for ask in batch.asks) == 100 == batch.cost


@pytest.mark.parametrize("share", [0.0, 0.09, 0.16, 1.0])
def test_a_random_arm_outside_ten_to_fifteen_percent_is_refused(share):
    with pytest.raises(InvalidInputError, match="without it nobody can tell what targeting bought"):
        plan(shares=Shares(random=share))


def test_only_the_targeted_arm_shows_a_suggestion():
    batch = plan(gold=range(40))
    assert all(
        (ask.suggestion is not None) == (ask.arm == "targeted" and ask.votes == 1) for ask in batch.asks
    )


def test_the_random_arm_is_drawn_from_all_open_rows_alike():
    """The rows that the strategy wants most are asked blindly as often as any other."""
    wanted = np.zeros(200)
    wanted[:50] = 1
    pool = small_pool(value=wanted, unlabelled=0.0)
    drawn = [
        ask.row
        for seed in range(60)
        for ask in plan(pool, strategy="relabel_value", seed=seed).of_arm("random")
    ]
    share = np.mean(np.array(drawn) < 50)
    # 720 rows, a quarter expected: four standard deviations are 0.065.
    assert abs(share - 0.25) < 0.065


def test_the_chance_of_the_random_arm_is_its_share_of_the_open_rows():
    is_open = np.arange(200) < 150
    batch = plan(small_pool(is_open=is_open), gold=range(30))
    assert {ask.chance for ask in batch.of_arm("random")} == {12 / 120}


def test_the_order_does_not_tell_the_arm():
    batch = plan(amount=150, gold=range(40))
    places = [place for place, ask in enumerate(batch.asks) if ask.arm == "targeted"]
    assert abs(np.mean(places) / (len(batch.asks) - 1) - 0.5) < 0.1


def test_money_pays_for_dear_votes_at_their_price():
    pool = small_pool(action=("adjudicate",) * 200)
    budget = Budget(60, "money", Costs(adjudicate=3.0))
    batch = plan_batch(pool, BUILTIN["margin"], budget, rng=np.random.default_rng(0))
    assert batch.cost == 3 * sum(ask.votes for ask in batch.asks) <= 60


def test_rows_count_once_however_many_people_see_them():
    batch = plan(amount=100, unit="rows")
    assert len(batch.asks) == 100
    assert sum(ask.votes for ask in batch.asks) > 100


def test_a_budget_that_pays_for_no_row_is_refused():
    with pytest.raises(InvalidInputError, match=r"pays for one row at least \(1 votes\), got 0.5"):
        plan(amount=0.5)


def test_a_share_given_as_a_percent_is_refused():
    with pytest.raises(InvalidInputError, match=r"write 0\.05 for 5 %"):
        plan(shares=Shares(gold=5))


def test_closed_rows_are_asked_in_no_arm_but_gold():
    pool = replace(small_pool(), is_open=np.arange(200) >= 100)
    batch = plan(pool, gold=[1, 2, 3])
    assert all(ask.row >= 100 or ask.arm == "gold" for ask in batch.asks)
