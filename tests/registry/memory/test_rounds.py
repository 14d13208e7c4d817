"""Rounds of labelling as the log keeps them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.registry.memory.sides import facts_of

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError
from smallcraft.label.measuring import Delta
from smallcraft.label.outcome import Outcome, encode_outcome
from smallcraft.records import Interval
from smallcraft.registry.memory.rounds import is_round, parse_round
from smallcraft.registry.memory.trials import encode_trial, trials_of_build

BARE = Outcome(
    campaign="c0123456789",
    strategy="slice_value",
    votes=1200,
    annotators=2,
    votes_head="sha256:00",
    cost=1200.0,
    unit="votes",
    changed=300,
    queued=4,
    arms=None,
    overall=None,
    slices=(),
    cost_of_a_repair=4.0,
    alpha=None,
)
GAIN = Delta("all", 0.8125, 0.84375, Interval(0.0188, 0.0449), (0.03125,), 1500)


def test_a_round_is_told_in_a_line_with_what_it_bought():
    found = parse_round(encode_outcome(replace(BARE, overall=GAIN, advice="go on")))
    assert found.sentence == (
        "labelled: campaign c0123456789 (slice_value), 1,200 votes changed 300 labels, "
        "accuracy +0.0312 [+0.0188, +0.0449]; go on"
    )


def test_a_round_that_was_not_measured_says_so_and_shows_no_number():
    sentence = parse_round(encode_outcome(BARE)).sentence
    assert sentence.endswith("300 labels, what it bought was not measured")


def test_rounds_are_told_from_trials_and_from_what_is_no_json():
    trial = encode_trial(trials_of_build(facts_of())[0])
    assert is_round(encode_outcome(BARE))
    assert [is_round(data) for data in (trial, b"{", b"[]", b"\xff")] == [False] * 4


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "is not JSON"),
        (encode_outcome(BARE) + b" ", "canonical form"),
        (canonical_json({"format": 2, "kind": "campaign"}), "format 1"),
        (canonical_json({"format": 1, "kind": "campaign"}), "must have the fields of a round"),
        (encode_outcome(BARE).replace(b'"votes":1200', b'"votes":"many"'), "must have the fields of a round"),
    ],
)
def test_what_is_no_round_is_refused(data, message):
    with pytest.raises(IntegrityError, match=message):
        parse_round(data, what="the decision of entry 4")
