"""What counts say: the outcomes and words of checks, over all rows."""

from __future__ import annotations

from collections import Counter

import pytest

from smallcraft.data.partitions.copies import Contradicted, CopyCount
from smallcraft.data.partitions.counting import Example, RowTally, Seen
from smallcraft.data.partitions.verdicts import (
    copies_result,
    integrity_result,
    personal_result,
    row_count_result,
    votes_result,
)
from smallcraft.data.partitions.votes import VoteTally
from smallcraft.records import Outcome, Roles

ROLES = Roles(label="label", text="text", features=("size",))


def tally(**more) -> RowTally:
    return RowTally(read=Counter({0: 60, 1: 40}), labels=Counter(a=70, b=30), **more)


@pytest.mark.parametrize(
    ("labels", "outcome", "words"),
    [
        ({"a": 70, "b": 30}, Outcome.PASS, "rows: 100 in 2 pieces"),
        ({"a": 98, "b": 2}, Outcome.UNDECIDED, "class 'b' has 2 of the 3 rows"),
        ({"a": 100}, Outcome.FAIL, "fewer than two classes"),
    ],
)
def test_classes_that_cannot_be_learned_are_told(labels, outcome, words):
    result = row_count_result(RowTally(read=Counter({0: 60, 1: 40}), labels=Counter(labels)), ROLES)
    assert result.outcome is outcome
    assert words in result.summary


def test_rows_are_told_as_read_and_as_set_aside():
    numbers = row_count_result(tally(broken=3, set_aside=5), ROLES).numbers
    assert (numbers["rows_read_all"], numbers["rows_set_aside_all"], numbers["rows_all"]) == (103, 8, 95)


def test_damage_is_for_a_person_to_look_at_and_named_by_place():
    example = Example("mojibake", "text", "rows.csv", 7, 6)
    features = {"size": Seen("1", has_others=True)}
    found = tally(faults=Counter(mojibake=4), failing=4, examples=(example,), features=features)
    result = integrity_result(found, ROLES)
    assert result.outcome is Outcome.UNDECIDED
    assert result.summary == "4 of 100 rows are damaged (mojibake: 4)"
    assert [one.what for one in result.findings] == [
        "rows.csv, line 7: letters look like UTF-8 read as Windows-1252"
    ]
    assert result.numbers["share_failing"] == 0.04


def test_sound_rows_pass_and_a_feature_with_one_value_does_not():
    assert (
        integrity_result(tally(features={"size": Seen("1", has_others=True)}), ROLES).outcome is Outcome.PASS
    )
    constant = integrity_result(tally(features={"size": Seen("1")}), ROLES)
    assert (constant.outcome, constant.summary) == (Outcome.UNDECIDED, "feature 'size' has one value only")


def test_personal_data_are_told_masked():
    example = Example("email", "text", "rows.parquet", None, 9, shown="a***@e***.org")
    result = personal_result(tally(personal=Counter(email=2), personal_rows=2, examples=(example,)))
    assert result.outcome is Outcome.UNDECIDED
    assert result.findings[0].what == "rows.parquet, row 9 holds an e-mail address: a***@e***.org"
    assert personal_result(tally()).outcome is Outcome.PASS


def test_contradictions_are_told_with_their_rows():
    copies = CopyCount(100, 90, 2, 1, (Contradicted((4, 9, 12, 30), 4, 2),))
    result = copies_result(copies, ROLES, near_share=0.03, locate=lambda place: f"row {place}")
    assert result.outcome is Outcome.UNDECIDED
    assert (
        result.summary
        == "the data: 10 exact copies, near copies of 3.00% of a sample, at least 2 wrong labels"
    )
    assert result.findings[0].what.endswith("at least 2 of them wrong: row 4, row 9, row 12 and more")


def test_where_most_rows_equal_another_one_copies_are_not_told():
    roles = Roles(label="label", features=("size",))
    result = copies_result(CopyCount(100, 20), roles, near_share=None, locate=str)
    assert result.numbers["exact_all"] is None
    assert result.summary == "the data: copies not told: most rows equal another one"


def test_votes_that_are_about_no_row_are_told():
    lone = VoteTally(annotators=Counter(ann=3), rows=5, lost=2, again=1)
    result = votes_result(lone, level=0.95, seed=0)
    assert (result.outcome, result.summary) == (
        Outcome.UNDECIDED,
        "no row has two votes; 2 more votes are about no row",
    )
    assert (result.numbers["votes_without_a_row"], result.numbers["votes_said_again"]) == (2, 1)
