"""The machine: what leads from phase to phase, and what can never happen."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serve.rolling import (
    PLAN,
    at_last_stage,
    begun,
    counts,
    fair,
    in_canary,
    in_shadow,
    loaded,
    on,
    with_counts,
)

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.evidence import RolloutEvidence, Weighed
from smallcraft.serve.rollout.phases import (
    Decision,
    Rule,
    check_order,
    decide,
    enter,
    find_hard_stop,
    planned_weight,
    weigh_state,
)
from smallcraft.serve.rollout.standing import Health, Order, RolloutState


def choose(state: RolloutState, *, now: float = 1e6, order: Order | None = None) -> Decision | None:
    return decide(state, weigh_state(state), now=now, order=order)


def says(combined: float, *, mismatch: float = 0.0, shown: float = 9.0) -> RolloutEvidence:
    """Evidence as it might be, without counts."""
    weighed = Weighed(np.asarray(combined), np.asarray(shown), np.zeros(2, dtype=np.int64))
    return RolloutEvidence(
        {"errors": weighed}, {"errors": weighed}, np.asarray(combined), np.asarray(mismatch)
    )


# --- the way forward -----------------------------------------------------------------


def test_loading_waits_for_the_worker_and_leads_to_shadow():
    assert choose(begun()) is None
    assert choose(loaded()) == Decision(Rule.LOADED, "shadow", 0, 0.0, opens_step=True)


def test_shadow_leads_to_the_first_stage_once_enough_was_compared():
    state = in_shadow()
    assert choose(state) is None
    seen = counts(stable=50, compared=20)
    expected = Decision(Rule.COMPARED, "canary", 0, 0.1, opens_step=True)
    assert choose(with_counts(state, seen)) == expected
    assert choose(with_counts(state, counts(stable=50, compared=19))) is None
    assert choose(with_counts(state, counts(stable=49, compared=20))) is None


def test_a_mature_stage_leads_to_the_next_one_after_its_dwell():
    state = in_canary()
    mature = with_counts(state, fair(state, 30))
    assert choose(mature, now=state.since_s + 9.9) is None
    assert choose(mature, now=state.since_s + 10.0) == Decision(
        Rule.MATURE, "canary", 1, 0.5, opens_step=True
    )
    assert choose(with_counts(state, fair(state, 29))) is None


def test_the_last_stage_needs_proof_and_leads_to_watch():
    state = at_last_stage()
    assert choose(with_counts(state, fair(state, 60))) is None
    proven = with_counts(state, fair(state, 5000))
    assert choose(proven) == Decision(Rule.SHOWN, "watch", 1, 0.95, opens_step=True)


def test_watch_leads_to_done():
    state = at_last_stage()
    watch = on(with_counts(state, fair(state, 5000)), now=1000.0)
    assert (watch.phase, watch.weight) == ("watch", 0.95)
    done = on(with_counts(watch, fair(watch, 60)), now=2000.0)
    assert (done.phase, done.weight, done.is_ended) == ("done", 1.0, True)
    assert choose(done) is None


def test_no_traffic_holds_for_ever_in_every_phase():
    for state in (in_shadow(), in_canary(), at_last_stage()):
        assert choose(state, now=1e12) is None


def test_a_release_whose_worker_is_gone_goes_no_further():
    state = at_last_stage()
    gone = with_counts(state, fair(state, 5000)).with_health(is_loaded=False)
    assert choose(gone) is None
    with pytest.raises(InvalidInputError, match="has not loaded helpdesk@4 yet"):
        check_order(gone, Order("promote"))
    assert choose(gone.with_health(is_loaded=True)).phase == "watch"


def test_leaving_shadow_freezes_what_the_stable_release_was_like():
    state = with_counts(in_shadow(), counts(stable=50, compared=50, slow=(3, 0)))
    entered = on(state, now=5.0)
    seen = state.steps[0].counts
    assert entered.baseline.latency.tolist() == seen.latency[0].tolist()
    assert entered.baseline.classes.tolist() == seen.classes[0].tolist()
    assert entered.baseline.confidence.tolist() == seen.confidence[0].tolist()
    assert entered.baseline.disagreement == state.baseline.disagreement
    late = with_counts(entered, counts(stable=500))
    assert on(late, now=6.0).baseline is entered.baseline


# --- the way back --------------------------------------------------------------------


def test_many_errors_of_the_new_release_roll_back():
    state = in_canary()
    bad = with_counts(state, counts(stable=270, canary=30, errors=(2, 20)))
    assert choose(bad) == Decision(Rule.EVIDENCE, "rolled_back", 0, 0.0)


def test_an_incident_of_both_arms_does_not_roll_back():
    state = in_canary()
    assert choose(with_counts(state, counts(stable=270, canary=30, errors=(135, 15))), now=11.0) is None


def test_many_disagreements_in_shadow_roll_back():
    state = with_counts(in_shadow(), counts(stable=200, compared=200, disagreed=120))
    assert choose(state) == Decision(Rule.EVIDENCE, "rolled_back", 0, 0.0)


@pytest.mark.parametrize(
    ("health", "rule"),
    [
        (Health(load_failure="self-check: 3 of 8 rows differ"), Rule.LOAD_FAILED),
        (Health(crashes=3), Rule.CRASHES),
        (Health(unanswered=5, stable_answered=1), Rule.UNANSWERED),
        (Health(memory_bytes=301, memory_limit_bytes=300), Rule.MEMORY),
    ],
)
def test_a_hard_stop_rolls_back_in_every_phase_without_any_evidence(health, rule):
    assert find_hard_stop(health) is rule
    for state in (begun(), in_shadow(), at_last_stage(), on(in_canary(), now=0, order=Order("freeze"))):
        decision = decide(replace(state, health=health), None, now=0.0)
        assert (decision.rule, decision.phase, decision.weight) == (rule, "rolled_back", 0.0)


@pytest.mark.parametrize(
    "health",
    [
        Health(crashes=2),
        Health(unanswered=4, stable_answered=9),
        Health(unanswered=50, answered=1, stable_answered=9),
        Health(unanswered=50, stable_answered=0),
        Health(memory_bytes=300, memory_limit_bytes=300),
    ],
    ids=str,
)
def test_less_than_a_hard_stop_stops_nothing(health):
    assert find_hard_stop(health) is None


def test_evidence_rolls_back_what_is_frozen_too():
    frozen = on(in_canary(), now=11.0, order=Order("freeze"))
    assert decide(frozen, says(3.0), now=12.0).phase == "rolled_back"
    assert decide(frozen, says(9.0, mismatch=99.0), now=1e6) is None
    assert decide(frozen, says(-1.0), now=1e6) is None


# --- freezing and people -------------------------------------------------------------


def test_a_mismatch_freezes_and_the_stable_release_answers_alone():
    state = in_canary()
    lost = with_counts(state, counts(stable=900, canary=10))
    decision = choose(lost)
    assert decision == Decision(Rule.MISMATCH, "frozen", 0, 0.0)
    frozen = enter(lost, decision, now=20.0)
    assert (frozen.phase, frozen.frozen_from, frozen.weight) == ("frozen", "canary", 0.0)


def test_while_a_mismatch_is_suspected_no_evidence_is_believed():
    state = in_canary()
    mature = with_counts(state, fair(state, 40))
    assert decide(mature, says(3.0, mismatch=1.0), now=1e6).phase == "rolled_back"
    assert decide(mature, says(3.0, mismatch=2.0), now=1e6) is None
    assert decide(mature, says(-1.0, mismatch=2.0), now=1e6) is None
    assert decide(mature, says(-1.0, mismatch=1.0), now=1e6).rule is Rule.MATURE


def test_lost_requests_of_one_arm_freeze_and_do_not_convict_a_release():
    state = in_canary()
    for _ in range(200):
        state = on(with_counts(state, counts(stable=9, canary=0)), now=50.0)
        if state.phase != "canary":
            break
    assert state.phase == "frozen"


def test_a_person_who_resumes_after_a_mismatch_begins_the_evidence_and_the_dwell_anew():
    lost = with_counts(in_canary(), counts(stable=900, canary=10))
    frozen = on(lost, now=20.0)
    resumed = on(frozen, now=100.0, order=Order("resume"))
    assert (resumed.phase, resumed.frozen_from, resumed.weight) == ("canary", None, 0.1)
    assert (resumed.step, resumed.since_s) == (frozen.step, 100.0)
    assert resumed.steps[-1].counts.requests.tolist() == [0, 0]
    assert resumed.steps[0].counts.requests.tolist() == [50, 0]
    assert choose(resumed) is None
    assert on(with_counts(resumed, fair(resumed, 40)), now=200.0).stage == 1
    assert choose(with_counts(resumed, counts(stable=900, canary=10))).rule is Rule.MISMATCH


def test_resuming_what_a_person_froze_forgets_nothing():
    seen = with_counts(in_canary(), fair(in_canary(), 20))
    frozen = on(seen, now=11.0, order=Order("freeze"))
    resumed = on(frozen, now=12.0, order=Order("resume"))
    assert (resumed.steps, resumed.weight) == (seen.steps, 0.1)


@pytest.mark.parametrize("make", [begun, in_shadow, in_canary, at_last_stage])
def test_a_person_may_abort_anywhere(make):
    state = on(make(), now=1.0, order=Order("abort"))
    assert (state.phase, state.weight) == ("rolled_back", 0.0)


def test_a_person_promotes_one_phase_at_a_time_and_never_past_one():
    state, seen = in_shadow(), []
    while not state.is_ended:
        state = on(state, now=1.0, order=Order("promote"))
        seen.append((state.phase, state.weight))
    assert seen == [("canary", 0.1), ("canary", 0.5), ("watch", 0.95), ("done", 1.0)]


def test_a_person_cannot_promote_against_the_evidence():
    decision = decide(in_canary(), says(3.0), now=1.0, order=Order("promote"))
    assert decision.phase == "rolled_back"


def test_promoting_what_is_frozen_goes_on_from_where_it_froze():
    frozen = on(in_canary(), now=11.0, order=Order("freeze"))
    promoted = on(frozen, now=12.0, order=Order("promote"))
    assert (promoted.phase, promoted.stage, promoted.frozen_from) == ("canary", 1, None)


def test_freezing_while_loading_waits_with_a_worker_that_is_ready():
    frozen = on(begun(), now=1.0, order=Order("freeze")).with_health(is_loaded=True)
    assert choose(frozen) is None
    assert on(frozen, now=2.0, order=Order("resume")).phase == "loading"


@pytest.mark.parametrize(
    ("state", "kind", "message"),
    [
        (replace(in_canary(), phase="done"), "abort", "is done.*start another"),
        (replace(in_canary(), phase="rolled_back"), "resume", "is rolled back"),
        (in_canary(), "resume", "for a frozen rollout"),
        (replace(in_canary(), phase="frozen", frozen_from="canary"), "freeze", "is frozen already"),
        (begun(), "promote", "has not loaded helpdesk@4 yet"),
    ],
)
def test_an_order_that_does_not_fit_is_refused_with_what_would(state, kind, message):
    with pytest.raises(InvalidInputError, match=message):
        check_order(state, Order(kind))


def test_weights_of_phases_follow_from_the_plan():
    weights = [planned_weight(PLAN, phase, 1) for phase in ("loading", "shadow", "canary", "watch", "done")]
    assert weights == [0.0, 0.0, 0.5, 0.95, 1.0]


# --- what can never happen -----------------------------------------------------------

EVENTS = st.tuples(
    st.sampled_from([None, None, None, "abort", "promote", "freeze", "resume"]),
    st.floats(-20, 5),
    st.floats(-20, 12),
    st.floats(-5, 30),
    st.integers(0, 80),
    st.floats(-5, 40),
    st.integers(0, 20).map(lambda draw: 1 if draw == 0 else 0),
)
RANKS = {"loading": 0, "shadow": 1, "canary": 2, "watch": 4, "done": 5}


def rank(state: RolloutState) -> int:
    return RANKS[state.place] + (state.stage if state.place == "canary" else 0)


@settings(max_examples=80)
@given(events=st.lists(EVENTS, min_size=1, max_size=20))
def test_no_phase_is_left_out_no_weight_rises_on_evidence_against_and_the_end_is_the_end(events):
    state, now = loaded(), 0.0
    for kind, combined, mismatch, shown, canary, seconds, crashes in events:
        now += seconds
        state = state.with_health(crashes=state.health.crashes + crashes)
        if state.steps:
            state = with_counts(state, counts(stable=50, canary=canary, compared=20))
        order = None if kind is None else Order(kind)
        if order is not None:
            try:
                check_order(state, order)
            except InvalidInputError:
                order = None
        evidence = says(combined, mismatch=mismatch, shown=shown) if state.steps else None
        decision = decide(state, evidence, now=now, order=order)
        if state.is_ended:
            assert decision is None
            continue
        after = state if decision is None else enter(state, decision, now=now)
        check_transition(state, after, decision, evidence, now)
        state = after


def check_transition(before, after, decision, evidence, now):
    if decision is not None and decision.rule is Rule.ORDER and decision.phase == "rolled_back":
        assert after.weight == 0.0
        return
    against = -math.inf if evidence is None else float(evidence.combined)
    suspected = evidence is not None and float(evidence.mismatch) >= math.log(5.0)
    if (against >= math.log(20.0) and not suspected) or find_hard_stop(before.health):
        assert after.phase == "rolled_back"
    if after.phase == "rolled_back":
        assert after.weight == 0.0
        return
    if after.phase == "frozen":
        assert (after.place, after.steps) == (before.place, before.steps)
        assert after.weight == (0.0 if decision and decision.rule is Rule.MISMATCH else before.weight)
        return
    assert rank(after) in (rank(before), rank(before) + 1)
    assert after.weight == planned_weight(after.plan, after.place, after.stage)
    if rank(after) > rank(before) and decision.rule is not Rule.ORDER and evidence is not None:
        assert against < math.log(5.0)
        assert not suspected
        assert before.phase != "frozen"
        step = before.steps[-1]
        if step.kind != "shadow":
            assert now - before.since_s >= before.plan.dwell_s
            assert step.counts.requests[1] >= (60 if rank(before) > 2 else 30)
        if rank(before) >= 3:
            assert float(evidence.guardrails["errors"].non_inferior) >= math.log(20.0)
