from __future__ import annotations

import pytest
from tests.registry.papers.samples import facts_of

from smallcraft.registry.papers.sections import data


def test_splits_are_told_with_purpose_rows_and_digest():
    told = data.evaluation_data(facts_of())
    assert "- dev split (to choose between candidates): 666 rows, sha256:" + "2" * 64 in told
    assert told[-1] == "- how it was split: copies never straddle: 104 rows copy an earlier one ticket"
    assert data.training_data(facts_of())[3] == "- train split (to fit): 3,105 rows, sha256:" + "b" * 64


def test_a_split_that_was_not_recorded_is_missing():
    assert data.split_of({}, "dev").startswith("**missing: the dev split")


def test_the_ledger_tells_what_was_spent_and_what_is_left():
    assert data.sealed_test_set(facts_of()) == [
        "- rows: 674",
        "- answers given so far: 1, which revealed 7.5 bits",
        "- pre-registrations under which it was asked: 1",
        "- bound: no answer it gave is further than 0.052 from the truth, after all that was asked",
        "- what it can still tell: the bound 0.052 exceeds half the margin, 0.005",
        "- head of its ledger: sha256:" + "1" * 64,
    ]


def test_a_fine_enough_set_tells_the_smallest_difference_it_shows():
    cert = {**facts_of()["cert"], "wear": "", "bound": 0.004}
    told = data.sealed_test_set({"cert": cert, "margin": 0.01})
    assert "- what it can still tell: differences of 0.008 and more; the margin is 0.01" in told


def test_a_plan_tells_which_questions_are_spent_and_no_score():
    plan = {"question": 2, "questions": 3, "passed": True}
    told = data.sealed_test_set({"cert": {"plan": plan, "told": "PASS", "clock": ["late"]}})
    assert "- what it can still tell: pass or not shown, and no score; question 2 of 3 is spent" in told
    assert "- what it told: PASS" in told
    assert "- clock: late" in told


def test_a_set_that_answered_nothing_has_no_bound():
    told = data.sealed_test_set({"cert": {"rows": 3, "queries": 0}})
    assert "- bound: nothing was answered, so there is none" in told
    assert data.sealed_test_set({})[0].startswith("**missing: the ledger")


@pytest.mark.parametrize("key", ["checks", "quality"])
def test_checks_stand_as_a_table(key):
    check = {"check": "duplicates", "outcome": "PASS", "summary": "none"}
    facts = {"checks": [check]} if key == "checks" else {"quality": {"checks": [check]}}
    assert data.check_table(facts)[-1] == "| duplicates | PASS | none |"
    assert "missing: the data's checks" in data.check_table({})[0]


def test_class_sizes_come_from_the_count_of_rows():
    assert data.class_sizes(facts_of()) == [
        "- classes in train: 20, the smallest of 84 rows, as even as 19.2 of equal size"
    ]


def test_the_index_is_a_lower_bound_or_missing_with_its_reason():
    assert data.quality_index(facts_of())[0].endswith("writes a sheet to label again)**: not audited ticket")
    facts = {"quality": {"index": {"value": 0.9, "split": "cert"}}}
    assert data.quality_index(facts)[0].startswith("- data quality index: at least 0.9 of the cert rows")
