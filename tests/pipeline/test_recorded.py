"""What was recorded comes back as the values that it was, and nothing that was not recorded is made up."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import canonical_json, plain
from smallcraft.pipeline.recorded import (
    candidates_of,
    decision_of,
    evidence_of,
    measurement_of,
    verdicts_of,
)
from smallcraft.records import CandidateStatus, Evidence, Measurement, Outcome, Verdict

NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6).map(lambda number: round(number, 3)))
WORDS = st.text("abc=<>&", max_size=5)
MEASUREMENTS = st.builds(
    Measurement,
    name=st.sampled_from(["accuracy", "p95_ms"]),
    value=NUMBERS,
    unit=WORDS,
    n=st.integers(0, 10_000),
    method=WORDS,
    low=NUMBERS,
    high=NUMBERS,
    split=st.sampled_from([None, "dev", "cert"]),
    slice=st.sampled_from(["all", "class=a", "region=<b>"]),
    detail=WORDS,
    level=st.sampled_from([None, 0.95]),
    hits=NUMBERS,
    trials=NUMBERS,
)
EVIDENCE = st.builds(
    Evidence,
    rung=st.sampled_from(["ngram", "tiny"]),
    status=st.sampled_from(list(CandidateStatus)),
    candidate=st.sampled_from([None, "sha256:00"]),
    measurements=st.lists(MEASUREMENTS, max_size=3).map(tuple),
    reason=WORDS,
)


@given(EVIDENCE)
def test_evidence_comes_back_from_its_record_as_it_was(evidence):
    stored = json.loads(canonical_json({"candidates": [plain(evidence)]}))
    assert candidates_of(stored) == (evidence,)


@given(st.dictionaries(st.sampled_from(["name", "value", "n", "low", "slice", "level"]), st.none() | WORDS))
def test_what_is_no_number_is_not_measured_and_never_zero(entry):
    found = measurement_of(entry)
    assert (found.value, found.low, found.level) == (None, None, None)


def test_facts_that_hold_nothing_give_a_candidate_without_measurements_and_no_winner():
    assert evidence_of({}).measurements == ()
    assert evidence_of({"status": "wonderful"}).status is CandidateStatus.SKIPPED
    assert candidates_of({"candidates": "not a list"}) == ()
    assert decision_of({}).chosen is None
    assert decision_of({}).confidence == 0.95


def test_what_blocks_stands_first_then_what_is_open_then_what_passed():
    told = [
        {"gate": "a", "outcome": "PASS", "reason": "", "required": True},
        {"gate": "b", "outcome": "UNDECIDED", "reason": "", "required": False},
        {"gate": "c", "outcome": "FAIL", "reason": ""},
        {"gate": "d", "outcome": "maybe", "reason": ""},
    ]
    found = verdicts_of({"verdicts": told})
    assert [verdict.gate for verdict in found] == ["c", "d", "b", "a"]
    assert found[1] == Verdict("d", Outcome.UNDECIDED, "")
