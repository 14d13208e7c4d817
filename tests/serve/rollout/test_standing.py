"""Where a rollout stands: derived facts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.serve.rolling import at_last_stage, begun, counts, empty_step, in_canary, in_shadow, with_counts

from smallcraft.serve.rollout.standing import compared_in, merged, requests_of


def test_a_rollout_begins_in_loading_without_a_step_or_a_weight():
    state = begun()
    assert (state.phase, state.step, state.weight, state.steps) == ("loading", -1, 0.0, ())


def test_a_frozen_rollout_knows_its_place():
    frozen = replace(in_canary(), phase="frozen", frozen_from="canary")
    assert (frozen.place, frozen.is_ended) == ("canary", False)
    assert in_canary().place == "canary"


@pytest.mark.parametrize("phase", ["done", "rolled_back"])
def test_after_the_end_nothing_follows(phase):
    assert replace(in_canary(), phase=phase).is_ended


def test_settled_are_keys_below_the_largest_weight_of_earlier_steps():
    assert begun().settled_below == 0.0
    assert in_canary().settled_below == 0.0
    assert at_last_stage().settled_below == 0.1
    lower_last = replace(at_last_stage(), steps=(*at_last_stage().steps, empty_step("canary", 0.2)))
    assert lower_last.settled_below == 0.5


def test_requests_with_and_without_keys_count_together():
    step = replace(empty_step("canary", 0.1), counts=counts(9, 1, errors=(1, 0)), keyed=counts(20, 4))
    assert requests_of(step) == (29, 5)
    assert merged(step).errors.tolist() == [1, 0]
    assert requests_of(replace(step, keyed=None)) == (9, 1)


def test_comparisons_with_and_without_keys_count_together():
    state = with_counts(in_shadow(), counts(stable=5, compared=5))
    step = replace(state.steps[-1], keyed=counts(stable=3, compared=2))
    assert compared_in(step) == 7


def test_health_changes_leave_everything_else():
    state = in_canary()
    sick = state.with_health(crashes=2)
    assert (sick.health.crashes, sick.steps, sick.health.is_loaded) == (2, state.steps, True)
