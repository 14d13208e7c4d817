"""Laws of row counts: what cannot be learned fails, what cannot be measured is undecided."""

from __future__ import annotations

import polars as pl
import pytest

from smallcraft.data.checks.row_counts import RowCounts
from smallcraft.records import Outcome, Roles

ROLES = Roles(label="label", text="text")


def labels(text: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"text": ["t"] * len(text), "label": list(text)}, {"text": pl.String, "label": pl.String}
    )


def inspect(**splits: str):
    return RowCounts().inspect({name: labels(text) for name, text in splits.items()}, ROLES)


def test_counts_are_told_for_every_split():
    result = inspect(train="aaab", dev="ab", cert="ab")
    assert result.outcome is Outcome.PASS
    assert (result.numbers["rows_train"], result.numbers["smallest_class_train"]) == (4, 1)
    assert result.numbers["effective_classes_dev"] == pytest.approx(2.0)


def test_a_class_that_train_never_shows_fails():
    result = inspect(train="aabb", dev="ab", cert="abc")
    assert result.outcome is Outcome.FAIL
    assert "class 'c' has 1 rows in cert and none in train" in result.summary


def test_a_class_that_cannot_be_measured_is_undecided():
    result = inspect(train="aabbcc", dev="abc", cert="ab")
    assert result.outcome is Outcome.UNDECIDED
    assert [finding.what for finding in result.findings] == ["class 'c' has 2 rows in train and none in cert"]


def test_an_empty_split_fails_and_has_no_smallest_class():
    result = inspect(train="ab", dev="ab", cert="")
    assert result.outcome is Outcome.FAIL
    assert result.numbers["smallest_class_cert"] is None


def test_rows_that_are_not_split_yet_are_counted_alone():
    result = inspect(all="aaabbb")
    assert result.outcome is Outcome.PASS
    assert result.summary == "rows: 6"
    assert result.numbers["classes_all"] == 2


def test_a_class_that_cannot_stand_in_three_splits_is_undecided():
    result = inspect(all="aaabb")
    assert result.outcome is Outcome.UNDECIDED
    assert [(finding.what, finding.kind) for finding in result.findings] == [
        ("class 'b' has 2 of the 3 rows that train, dev and cert need", "too few rows")
    ]


def test_one_class_alone_fails():
    result = inspect(all="aaa")
    assert result.outcome is Outcome.FAIL
    assert "1 class: a classifier needs at least two" in result.summary
