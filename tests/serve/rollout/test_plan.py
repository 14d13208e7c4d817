from dataclasses import astuple

import pytest

from smallcraft.serve.rollout.plan import RolloutPlan


def test_the_shipped_plan_asks_more_of_every_next_stage():
    plan = RolloutPlan()
    assert list(plan.stages) == sorted(set(plan.stages))
    assert 0 < plan.stages[0] < plan.stages[-1] < 1 - plan.hold_back < 1
    assert list(plan.mature_requests) == sorted(plan.mature_requests)
    assert len(plan.mature_requests) == len(plan.stages)


def test_the_shipped_weights_add_up_to_one():
    assert sum(astuple(RolloutPlan().weights)) == pytest.approx(1)


def test_what_must_be_shown_is_a_wider_margin_than_what_is_held_against_a_release():
    plan = RolloutPlan()
    assert plan.non_inferior_errors > plan.error_margin
    assert plan.non_inferior_latency > plan.latency_margin
    assert plan.non_inferior_drift > plan.drift_margin > 1
    assert plan.shown * plan.wrong_rollback == pytest.approx(1)
