from dataclasses import replace

import pytest

from smallcraft.records import Interval
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.simulation.cells import Average, Share
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.simulate import simulate
from smallcraft.serve.simulation.telling import tell_cell, tell_service
from smallcraft.serve.simulation.traffic import Traffic


def of(count, total=200):
    return Share(count, count / total, Interval(max(count / total - 0.02, 0.0), count / total + 0.02))


@pytest.fixture(scope="module")
def template():
    return simulate(RolloutPlan(), SCENARIOS["fine"], rollouts=2, tick_s=30.0, horizon_s=30.0)


@pytest.fixture
def good(template):
    return replace(
        template,
        rollouts=200,
        promoted=of(196),
        rolled_back=of(4),
        frozen=of(0),
        undecided=of(0),
        promotion_s=Average(570.0, None, 565.0, 600.0),
    )


@pytest.fixture
def bad(good):
    return replace(
        good,
        is_worse=True,
        promoted=of(1),
        rolled_back=of(199),
        rollback_s=Average(165.0, None, 150.0, 300.0),
        excess_bad=Average(9.21, None, 8.0, 22.0),
    )


def test_of_a_good_release_promotion_is_told_first_and_rollback_is_called_wrong(good):
    assert tell_cell(good) == (
        "promoted in 98 % of 200 rollouts, after 10 min on average; "
        "rolled back wrongly in 2 % (95 % interval 0 % to 4 %)"
    )


def test_of_a_bad_release_rollback_is_told_first_with_what_it_cost(bad):
    assert tell_cell(bad) == (
        "rolled back in 99.5 % of 200 rollouts, after 3 min on average; bad requests too many: 9.21 on "
        "average, in 95 % of the rollouts less than 22; promoted all the same in 0.5 % (95 % interval 0 % to "
        "2.5 %)"
    )


def test_rollouts_without_an_end_are_told_of(good):
    told = tell_cell(replace(good, promoted=of(100), undecided=of(90), frozen=of(6), horizon_s=3600.0))
    assert "left to a person in 3 %" in told
    assert "not decided within 60 min in 45 %" in told


def test_without_a_promotion_there_is_no_time_of_one(good):
    told = tell_cell(replace(good, promoted=of(0), promotion_s=None))
    assert told.startswith("promoted in 0 % of 200 rollouts; ")


def test_the_service_is_told_in_the_numbers_it_was_given_in(good):
    told = tell_service(replace(good, traffic=Traffic(requests_s=5.0, error_rate=0.002, p99_s=0.25), seed=7))
    assert told == (
        "5 requests a second, 0.2 % of them fail, half take less than 20 ms, 99 % less than 250 ms; seed 7"
    )
