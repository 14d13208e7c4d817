"""Audit answers: read back for the very rows that were shown, refused where anything changed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.data.quality.audited import (
    ANSWER,
    CLASSES,
    ROLES,
    fill_in,
    lines_of,
    make_split,
    write_lines,
    write_sheet_for,
)

from smallcraft.data.quality.answers import read_audit_answers
from smallcraft.data.quality.sheet import AUDIT_ID
from smallcraft.errors import DataError


@pytest.fixture
def split():
    return make_split()


@pytest.fixture
def sheet(split, tmp_path):
    write_sheet_for(split, tmp_path / "audit.csv")
    return tmp_path / "audit.csv"


def read(sheet, split, **kind):
    return read_audit_answers(sheet, frame=split.frame, roles=ROLES, **kind)


def test_answers_come_back_for_the_rows_that_were_shown(split, sheet):
    plan_rows = {int(line["row"]) for line in lines_of(sheet)}
    fill_in(sheet, split)
    answers = read(sheet, split)
    assert set(answers.rows.tolist()) == plan_rows
    assert answers.adjudicated == tuple(CLASSES[split.truth[row]] for row in answers.rows)
    assert answers.given == tuple(split.frame["intent"].gather(answers.rows).to_list())
    assert answers.is_right.tolist() == (split.truth == split.given.truth)[answers.rows].tolist()
    assert (answers.asked, answers.unanswered, answers.split) == (60, 0, "all")
    assert np.array_equal(answers.class_sizes.sum(axis=0), answers.sizes)
    assert answers.sizes.sum() == split.frame.height


@pytest.mark.parametrize("separator", [";", "\t"])
def test_the_order_and_the_separator_of_lines_do_not_matter(split, sheet, separator):
    lines = fill_in(sheet, split)
    plain = read(sheet, split)
    write_lines(sheet, lines[::-1], separator=separator)
    assert read(sheet, split).adjudicated == plain.adjudicated
    assert read(sheet, split).rows.tolist() == plain.rows.tolist()


def test_blank_and_deleted_lines_are_unanswered(split, sheet):
    lines = fill_in(sheet, split, change={0: "", 1: "  "})
    write_lines(sheet, lines[:-3])
    answers = read(sheet, split)
    assert (len(answers.rows), answers.unanswered) == (55, 5)


def test_unsure_and_none_of_these_are_told_apart(split, sheet):
    fill_in(sheet, split, change={0: "unsure", 1: "None of these"})
    answers = read(sheet, split)
    assert answers.adjudicated[:2] == (None, None)
    assert answers.is_unsure[:3].tolist() == [True, False, False]
    assert not answers.is_right[:2].any()


@pytest.mark.parametrize("written", ["'-1", "-1", " -1 "])
def test_a_label_that_looks_like_a_formula_is_understood_with_and_without_its_mark(split, sheet, written):
    fill_in(sheet, split, change={0: written})
    assert read(sheet, split).adjudicated[0] == "-1"


def test_a_label_in_another_case_is_understood_where_it_can_only_be_one(split, sheet):
    fill_in(sheet, split, change={0: "LOAN"})
    assert read(sheet, split).adjudicated[0] == "loan"


def test_an_unknown_label_is_refused_with_the_nearest_name(split, sheet):
    fill_in(sheet, split, change={0: "crad", 1: "lone"})
    with pytest.raises(DataError, match=r"0001 answers 'crad'.*\(1 more\).*did you mean 'card'\?"):
        read(sheet, split)


def test_a_row_answered_twice_in_two_ways_is_refused(split, sheet):
    lines = fill_in(sheet, split, change={0: "card"})
    write_lines(sheet, [*lines, {**lines[0], ANSWER: "loan"}])
    with pytest.raises(DataError, match="stands there twice with two answers"):
        read(sheet, split)


def test_a_line_of_another_audit_is_refused(split, sheet, tmp_path):
    other = tmp_path / "other.csv"
    write_sheet_for(split, other, seed=9)
    write_lines(sheet, [*lines_of(sheet), lines_of(other)[0]])
    with pytest.raises(DataError, match="is not of audit"):
        read(sheet, split)


def test_a_sheet_of_another_file_is_refused(split, sheet):
    fill_in(sheet, split)
    with pytest.raises(DataError, match="drawn from 600 rows of all, got 500"):
        read_audit_answers(sheet, frame=split.frame.head(500), roles=ROLES)
    others = split.frame.with_columns(message=pl.lit("something else"))
    with pytest.raises(DataError, match=r"its rows are others.*60 of 60 differ"):
        read_audit_answers(sheet, frame=others, roles=ROLES)


def test_a_row_that_changed_since_is_refused_by_its_number(split, sheet):
    lines = fill_in(sheet, split)
    row = int(lines[5]["row"])
    changed = split.frame.with_columns(
        age=pl.when(pl.int_range(pl.len()) == row).then(-1.0).otherwise(pl.col("age"))
    )
    with pytest.raises(DataError, match=f"row {row} holds something else .*1 of 60 differ"):
        read_audit_answers(sheet, frame=changed, roles=ROLES)


def test_a_label_that_was_corrected_after_the_audit_is_refused_with_the_reason(split, sheet):
    lines = fill_in(sheet, split)
    row = int(lines[5]["row"])
    other = next(name for name in CLASSES if name != split.frame["intent"][row])
    changed = split.frame.with_columns(
        intent=pl.when(pl.int_range(pl.len()) == row).then(pl.lit(other)).otherwise(pl.col("intent"))
    )
    with pytest.raises(DataError, match=f"the label of row {row} changed.*draw a new one"):
        read_audit_answers(sheet, frame=changed, roles=ROLES)
    answers = read_audit_answers(sheet, frame=changed, roles=ROLES, is_relabelled=True)
    assert answers.is_relabelled
    assert answers.given[5] == other


def test_rows_of_another_version_are_found_wherever_they_stand(split, sheet):
    fill_in(sheet, split)
    plain = read(sheet, split)
    moved = split.frame.reverse().head(550)
    answers = read_audit_answers(sheet, frame=moved, roles=ROLES, is_relabelled=True)
    assert answers.unanswered == sum(row < 50 for row in plain.rows)
    place = {item: at for at, item in enumerate(plain.items.tolist())}
    for item, row, given in zip(answers.items.tolist(), answers.rows.tolist(), answers.given, strict=True):
        assert row == 599 - plain.rows[place[item]]
        assert given == plain.given[place[item]]


def test_a_version_without_any_of_the_rows_is_refused(split, sheet):
    fill_in(sheet, split)
    others = split.frame.with_columns(message=pl.lit("something else"))
    with pytest.raises(DataError, match="none of its 60 rows is in this data"):
        read_audit_answers(sheet, frame=others, roles=ROLES, is_relabelled=True)


def test_a_sheet_without_rows_is_refused(split, sheet):
    sheet.write_text(f"{AUDIT_ID},{ANSWER}\n")
    with pytest.raises(DataError, match="has no rows"):
        read(sheet, split)
