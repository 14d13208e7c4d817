"""Why something changed: words, numbers, and which guardrail is named."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.serve.rolling import at_last_stage, begun, counts, fair, in_canary, in_shadow, on, with_counts

from smallcraft.serve.rollout.causes import Sample, as_e_value, explain, leading_part, weakest_proof
from smallcraft.serve.rollout.phases import Decision, Rule, decide, weigh_state
from smallcraft.serve.rollout.standing import Order


def why(state, *, now=1000.0, order=None):
    evidence = weigh_state(state)
    decision = decide(state, evidence, now=now, order=order)
    assert decision is not None
    return decision, explain(state, decision, evidence, now=now, order=order)


def test_a_rollback_on_errors_tells_both_samples_the_evidence_and_what_was_needed():
    state = with_counts(in_canary(), counts(stable=15_420, canary=1700, errors=(9, 31)))
    decision, cause = why(state)
    assert decision.rule is Rule.EVIDENCE
    assert re.fullmatch(
        r"canary answered 31 of 1,700 requests with errors, stable 9 of 15,420;"
        r" evidence [\d,.]+ of the 20 needed",
        cause.sentence,
    )
    assert (cause.metric, cause.threshold) == ("errors", 20.0)
    assert (cause.stable, cause.canary) == (Sample(9, 15_420), Sample(31, 1700))
    assert cause.e_value >= 20.0


def test_a_rollback_on_latency_names_latency():
    state = with_counts(in_canary(), counts(stable=3600, canary=400, slow=(40, 60)))
    decision, cause = why(state)
    assert (decision.rule, cause.metric) == (Rule.EVIDENCE, "latency")
    assert "took longer than" in cause.sentence


def test_a_rollback_in_shadow_names_disagreement():
    state = with_counts(in_shadow(), counts(stable=200, compared=200, disagreed=120))
    assert why(state)[1].metric == "disagreement"


def test_a_mismatch_tells_how_many_were_meant_and_what_to_find():
    state = with_counts(in_canary(), counts(stable=900, canary=10))
    _, cause = why(state)
    assert "canary got 10 of 910 that chance assigned, where 91 were meant" in cause.sentence
    assert "find it first" in cause.sentence
    assert cause.threshold == pytest.approx(1000.0)


def test_of_keys_those_that_are_settled_are_not_meant():
    state = at_last_stage()
    last = replace(state.steps[-1], keyed=counts(stable=900, canary=1))
    _, cause = why(replace(state, steps=(*state.steps[:-1], last)))
    # Of 901 keys at or above 10 %, four ninths are below 50 %; of the first step, 30 of 300 were met.
    assert "canary got 31 of 1,201" in cause.sentence
    assert "where 430" in cause.sentence


def test_an_advance_tells_what_was_asked_for():
    state = in_canary()
    _, cause = why(with_counts(state, fair(state, 30)), now=state.since_s + 12.0)
    assert cause.sentence.startswith("canary answered 30 requests at 10 % (30 asked for) in 12 s")
    assert (cause.threshold, cause.test) == (5.0, "all guardrails together")


def test_a_promotion_tells_the_guardrail_that_was_shown_least():
    state = at_last_stage()
    _, cause = why(with_counts(state, fair(state, 5000)))
    assert "every guardrail was shown to be no worse, least of all" in cause.sentence
    assert (cause.threshold, cause.e_value >= 20.0) == (20.0, True)


@pytest.mark.parametrize(
    ("health", "words"),
    [
        ({"load_failure": "the digest differs"}, "helpdesk@4 could not be loaded: the digest differs"),
        ({"crashes": 3}, "3 workers of helpdesk@4 died; 3 are too many"),
        ({"unanswered": 6, "stable_answered": 2}, "left 6 requests unanswered and answered none"),
        (
            {"memory_bytes": 412 << 20, "memory_limit_bytes": 300 << 20},
            "grew to 412 MiB; its limit is 300 MiB",
        ),
    ],
)
def test_a_hard_stop_tells_what_was_seen(health, words):
    assert words in why(in_canary().with_health(**health))[1].sentence


def test_an_order_tells_who_and_why():
    sentence = why(in_canary(), order=Order("abort", "customers call"))[1].sentence
    assert sentence == "a person asked to abort: customers call"
    sentence = why(in_canary(), order=Order("freeze", by="server"))[1].sentence
    assert sentence == "the server asked to freeze"


def test_the_start_and_the_loading_have_words():
    start = explain(begun(), Decision(Rule.STARTED, "loading", 0, 0.0), None, now=0.0)
    assert start.sentence == "a person began to roll out helpdesk@4 beside helpdesk@3"
    assert "passed its self-check" in why(begun().with_health(is_loaded=True))[1].sentence


def test_the_strongest_part_leads_and_the_weakest_proof_is_told():
    state = at_last_stage()
    errors = weigh_state(with_counts(state, counts(stable=500, canary=500, errors=(5, 60))))
    assert leading_part(errors, state) == "errors"
    assert weakest_proof(errors)[0] == "errors"


def test_an_e_value_is_cut_off_where_doubles_end():
    assert as_e_value(1e6) == as_e_value(701.0)
    assert as_e_value(-1e6) == 0.0


def test_leaving_shadow_tells_comparisons():
    state = with_counts(in_shadow(), counts(stable=50, compared=50, disagreed=1))
    assert "both releases answered 50 requests (20 asked for) and disagreed on 1" in why(state)[1].sentence
    assert on(state, now=1.0).phase == "canary"
