from __future__ import annotations

import pytest
from tests.registry.memory.sides import facts_of, verdict

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.memory.trials import (
    decisions_of_candidates,
    encode_trial,
    parse_trial,
    trials_of_build,
)


def trials(**more):
    return {(trial.rung, trial.status): trial for trial in trials_of_build(facts_of(**more))}


def test_every_candidate_but_the_release_is_remembered_with_its_reason():
    found = trials()
    assert {key: (trial.verdict, trial.reason) for key, trial in found.items()} == {
        ("fast", "lost"): ("reject", "as good, but costs 2 times as much as ngram"),
        ("frozen", "skipped"): ("reject", "no backbone"),
        ("trees", "crashed"): ("crash", "no memory"),
    }


def test_a_loser_keeps_its_scores_with_intervals_and_its_cost():
    loser = trials()["fast", "lost"]
    assert [(score.name, score.value, score.low, score.high) for score in loser.scores] == [
        ("macro_f1", 0.91, 0.91 - 0.02, 0.91 + 0.02),
        ("accuracy", 0.91, 0.91 - 0.02, 0.91 + 0.02),
    ]
    assert {cost.name: cost.value for cost in loser.costs}["size_mb"] == 0.4
    assert loser.candidate == digest_bytes(b"fast")
    assert loser.winner == "sha256:b1"
    assert trials()["frozen", "skipped"].costs == ()


@pytest.mark.parametrize(("outcome", "status"), [("FAIL", "failed"), ("UNDECIDED", "undecided")])
def test_a_winner_that_a_gate_keeps_back_is_rejected_with_the_gate(outcome, status):
    found = trials(verdicts=[verdict("floor", outcome, "0.7 is below 0.8"), verdict("size", "PASS", "small")])
    winner = found["ngram", status]
    assert (winner.verdict, winner.reason) == ("reject", "floor: 0.7 is below 0.8")


def test_a_gate_that_fails_blocks_although_it_is_not_required():
    assert ("ngram", "failed") in trials(verdicts=[verdict("floor", "FAIL", "low", required=False)])


def test_an_undecided_gate_that_is_not_required_blocks_nothing():
    assert not [status for _, status in trials() if status in ("failed", "undecided")]


def test_many_gates_are_told_in_few_words():
    many = [verdict(f"g{at}", "FAIL", "low") for at in range(9)]
    assert trials(verdicts=many)["ngram", "failed"].reason == "g0: low; g1: low; g2: low; and 6 more"


def test_a_document_is_read_back_as_it_was_and_is_small():
    for trial in trials_of_build(facts_of()):
        data = encode_trial(trial)
        assert parse_trial(data) == trial
        assert len(data) < 2000


def test_documents_come_in_the_order_of_the_trials():
    documents = decisions_of_candidates(facts_of())
    assert [parse_trial(data) for data in documents] == list(trials_of_build(facts_of()))


def test_what_is_no_trial_is_refused():
    with pytest.raises(IntegrityError, match="must have the fields of a trial"):
        parse_trial(b'{"costs":[],"format":1,"scores":[]}')
    with pytest.raises(IntegrityError, match="is not JSON"):
        parse_trial(b"{")
