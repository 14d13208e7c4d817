from dataclasses import replace

import numpy as np
import pytest
from tests.label.rounds import small_campaign, vote

from smallcraft.errors import IntegrityError
from smallcraft.label.measuring import Bought, Delta, compare_arms
from smallcraft.label.merging import Merged
from smallcraft.label.outcome import cost_of_votes, encode_outcome, outcome_of, parse_outcome
from smallcraft.label.stopping import Stopping
from smallcraft.label.value import Costs
from smallcraft.records import Interval

NOBODY = np.empty(0, dtype=np.int64)


def merged(changed):
    return Merged(NOBODY, np.empty(0), np.empty(0, bool), np.arange(changed), np.arange(2), "how")


def outcome(changed=8, **told):
    campaign = small_campaign()
    return outcome_of(campaign, votes_on(campaign), merged(changed), votes_head="sha256:aa", **told)


def votes_on(campaign):
    """Two people on one row, and one on another."""
    first, second = campaign.asks[0].item, campaign.asks[1].item
    return tuple(vote(item, who, "card") for item, who in ((first, "ann"), (first, "bob"), (second, "ann")))


def test_an_outcome_reads_back_as_it_was():
    delta = Delta("all", 0.8, 0.9, Interval(0.05, 0.15), (0.1, 0.1), 100)
    full = outcome(
        bought=Bought(delta, (delta,)),
        arms=compare_arms(targeted_changed=7, targeted_rows=20, random_changed=1, random_rows=5),
        alpha=0.7,
        stopping=Stopping("go on", "it pays", Interval(0.1, 0.2)),
    )
    assert parse_outcome(encode_outcome(full), source="x") == full
    assert (full.votes, full.annotators, full.changed, full.queued, full.advice) == (3, 2, 8, 2, "go on")
    assert full.cost_of_a_repair == full.cost / 8


def test_a_cost_is_of_the_votes_that_came_in_not_of_those_that_were_planned():
    by_vote = small_campaign()
    assert cost_of_votes(by_vote, votes_on(by_vote)) == 3 != by_vote.cost
    by_row = replace(by_vote, budget=replace(by_vote.budget, unit="rows"))
    assert cost_of_votes(by_row, votes_on(by_row)) == 2
    prices = replace(by_vote.budget, unit="money", costs=Costs(label=2.0, relabel=2.0, adjudicate=6.0))
    assert cost_of_votes(replace(by_vote, budget=prices), votes_on(by_vote)) == 6.0


def test_what_was_not_measured_is_none_never_zero():
    bare = outcome(changed=0)
    assert (bare.overall, bare.arms, bare.alpha, bare.cost_of_a_repair) == (None,) * 4
    assert parse_outcome(encode_outcome(bare), source="x") == bare


OTHERS = (b"", b"{}", b'{"format": 1, "kind": "trial"}', b'{"format": 1, "kind": "campaign"}')


@pytest.mark.parametrize("data", OTHERS)
def test_something_else_is_refused(data):
    with pytest.raises(IntegrityError, match="no outcome of a campaign"):
        parse_outcome(data, source="x")
