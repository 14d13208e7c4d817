from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pipeline.builds import make_build, not_built

from smallcraft.pipeline.result import (
    PlanAnswer,
    candidate_json,
    ledger_notes,
    overall_outcome,
    scores_json,
    verdict_json,
)
from smallcraft.records import CandidateStatus, Measurement, Outcome, Verdict

VERDICTS = st.builds(
    Verdict, gate=st.just("g"), outcome=st.sampled_from(Outcome), reason=st.just("r"), required=st.booleans()
)


@given(st.lists(VERDICTS, max_size=6))
def test_nothing_passes_that_a_gate_blocks_and_a_failure_outranks_doubt(verdicts):
    outcome = overall_outcome(tuple(verdicts))
    assert (outcome is Outcome.FAIL) == any(v.outcome is Outcome.FAIL for v in verdicts)
    assert (outcome is Outcome.PASS) == (not any(v.blocks for v in verdicts))


def test_the_json_of_a_build_survives_json(tmp_path):
    document = make_build().as_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["release"] == "helpdesk@3"
    assert make_build(is_released=False).as_json()["release"] is None


@pytest.mark.parametrize("status", [CandidateStatus.SKIPPED, CandidateStatus.CRASHED])
def test_what_was_not_measured_is_null_and_never_zero(status):
    document = candidate_json(not_built("frozen", status, "no backbone"))
    assert set(document["cost"].values()) == {None}
    assert (document["scores"], document["reason"]) == ({}, "no backbone")


def test_energy_is_null_where_no_counter_was_read():
    assert {candidate["cost"]["energy"] for candidate in make_build().as_json()["candidates"]} == {None}


def test_scores_are_those_over_all_rows():
    whole = Measurement("accuracy", 0.9, "fraction", 10, "Wilson", 0.8, 0.95, "dev")
    of_class = replace(whole, value=0.1, slice="class=a")
    cost = Measurement("p50_ms", 1.0, "ms", 10, "order statistics")
    assert scores_json((of_class, whole, cost)) == {
        "accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 10, "split": "dev", "method": "Wilson"}
    }


def test_a_verdict_is_told_with_what_would_settle_it():
    verdict = Verdict("cert", Outcome.UNDECIDED, "too few", needs="420 rows", required=False)
    assert verdict_json(verdict) == {
        "gate": "cert",
        "measurement": "",
        "slice": "all",
        "outcome": "UNDECIDED",
        "reason": "too few",
        "needs": "420 rows",
        "required": False,
    }


PLAN = PlanAnswer("macro_f1", "macro_f1 at least 0.9", passed=False, question=3, questions=50, passes=1)


def test_a_plans_answer_has_no_score_and_its_place_in_the_plan():
    cert = replace(make_build().cert, measurements=(), plan=PLAN, wear="of the plan, 47 questions are left")
    document = replace(make_build(), cert=cert).as_json()["cert"]
    assert (document["scores"], document["wear"]) == ({}, "of the plan, 47 questions are left")
    assert document["plan"]["passed"] is False
    assert document["plan"]["sentence"] == (
        "cert said only whether macro_f1 at least 0.9 is shown: not shown; question 3 of 50"
    )
    assert make_build().as_json()["cert"]["plan"] is None


def test_what_a_reader_should_know_of_earlier_looks_is_told_only_where_there_is_something():
    cert = make_build().cert
    assert ledger_notes(cert) == ()
    odd = replace(cert, wear="worn", registrations=3, clock=("the clock was set back",))
    assert ledger_notes(odd) == (
        "worn",
        "asked under 3 pre-registrations: what was declared was changed after a look",
        "the clock was set back",
    )
