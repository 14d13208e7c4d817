import math

import pytest
from tests.serve.metrics.rollouts import evidence, status_of, weighed

from smallcraft.serve.metrics.reading import read_rollout
from smallcraft.serve.rollout.plan import RolloutPlan

PLAN = RolloutPlan(wrong_rollback=0.02)
EVIDENCE = evidence(2.0, errors=weighed(math.log(3), math.log(7)), drift=None)


def read(phase, so_far):
    return read_rollout(status_of(phase, so_far, plan=PLAN), PLAN)


def test_a_rollout_is_shown_with_its_evidence_and_the_lines_of_its_plan():
    reading = read("canary", EVIDENCE)
    assert (reading.model, reading.release, reading.phase) == ("helpdesk", "helpdesk@4", "canary")
    assert reading.weight == 0.05
    assert reading.thresholds == {"hold": 5.0, "promote": 20.0, "roll_back": 50.0}
    assert reading.against == pytest.approx({"errors": 3.0, "combined": 2.0})
    assert reading.non_inferior == pytest.approx({"errors": 7.0})


def test_a_guardrail_that_was_not_measured_is_left_out():
    assert "drift" not in read("canary", EVIDENCE).against


def test_before_there_is_evidence_none_is_shown():
    reading = read("loading", None)
    assert (reading.against, reading.non_inferior) == ({}, {})


def test_evidence_beyond_any_float_stays_a_number_and_none_at_all_is_0():
    reading = read("canary", evidence(0.0, errors=weighed(1e6, -math.inf)))
    assert 1e300 < reading.against["errors"] < math.inf
    assert reading.against["combined"] == reading.non_inferior["errors"] == 0.0
