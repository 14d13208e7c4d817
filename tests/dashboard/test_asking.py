"""Who is asked what next: every row comes, none twice, and nothing tells its arm."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.label.rounds import small_campaign, vote

from smallcraft.dashboard.asking import choices_of, next_ask, suggestion_of, waiting

CAMPAIGN = small_campaign()
ITEMS = [ask.item for ask in CAMPAIGN.asks]


def said(*pairs):
    return [vote(item, who, "card", campaign=CAMPAIGN.id) for item, who in pairs]


def test_whoever_answers_what_is_asked_is_asked_everything_once():
    votes, met, after = [], [], ""
    while (ask := next_ask(CAMPAIGN, waiting(CAMPAIGN, votes, "ann"), after)) is not None:
        met.append(ask.item)
        votes += said((ask.item, "ann"))
        after = ask.item
    assert met == ITEMS


def test_two_people_together_give_the_votes_that_are_wanted():
    votes = []
    for who in ("ann", "bob"):
        votes += said(*((ask.item, who) for ask in waiting(CAMPAIGN, votes, who)))
    counted = Counter(one.item for one in votes)
    assert {ask.item: ask.votes for ask in CAMPAIGN.asks} == counted


def test_a_second_round_asks_what_others_answered_alone():
    votes = said(*((item, "ann") for item in ITEMS))
    repeated = [ask.item for ask in CAMPAIGN.asks if ask.votes > 1]
    assert repeated
    assert [ask.item for ask in waiting(CAMPAIGN, votes, "bob")] == repeated
    assert [ask.item for ask in waiting(CAMPAIGN, votes, "bob", second=True)] == ITEMS
    assert waiting(CAMPAIGN, votes, "ann", second=True) == ()


@given(st.sampled_from(ITEMS), st.sets(st.sampled_from(ITEMS)))
def test_a_row_that_is_skipped_comes_again_after_all_others(item, answered):
    left = waiting(CAMPAIGN, said(*((one, "ann") for one in answered - {item})), "ann")
    met = []
    after = item
    for _ in range(len(left)):
        after = next_ask(CAMPAIGN, left, after).item
        met.append(after)
    assert sorted(met) == sorted(ask.item for ask in left)
    assert met[-1] == item


@pytest.mark.parametrize("ask", CAMPAIGN.asks, ids=lambda ask: ask.arm)
def test_only_the_targeted_arm_may_show_a_suggestion(ask):
    shown = replace(ask, suggestion="card")
    assert suggestion_of(shown, is_shown=False) is None
    assert (suggestion_of(shown, is_shown=True) is not None) == (ask.arm == "targeted")


@pytest.mark.parametrize(("n", "last"), [(3, "3"), (10, "a"), (35, "z"), (40, "")])
def test_each_class_has_a_key_of_its_own_while_keys_last(n, last):
    choices = choices_of(replace(CAMPAIGN, classes=tuple(f"c{place}" for place in range(n))))
    keys = [choice.key for choice in choices if choice.key]
    assert len(keys) == len(set(keys)) == min(n, 35)
    assert choices[-1].key == last
    assert [choice.label for choice in choices] == [f"c{place}" for place in range(n)]
