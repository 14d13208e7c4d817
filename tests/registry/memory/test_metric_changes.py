from __future__ import annotations

import math

import pytest
from tests.registry.memory.sides import facts_of, first_side, measurement, second_side, side

from smallcraft.errors import IntegrityError
from smallcraft.registry.memory.answers import ANSWERS_FILE
from smallcraft.registry.memory.metric_changes import compare_metrics


def changes(before, after):
    found = compare_metrics(before, after, confidence=0.95)
    return {(change.metric, change.split): change for change in found}


def test_the_declared_metric_and_accuracy_are_told_on_dev_and_cert():
    found = changes(first_side(), second_side())
    assert list(found) == [
        ("macro_f1", "dev"),
        ("accuracy", "dev"),
        ("macro_f1", "cert"),
        ("accuracy", "cert"),
    ]


def test_on_dev_the_rows_both_saw_are_paired():
    found = changes(first_side(), second_side())["accuracy", "dev"]
    assert found.n == 100
    assert found.difference == pytest.approx(found.after - found.before)
    assert 0 < found.low < found.difference < found.high
    assert found.how == "paired on the dev rows both saw; Tango with a continuity correction"


def test_without_a_log_both_values_stand_and_no_difference():
    bare = side("helpdesk@1", facts_of(), {})
    found = changes(bare, second_side())["macro_f1", "dev"]
    assert (found.before, found.after, found.difference) == (0.9, 0.9, None)
    assert found.reason == "no evaluation log is kept of helpdesk@1"


def test_a_metric_of_probabilities_is_not_made_up_from_answers():
    scored = measurement("log_loss", 0.3, split="dev")
    facts = facts_of(metric="log_loss")
    facts["candidates"][0]["measurements"].append(scored)
    found = changes(first_side(), second_side(metric="log_loss", candidates=facts["candidates"]))
    assert found["log_loss", "dev"].difference is None
    assert found["log_loss", "dev"].after == 0.3
    assert found["log_loss", "dev"].reason.endswith("see accuracy")
    assert found["accuracy", "dev"].difference is not None


def test_on_cert_what_the_ledger_told_is_compared_on_the_same_sealed_rows():
    found = changes(first_side(), second_side())["macro_f1", "cert"]
    assert (found.before, found.after, found.difference) == (0.9, 0.93, 0.03)
    # Both intervals reach 0.02 to each side.
    assert found.low == pytest.approx(0.03 - math.hypot(0.02, 0.02), abs=1e-6)
    assert found.high == pytest.approx(0.03 + math.hypot(0.02, 0.02), abs=1e-6)


def test_other_sealed_rows_are_not_compared():
    data = facts_of()["data"]
    other = {**data, "splits": {**data["splits"], "cert": {"rows": 5, "digest": "sha256:other"}}}
    found = changes(first_side(), second_side(data=other))["accuracy", "cert"]
    assert found.difference is None
    assert found.reason == "the sealed rows are not the same ones"


def test_what_cert_did_not_tell_is_not_compared():
    after = second_side()
    silent = side("helpdesk@2", {**after.facts, "cert": {"measurements": [], "plan": {"passed": True}}}, {})
    found = changes(first_side(), silent)["macro_f1", "cert"]
    assert (found.after, found.reason) == (None, "the ledger did not tell it of both")


def test_rows_that_nobody_shares_are_not_compared():
    from tests.registry.memory.sides import answers_file

    apart = second_side(files={ANSWERS_FILE: answers_file(range(5000, 5050), wrong=0.1)})
    assert changes(first_side(), apart)["accuracy", "dev"].reason == "no dev row was seen by both"


def test_a_damaged_log_is_refused_by_name():
    with pytest.raises(IntegrityError, match=r"evaluation/dev.npz of helpdesk@2 is no zip"):
        changes(first_side(), second_side(files={ANSWERS_FILE: b"junk"}))
