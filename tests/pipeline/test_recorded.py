"""What was recorded comes back as the values that it was, and nothing that was not recorded is made up."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import canonical_json, plain
from smallcraft.errors import InvalidInputError
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


@given(st.dictionaries(st.sampled_from(["value", "low", "slice", "level"]), st.none() | WORDS))
def test_what_is_no_number_is_not_measured_and_never_zero(entry):
    found = measurement_of({"name": "accuracy", "n": 5, **entry})
    assert (found.value, found.low, found.level) == (None, None, None)


@given(st.sampled_from(["value", "low", "high", "level", "hits", "trials", "rest_hits", "rest_trials"]))
def test_a_whole_number_in_json_reads_back_as_the_float_that_it_was(name):
    found = measurement_of({"name": "accuracy", "n": 5, name: 2})
    assert type(getattr(found, name)) is float


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "accuracy"}, "measurement 'accuracy' must record 'n' as a number, there is none; .*build"),
        ({"name": "accuracy", "n": None}, "must record 'n' as a number, got None"),
        ({"name": "accuracy", "n": "many"}, "must record 'n' as a number, got 'many'"),
        ({"name": "accuracy", "n": True}, "must record 'n' as a number, got True"),
        ({"name": "accuracy", "n": 1.5}, "must record 'n' as a count, got 1.5"),
        ({"name": "accuracy", "n": -1}, "must record 'n' as a count, got -1"),
        ({"n": 5, "value": 0.9}, "a measurement must have a name, got"),
    ],
)
def test_a_measurement_that_does_not_say_how_many_rows_it_counted_is_refused(entry, message):
    with pytest.raises(InvalidInputError, match=message):
        candidates_of({"candidates": [{"rung": "ngram", "measurements": [entry]}]})


@pytest.mark.parametrize("missing", ["margin", "confidence"])
def test_a_choice_that_does_not_say_by_which_margin_and_confidence_is_refused(missing):
    told = {"chosen": "ngram", "margin": 0.01, "confidence": 0.9}
    found = decision_of({"decision": told})
    assert found is not None
    assert (found.chosen, found.margin, found.confidence) == ("ngram", 0.01, 0.9)
    del told[missing]
    with pytest.raises(InvalidInputError, match=f"the decision must record '{missing}' as a number"):
        decision_of({"decision": told})


def test_a_choice_made_with_no_margin_at_all_keeps_its_zero():
    found = decision_of({"decision": {"margin": 0, "confidence": 0.95}})
    assert found is not None
    assert found.margin == 0.0


def test_facts_that_hold_nothing_give_a_candidate_without_measurements_and_no_choice():
    assert evidence_of({}).measurements == ()
    assert evidence_of({"status": "wonderful"}).status is CandidateStatus.SKIPPED
    assert candidates_of({"candidates": "not a list"}) == ()
    assert decision_of({}) is None


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
