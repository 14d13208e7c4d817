"""The status that people and programs get, in the form of its schema."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from tests.serve.rolling import (
    SLOW_BIN,
    STABLE,
    at_last_stage,
    begun,
    counts,
    fair,
    in_canary,
    in_shadow,
    with_counts,
)

from smallcraft.serve.rollout.counts import LATENCY_EDGES_S
from smallcraft.serve.rollout.phases import weigh_state
from smallcraft.serve.rollout.status import ServerStatus, tell_status

WHOLE = json.loads(
    (Path(__file__).parents[3] / "docs" / "schemas" / "rollout_status.json").read_text(encoding="utf-8")
)
# What the server says of one model is a part of it.
SCHEMA = {"$ref": "#/$defs/model", "$defs": WHOLE["$defs"]}


def status_of(state, **options):
    given = {"now": 1e3, "served_weight": state.weight, "requests_per_s": 12.5, "last_cause": "because"}
    return tell_status(state, weigh_state(state), **(given | options))


@pytest.mark.parametrize("make", [begun, in_shadow, in_canary, at_last_stage])
def test_every_phase_has_the_form_of_the_schema(make):
    rollout = status_of(make())
    told = ServerStatus(3, STABLE, rollout.phase, rollout.weight, rollout, ("disk full",)).to_form()
    jsonschema.validate(json.loads(json.dumps(told, allow_nan=False)), SCHEMA)


def test_without_a_rollout_the_form_holds_too():
    told = ServerStatus(3, STABLE, None, 0.0, None, ()).to_form()
    jsonschema.validate(told, SCHEMA)
    assert told["rollout"] is None


def test_arms_tell_requests_errors_and_latency_of_all_steps_that_count():
    state = with_counts(in_canary(), counts(stable=100, canary=50, errors=(1, 2), slow=(0, 48)))
    status = status_of(state)
    assert (status.stable.requests, status.stable.errors) == (100, 1)
    assert (status.canary.requests, status.canary.errors) == (50, 2)
    assert status.canary.p50_ms == pytest.approx(1000.0 * LATENCY_EDGES_S[SLOW_BIN])
    assert status.stable.p99_ms == pytest.approx(1000.0 * LATENCY_EDGES_S[44])


def test_not_measured_is_none():
    status = status_of(begun(), requests_per_s=None)
    assert (status.e_value, status.evidence, status.requests_per_s) == (None, None, None)
    assert (status.canary.p50_ms, status.canary.requests) == (None, 0)


def test_a_quantile_among_time_outs_is_not_told_as_a_number():
    seen = counts(canary=10)
    seen.latency[1, :] = 0
    seen.latency[1, -1] = 10
    assert status_of(with_counts(in_canary(), seen)).canary.p50_ms is None


def test_evidence_and_threshold_stand_beside_each_other():
    state = with_counts(in_canary(), fair(in_canary(), 30))
    status = status_of(replace(state, plan=replace(state.plan, wrong_rollback=0.01)))
    assert status.threshold == pytest.approx(100.0)
    assert 0 < status.e_value < 5
    assert status.evidence["guardrails"]["router_health"] is None
    assert status.to_form()["verdict"]["outcome"] == "UNDECIDED"
