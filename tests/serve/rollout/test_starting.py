"""What makes a rollout impossible, and what a new one knows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.serve.rolling import CANARY, DECLARED, PLAN, SALT, STABLE, begun, in_canary

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.plan import RolloutPlan, Weights
from smallcraft.serve.rollout.starting import Declared, begin_rollout, check_plan, check_start


def test_the_shipped_plan_can_be_carried_out():
    check_plan(RolloutPlan())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": ()}, "stages must rise"),
        ({"stages": (0.5, 0.1)}, "stages must rise"),
        ({"stages": (0.1, 0.1)}, "stages must rise"),
        ({"stages": (0.0, 0.5)}, "stages must rise"),
        ({"stages": (5.0, 10.0)}, "stages must rise, each a fraction"),
        ({"stages": (0.1, 0.96)}, "below 1 - hold_back = 0.95, got 0.96"),
        ({"mature_requests": (1, 2, 3)}, "one number a stage (2), got 3"),
        ({"watch_requests": 0}, "1 request at least, got 0"),
        ({"wrong_rollback": 5}, "wrong_rollback must be a fraction in (0, 1), got 5"),
        ({"mismatch": 0.0}, "mismatch must be a fraction"),
        ({"hold_back": 0.0}, "hold_back must be a fraction"),
        ({"dwell_s": -1.0}, "dwell_s must not be below 0"),
        ({"latency_margin": float("nan")}, "latency_margin must not be below 0"),
        ({"tolerated_errors": 0.0}, "tolerated_errors must be a fraction"),
        ({"latency_floor_s": -1.0}, "latency_floor_s must not be below 0"),
        ({"latency_floor_s": 100.0}, "latency_floor_s must be at most 1 s, got 100"),
        ({"confidence_margin": 0.01}, "confidence_margin must be from 0.05 to 0.5"),
        ({"confidence_margin": 1.0}, "confidence_margin must be from 0.05 to 0.5"),
        ({"non_inferior_errors": 1.0}, "non_inferior_errors must be above error_margin = 1, got 1"),
        ({"non_inferior_latency": 0.05}, "non_inferior_latency must be above latency_margin = 0.05"),
        ({"non_inferior_drift": 1.2}, "non_inferior_drift must be above drift_margin = 1.25"),
        ({"advance_below": 50.0}, "at most 1 / wrong_rollback = 20, got 50"),
        ({"advance_below": 1.0}, "advance_below must be above 1"),
        ({"shown": 1.0}, "shown must be above 1"),
        ({"weights": Weights(errors=0.9)}, "add up to 1"),
    ],
    ids=str,
)
def test_a_plan_that_cannot_be_carried_out_is_refused_with_the_setting(changes, message):
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        check_plan(replace(PLAN, **changes))


def test_a_rollout_is_named_by_release_and_salt():
    assert begun().id == "helpdesk-4-9f3c21aa"


def test_the_bundle_that_answers_already_is_refused():
    with pytest.raises(InvalidInputError, match="answers already"):
        begin_rollout(STABLE, replace(CANARY, digest=STABLE.digest), PLAN, DECLARED, salt=SALT)


@pytest.mark.parametrize("salt", ["", "short", "../../etc/passwd", "white space"])
def test_a_salt_that_is_no_salt_is_refused(salt):
    with pytest.raises(InvalidInputError, match="salt must be random"):
        begin_rollout(STABLE, CANARY, PLAN, DECLARED, salt=salt)


def test_a_model_without_classes_or_confidence_has_no_such_baseline():
    state = begin_rollout(STABLE, CANARY, PLAN, Declared(has_confidence=False), salt=SALT)
    assert (state.baseline.classes, state.baseline.confidence) == (None, None)
    assert begun().baseline.classes.shape == (4,)


def test_a_second_rollout_waits_for_the_first():
    with pytest.raises(InvalidInputError, match="is under way"):
        check_start(CANARY, state=in_canary(), refused={})
    check_start(CANARY, state=replace(in_canary(), phase="done"), refused={})


def test_a_bundle_that_was_rolled_back_is_refused_without_force():
    refused = {CANARY.digest: "helpdesk-4-00000000"}
    with pytest.raises(InvalidInputError, match=r"rolled back by rollout helpdesk-4-00000000.*--force"):
        check_start(CANARY, state=None, refused=refused)
    check_start(CANARY, state=None, refused=refused, unsafe_repeat=True)
    check_start(STABLE, state=None, refused=refused)
