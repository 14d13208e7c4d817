"""What routers are told in each phase."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.serve.rolling import (
    CANARY,
    OTHER,
    SALT,
    STABLE,
    at_last_stage,
    begun,
    in_canary,
    in_shadow,
    loaded,
)

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.assignment import Assignment, assign, assignment_from


def told(state, **options) -> Assignment:
    return assign(state, **({"stable": STABLE, "epoch": 7} | options))


def test_without_a_rollout_the_stable_release_answers_alone():
    assert told(None) == Assignment(epoch=7, stable=STABLE)


@pytest.mark.parametrize("phase", ["done", "rolled_back"])
def test_after_the_end_there_is_no_canary(phase):
    assert told(replace(in_canary(), phase=phase)) == Assignment(epoch=7, stable=STABLE)


@pytest.mark.parametrize("state", [begun(), loaded(), in_canary().with_health(is_loaded=False)])
def test_while_it_is_not_ready_the_new_release_is_loaded_and_nothing_is_counted(state):
    assert told(state) == Assignment(epoch=7, stable=STABLE, canary=CANARY)


def test_a_held_rollout_sends_nothing_to_the_new_release():
    assert told(in_canary(), is_held=True).weight == 0.0


def test_shadow_copies_and_sends_nothing():
    assigned = told(in_shadow())
    assert (assigned.is_shadow, assigned.weight, assigned.step) == (True, 0.0, 0)


def test_each_stage_tells_its_weight_salt_step_and_settled_keys():
    assigned = told(at_last_stage())
    assert (assigned.weight, assigned.salt, assigned.step) == (0.5, SALT, 2)
    assert (assigned.settled_below, assigned.is_shadow) == (0.1, False)


def test_what_a_person_froze_keeps_what_was_told():
    state = in_canary()
    assert told(replace(state, phase="frozen", frozen_from="canary")) == told(state)


def test_after_a_mismatch_the_new_release_stays_loaded_and_gets_nothing():
    state = replace(in_canary(), phase="frozen", frozen_from="canary", weight=0.0)
    assert told(state) == Assignment(epoch=7, stable=STABLE, canary=CANARY)


def test_beside_another_stable_release_nothing_is_sent():
    assert told(at_last_stage(), stable=OTHER) == Assignment(epoch=7, stable=OTHER)


def test_an_assignment_is_the_same_after_a_round_through_its_message():
    for state in (None, begun(), at_last_stage()):
        message = json.loads(json.dumps(told(state).to_message()))
        assert assignment_from(message) == told(state)
    assert set(message["arms"]) == {"stable", "canary"}


def test_a_message_that_is_none_is_refused():
    with pytest.raises(InvalidInputError, match="one version"):
        assignment_from({"epoch": 1})
