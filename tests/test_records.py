"""Laws of the records: frozen, "not measured" is None, and each property follows from the fields."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft import records
from smallcraft.records import (
    CandidateStatus,
    Evidence,
    Measurement,
    Outcome,
    Predictions,
    Release,
    Roles,
    Verdict,
)

RECORDS = [
    value
    for _, value in inspect.getmembers(records, dataclasses.is_dataclass)
    if value.__module__ == records.__name__
]
names = st.text("abcdef", min_size=1, max_size=2)


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_is_frozen_and_says_what_it_is(record):
    assert record.__dataclass_params__.frozen
    assert record.__doc__
    assert not record.__doc__.startswith(f"{record.__name__}(")


def test_a_measurement_that_was_not_made_is_none_and_so_are_its_bounds():
    defaults = {field.name: field.default for field in dataclasses.fields(Measurement)}
    assert (defaults["low"], defaults["high"], defaults["split"]) == (None, None, None)
    assert defaults["value"] is dataclasses.MISSING


@given(
    label=names,
    text=st.none() | names,
    features=st.lists(names, max_size=4),
    votes=st.lists(names, max_size=3),
    time=st.none() | names,
    groups=st.lists(names, max_size=3),
    key=st.none() | names,
)
def test_every_column_with_a_role_is_named_exactly_once(label, text, features, votes, time, groups, key):
    roles = Roles(label, text, tuple(features), tuple(votes), time, tuple(groups), key)
    everything = {label, *features, *votes, *groups} | {name for name in (text, time, key) if name}
    assert set(roles.named) == everything
    assert len(roles.named) == len(everything)


def test_a_model_reads_text_first_and_nothing_but_inputs():
    roles = Roles("y", text="t", features=("b", "a"), votes=("v",), time="w", groups=("g",), key="k")
    assert roles.inputs == ("t", "b", "a")
    assert Roles("y", features=("a",)).inputs == ("a",)
    assert Roles("y").inputs == ()


@pytest.mark.parametrize(
    ("outcome", "required", "blocks"),
    [
        (Outcome.PASS, True, False),
        (Outcome.PASS, False, False),
        (Outcome.FAIL, True, True),
        (Outcome.FAIL, False, True),
        (Outcome.UNDECIDED, True, True),
        (Outcome.UNDECIDED, False, False),
    ],
)
def test_a_fail_always_blocks_and_an_undecided_only_where_it_is_required(outcome, required, blocks):
    assert Verdict("quality", outcome, "why", required=required).blocks is blocks


def test_a_verdict_is_required_unless_said_otherwise():
    assert Verdict("quality", Outcome.UNDECIDED, "no evidence").blocks


def measured(name: str, value: float, **where: str) -> Measurement:
    return Measurement(name, value, "share", 10, "test", **where)


def test_a_measurement_is_found_by_name_split_and_slice_together():
    on_dev, on_cert = measured("accuracy", 0.9, split="dev"), measured("accuracy", 0.8, split="cert")
    north = measured("accuracy", 0.7, split="dev", slice="region=north")
    evidence = Evidence("fast", CandidateStatus.MEASURED, "sha256:00", (on_dev, on_cert, north))
    assert evidence.find("accuracy", split="dev") is on_dev
    assert evidence.find("accuracy", split="cert") is on_cert
    assert evidence.find("accuracy", split="dev", slice="region=north") is north


def test_what_was_not_measured_is_none():
    evidence = Evidence("fast", CandidateStatus.SKIPPED, None, reason="no encoder weights")
    assert evidence.find("accuracy", split="dev") is None
    assert evidence.find("accuracy") is None


@given(st.integers(1, 6), st.integers(2, 5), st.randoms(use_true_random=False))
def test_the_answer_is_a_class_that_no_other_beats_and_the_first_of_equals(rows, classes, random):
    probs = np.array([[random.choice([0.1, 0.2, 0.4]) for _ in range(classes)] for _ in range(rows)])
    answers = Predictions(tuple("abcde"[:classes]), np.zeros(rows, np.int64), probs).predicted
    assert answers.dtype == np.int64
    for row, answer in zip(probs, answers, strict=True):
        assert row[answer] == row.max()
        assert (row[:answer] < row[answer]).all()


def test_a_release_is_called_by_name_and_version():
    assert Release("helpdesk", 3, "sha256:00", None, "2026-01-01T00:00:00Z", ()).label == "helpdesk@3"


def test_an_outcome_is_written_as_its_word():
    assert [str(outcome) for outcome in Outcome] == ["PASS", "FAIL", "UNDECIDED"]
