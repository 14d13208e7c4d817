"""Moves of many rollouts at once: thresholds, order of precedence, agreement with one at a time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.serve.rollout.evidence import RolloutEvidence, Weighed
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.rules import (
    Move,
    choose_moves,
    freeze_log,
    is_convicted,
    is_shown,
    requirement,
    rollback_log,
)

PLAN = RolloutPlan()
LOGS = st.floats(-50, 50)
SHOWN = math.log(20.0)


def evidence(combined, *, mismatch=0.0, shown=SHOWN, guardrails=("errors", "latency")):
    combined, mismatch, shown = (np.asarray(value, dtype=float) for value in (combined, mismatch, shown))
    weighed = Weighed(combined, shown, np.zeros((*combined.shape, 2), dtype=np.int64))
    return RolloutEvidence(dict.fromkeys(guardrails, weighed) | {"drift": None}, {}, combined, mismatch)


def move(given_evidence, *, kind="canary", stage=0, requests=10_000, stable=10_000, held_s=1e6, plan=PLAN):
    moves = choose_moves(
        given_evidence,
        plan,
        requirement(plan, kind, stage),
        requests=requests,
        stable_requests=stable,
        held_s=held_s,
    )
    return Move(int(moves))


def test_evidence_at_its_threshold_rolls_back_and_just_below_holds():
    assert move(evidence(math.log(20.0))) is Move.ROLL_BACK
    assert move(evidence(math.log(20.0) - 1e-9)) is Move.HOLD


def test_evidence_at_five_holds_and_just_below_advances():
    assert move(evidence(math.log(5.0))) is Move.HOLD
    assert move(evidence(math.log(5.0) - 1e-9)) is Move.ADVANCE


def test_a_mismatch_freezes_at_its_threshold_whatever_the_evidence():
    assert move(evidence(0.0, mismatch=math.log(1000.0))) is Move.FREEZE
    assert move(evidence(0.0, mismatch=math.log(999.0))) is Move.HOLD
    assert move(evidence(9.0, mismatch=99.0)) is Move.FREEZE


def test_a_mismatch_is_suspected_at_once_and_freezes_after_the_dwell_since_slow_requests_end_later():
    assert move(evidence(9.0, mismatch=99.0), held_s=29.9) is Move.HOLD
    assert move(evidence(9.0, mismatch=99.0), held_s=30.0) is Move.FREEZE


def test_while_a_mismatch_is_suspected_nothing_is_believed():
    assert move(evidence(9.0, mismatch=math.log(5.0))) is Move.HOLD
    assert move(evidence(0.0, mismatch=math.log(5.0))) is Move.HOLD
    assert move(evidence(9.0, mismatch=math.log(5.0) - 1e-9)) is Move.ROLL_BACK
    assert not is_convicted(evidence(9.0, mismatch=2.0), PLAN)


@pytest.mark.parametrize(("stage", "needed"), [(0, 300), (1, 600), (2, 1500), (3, 3000)])
def test_each_stage_asks_for_its_own_number_of_canary_requests(stage, needed):
    assert move(evidence(0.0), stage=stage, requests=needed) is Move.ADVANCE
    assert move(evidence(0.0), stage=stage, requests=needed - 1) is Move.HOLD


def test_a_step_dwells_and_a_clock_set_back_does_not_shorten_it():
    assert move(evidence(0.0), held_s=30.0) is Move.ADVANCE
    assert move(evidence(0.0), held_s=29.9) is Move.HOLD
    assert move(evidence(0.0), held_s=-1e9) is Move.HOLD


def test_shadow_asks_for_compared_requests_and_for_a_baseline_but_not_for_time():
    assert move(evidence(0.0), kind="shadow", requests=100, stable=1000, held_s=0.0) is Move.ADVANCE
    assert move(evidence(0.0), kind="shadow", requests=99, stable=1000) is Move.HOLD
    assert move(evidence(0.0), kind="shadow", requests=100, stable=999) is Move.HOLD


@pytest.mark.parametrize(("kind", "stage"), [("canary", 3), ("watch", 3)])
def test_most_of_the_traffic_is_given_on_proof_alone(kind, stage):
    unproven = evidence(0.0, shown=math.log(20.0) - 1e-9)
    assert move(unproven, kind=kind, stage=stage) is Move.HOLD
    assert move(evidence(0.0), kind=kind, stage=stage) is Move.ADVANCE
    assert move(unproven, kind="canary", stage=2) is Move.ADVANCE


def test_without_any_guardrail_nothing_is_shown():
    assert not is_shown(evidence(0.0, guardrails=()), PLAN)
    assert move(evidence(0.0, guardrails=()), stage=3) is Move.HOLD


def test_thresholds_follow_from_the_stated_chances_of_error():
    plan = replace(PLAN, wrong_rollback=0.01, mismatch=0.1)
    assert rollback_log(plan) == pytest.approx(math.log(100.0))
    assert freeze_log(plan) == pytest.approx(math.log(10.0))


def test_nan_evidence_moves_nothing():
    assert move(evidence(math.nan, mismatch=math.nan)) is Move.HOLD


@given(
    rows=st.lists(st.tuples(LOGS, LOGS, LOGS, st.integers(0, 500), st.floats(0, 60)), min_size=1, max_size=8)
)
def test_many_rollouts_move_as_each_would_alone(rows):
    combined, mismatch, shown, requests, held_s = (np.array(column) for column in zip(*rows, strict=True))
    together = choose_moves(
        evidence(combined, mismatch=mismatch, shown=shown),
        PLAN,
        requirement(PLAN, "canary", 0),
        requests=requests,
        stable_requests=0,
        held_s=held_s,
    )
    alone = [
        move(evidence(row[0], mismatch=row[1], shown=row[2]), requests=row[3], stable=0, held_s=row[4])
        for row in rows
    ]
    assert together.tolist() == [int(one) for one in alone]
