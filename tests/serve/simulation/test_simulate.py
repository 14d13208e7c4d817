import json

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.simulation.cells import from_json, to_json
from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.simulate import least_s, simulate, simulate_rule
from smallcraft.serve.simulation.traffic import Traffic

ROLLOUTS = 60


def cell(name, **settings):
    return simulate(RolloutPlan(), SCENARIOS[name], rollouts=ROLLOUTS, seed=5, tick_s=2.0, **settings)


@pytest.fixture(scope="module")
def fine():
    return cell("fine")


@pytest.fixture(scope="module")
def errors():
    return cell("errors")


def test_a_release_that_is_no_different_is_promoted(fine):
    # 5 % or less are rolled back: ten of sixty would be a chance of one in a thousand.
    assert fine.false_rollbacks.count < 10
    assert fine.promoted.share > 0.8
    assert fine.excess_bad.mean == 0


def test_two_percent_more_errors_are_found_within_hundreds_of_requests(errors):
    assert errors.rolled_back.share > 0.95
    assert max(errors.causes, key=errors.causes.get) == "errors"
    assert errors.canary_requests.mean < 1000
    assert errors.excess_bad.mean < 20


def test_an_incident_of_both_arms_is_not_the_new_releases():
    assert cell("incident").false_rollbacks.count < 10


def test_the_same_seed_gives_the_same_cell(errors):
    assert to_json(cell("errors")) == to_json(errors)


def test_looking_less_often_changes_little(errors):
    often = simulate(RolloutPlan(), SCENARIOS["errors"], rollouts=ROLLOUTS, seed=5, tick_s=1.0)
    assert often.excess_bad.mean == pytest.approx(errors.excess_bad.mean, rel=0.2)


def test_the_plan_and_the_traffic_are_those_given():
    """Ten times the traffic is through in a fraction of the time; a hasty plan likewise."""
    quick = {"rollouts": 4, "seed": 5, "tick_s": 5.0}
    usual = simulate(RolloutPlan(), SCENARIOS["fine"], **quick)
    busy = simulate(RolloutPlan(), SCENARIOS["fine"], traffic=Traffic(requests_s=300.0), **quick)
    assert busy.traffic.requests_s == 300
    assert busy.promotion_s.mean < usual.promotion_s.mean / 2
    hasty = RolloutPlan(stages=(0.5,), mature_requests=(3000,))
    assert simulate(hasty, SCENARIOS["fine"], **quick).promotion_s.mean < 0.7 * usual.promotion_s.mean


def test_where_there_is_little_traffic_looks_are_rarer_and_there_is_time_enough():
    quiet = simulate(
        RolloutPlan(), SCENARIOS["fine"], traffic=Traffic(requests_s=1.0), rollouts=4, seed=5, tick_s=60.0
    )
    assert quiet.horizon_s > 7 * 3600
    assert quiet.promoted.count >= 3
    assert cell("errors", horizon_s=60.0).horizon_s == 60
    busy, slow = (
        simulate(
            RolloutPlan(), SCENARIOS["fine"], traffic=Traffic(requests_s=rate), rollouts=1, horizon_s=20.0
        )
        for rate in (50.0, 2.0)
    )
    assert (busy.tick_s, slow.tick_s) == (0.25, 2.5)


def test_the_least_time_is_what_a_release_that_is_no_different_takes_and_hardly_more(fine):
    assert least_s(RolloutPlan(), Traffic()) < fine.promotion_s.p50 < 1.15 * least_s(RolloutPlan(), Traffic())


def test_a_plan_that_cannot_be_carried_out_is_refused():
    with pytest.raises(InvalidInputError, match="the last stage must be below"):
        simulate(RolloutPlan(hold_back=0.6), SCENARIOS["fine"], rollouts=1)


def test_a_cell_comes_back_from_its_json_form_as_it_was(errors):
    assert from_json(json.loads(json.dumps(to_json(errors)))) == errors


def test_progress_is_told_of_all_rollouts():
    told = []
    simulate(
        RolloutPlan(),
        SCENARIOS["fine"],
        rollouts=3,
        tick_s=10.0,
        horizon_s=10.0,
        progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(3, 3)]


def test_a_rollout_without_time_is_undecided():
    assert cell("fine", horizon_s=60.0).undecided.share == 1


def test_no_rollouts_and_no_time_are_refused():
    with pytest.raises(InvalidInputError, match="rollouts must be at least 1"):
        simulate_rule(Flagger("flagger"), SCENARIOS["fine"], rollouts=0)
    with pytest.raises(InvalidInputError, match="needs a horizon"):
        simulate_rule(Flagger("flagger"), SCENARIOS["fine"], rollouts=1, horizon_s=10.0)
