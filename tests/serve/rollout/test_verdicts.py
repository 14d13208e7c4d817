"""PASS, FAIL, or UNDECIDED with what would settle it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.serve.rolling import (
    PLAN,
    at_last_stage,
    begun,
    counts,
    fair,
    in_canary,
    in_shadow,
    on,
    with_counts,
)

from smallcraft.records import Outcome
from smallcraft.serve.rollout.phases import weigh_state
from smallcraft.serve.rollout.standing import Order
from smallcraft.serve.rollout.verdicts import judge, missing_later, missing_now


def said(state, *, now=1e6, rate=50.0):
    return judge(state, weigh_state(state), now=now, requests_per_s=rate)


@pytest.mark.parametrize(("phase", "outcome"), [("done", Outcome.PASS), ("rolled_back", Outcome.FAIL)])
def test_the_end_is_decided(phase, outcome):
    verdict = said(replace(in_canary(), phase=phase))
    assert (verdict.outcome, verdict.needs) == (outcome, None)


def test_evidence_and_hard_stops_fail_before_the_next_tick_acts():
    assert (
        said(with_counts(in_canary(), counts(stable=270, canary=30, errors=(2, 20)))).outcome is Outcome.FAIL
    )
    assert said(in_canary().with_health(crashes=3)).outcome is Outcome.FAIL


@pytest.mark.parametrize("make", [begun, in_shadow, in_canary, at_last_stage])
def test_everything_under_way_is_undecided_and_says_what_it_needs(make):
    verdict = said(make())
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.reason
    assert verdict.needs


def test_a_stage_tells_how_many_requests_and_how_long_at_the_present_traffic():
    state = with_counts(in_canary(), fair(in_canary(), 10))
    verdict = said(state, now=state.since_s + 2.0, rate=10.0)
    assert "canary saw 10 of 30 requests at 10 %" in verdict.reason
    assert "held for 2 of 10 s" in verdict.reason
    # 20 more at 1 a second; then 60 at 5 and 60 at 9.5 a second, each at least for 10 s.
    assert verdict.needs == (
        "about 20 more canary requests (20 s) here, then at least 120 canary requests (22 s),"
        " at the present 10 requests a second"
    )


def test_missing_requests_follow_from_the_plan_and_the_time_from_the_weight():
    state = in_canary()
    now = missing_now(state, weigh_state(state), now=state.since_s, requests_per_s=10.0)
    assert (now.requests, now.seconds) == (30, pytest.approx(30.0))
    later = missing_later(state, requests_per_s=10.0)
    assert (later.requests, later.seconds) == (120, pytest.approx(12.0 + 10.0))
    assert missing_later(begun(), requests_per_s=None).seconds is None


def test_the_dwell_is_waited_for_when_requests_come_fast():
    state = in_canary()
    missing = missing_now(state, weigh_state(state), now=state.since_s + 4.0, requests_per_s=1e6)
    assert missing.seconds == pytest.approx(6.0)


def test_without_traffic_no_time_is_told():
    verdict = said(in_canary(), rate=0.0)
    assert "there is no traffic now" in verdict.needs
    assert " s)" not in verdict.needs


def test_shadow_tells_comparisons_and_baseline():
    verdict = said(with_counts(in_shadow(), counts(stable=30, compared=5)))
    assert "5 of 20 requests were compared" in verdict.reason
    assert "answered 30 of the 50 requests that its baseline needs" in verdict.reason
    assert verdict.needs.startswith("about 15 more compared requests")


def test_proof_that_lacks_is_told_with_how_much_more_at_the_rate_it_grew():
    state = with_counts(at_last_stage(), fair(at_last_stage(), 1000))
    verdict = said(state)
    assert "not shown to be no worse yet (errors" in verdict.reason
    missing = missing_now(state, weigh_state(state), now=1e6, requests_per_s=50.0)
    more = with_counts(state, fair(state, missing.requests))
    assert on(more, now=1e6).phase == "watch"
    fewer = with_counts(state, fair(state, round(0.5 * missing.requests)))
    assert on(fewer, now=1e6).phase == "canary"


def test_where_nothing_speaks_for_it_no_number_is_made_up():
    state = at_last_stage()
    worse = with_counts(state, counts(stable=300, canary=300, errors=(1, 5)))
    verdict = said(worse)
    assert verdict.outcome is Outcome.UNDECIDED
    assert "how many cannot be told" in verdict.needs


def test_a_suspected_mismatch_is_told_as_the_reason():
    state = with_counts(in_canary(), counts(stable=900, canary=10))
    verdict = said(state, now=state.since_s)
    assert verdict.outcome is Outcome.UNDECIDED
    assert "other shares of requests than they should" in verdict.reason


def test_frozen_needs_a_person_and_says_how():
    verdict = said(on(in_canary(), now=11.0, order=Order("freeze")))
    assert verdict.needs.endswith(f"smallcraft rollout resume, promote or abort {in_canary().id}")


def test_the_release_that_loads_is_waited_for():
    assert said(begun()).needs == "its worker to be ready"
    assert PLAN.stages[0] > 0
