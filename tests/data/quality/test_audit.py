"""Label audits from plan to verdict: unbiased, blind to the model, and silent without people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.data.quality.audited import ROLES, fill_in, lines_of, make_split, write_sheet_for

from smallcraft.data.quality.answers import AuditAnswers, read_audit_answers
from smallcraft.data.quality.audit import (
    judge_labels,
    labels_not_judged,
    plan_audit,
    write_audit_sheet,
)
from smallcraft.data.quality.sheet import read_plan
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.records import Outcome, Predictions
from smallcraft.stats.stratified import STRATA


def judge(given, answers, **changed):
    told = {"split": "all", "expected_errors": None, "disagreements": None} | changed
    return judge_labels(given, answers, **told)


@pytest.fixture
def split():
    return make_split()


@pytest.fixture
def answers(split, tmp_path):
    write_sheet_for(split, tmp_path / "audit.csv")
    fill_in(tmp_path / "audit.csv", split)
    return read_audit_answers(tmp_path / "audit.csv", frame=split.frame, roles=ROLES)


# --- the plan ----------------------------------------------------------------------------


def test_a_plan_draws_n_rows_and_knows_the_population(split):
    plan = plan_audit(split.given, n=80, seed=1, split="dev")
    assert len(plan.rows) == len(set(plan.rows.tolist())) == 80
    assert plan.sizes.sum() == plan.class_sizes.sum() == 600
    assert np.bincount(plan.stratum, minlength=STRATA).min() >= min(5, plan.sizes.min())
    again = plan_audit(split.given, n=80, seed=1, split="dev")
    other = plan_audit(split.given, n=80, seed=2, split="dev")
    assert plan.rows.tolist() == again.rows.tolist()
    assert plan.rows.tolist() != other.rows.tolist()


def test_a_plan_looks_most_where_the_model_doubts_the_label():
    plan = plan_audit(make_split(rows=3000).given, n=300, seed=1, split="dev")
    rates = np.bincount(plan.stratum, minlength=STRATA) / plan.sizes
    assert rates[0] > 2 * rates[STRATA - 1]


def test_asking_for_more_rows_than_there_are_asks_for_all(split):
    plan = plan_audit(split.given, n=10_000, seed=1, split="dev")
    assert plan.rows.tolist() == list(range(600))


def test_a_label_that_the_model_does_not_know_is_a_doubted_one():
    given = Predictions(("a", "b"), np.array([-1, 0]), np.array([[0.1, 0.9], [0.99, 0.01]]))
    plan = plan_audit(given, n=9, seed=0, split="all")
    assert plan.stratum.tolist() == [0, STRATA - 1]
    assert plan.class_sizes.sum() == 1


def test_rows_of_one_stratum_only_can_be_audited():
    given = Predictions(("a", "b"), np.zeros(50, np.int64), np.tile([1.0, 0.0], (50, 1)))
    plan = plan_audit(given, n=7, seed=0, split="all")
    assert plan.stratum.tolist() == [STRATA - 1] * 7


# --- the sheet ---------------------------------------------------------------------------


def test_the_order_of_the_sheet_tells_neither_stratum_nor_place(split, tmp_path):
    write_sheet_for(split, tmp_path / "audit.csv", n=200)
    lines = lines_of(tmp_path / "audit.csv")
    plan = read_plan(tmp_path / "audit.csv", lines[0]["audit_id"].partition("-")[0])
    stratum = np.array([item.stratum for item in plan.items])
    place = np.arange(len(stratum))
    assert abs(np.corrcoef(place, stratum)[0, 1]) < 0.2
    assert abs(np.corrcoef(place, [item.row for item in plan.items])[0, 1]) < 0.2


def test_the_sheet_does_not_show_what_the_model_thinks(split, tmp_path):
    plan = write_sheet_for(split, tmp_path / "one.csv")
    answers = np.roll(split.given.probs, 1, axis=1)
    other = replace(split.given, probs=answers)
    again = plan_audit(other, n=60, seed=3, split="all")
    same_rows = replace(again, rows=plan.rows, stratum=plan.stratum)
    write_audit_sheet(tmp_path / "two.csv", same_rows, split.frame, ROLES)
    one, two = lines_of(tmp_path / "one.csv"), lines_of(tmp_path / "two.csv")
    assert [{**line, "audit_id": ""} for line in one] == [{**line, "audit_id": ""} for line in two]


def test_the_given_label_can_be_left_out(split, tmp_path):
    plan = plan_audit(split.given, n=60, seed=3, split="all")
    write_audit_sheet(tmp_path / "blind.csv", plan, split.frame, ROLES, show_given=False)
    assert "given_label" not in lines_of(tmp_path / "blind.csv")[0]
    fill_in(tmp_path / "blind.csv", split)
    answers = read_audit_answers(tmp_path / "blind.csv", frame=split.frame, roles=ROLES)
    assert answers.given == tuple(split.frame["intent"].gather(answers.rows).to_list())


def test_an_input_named_like_a_column_of_ours_keeps_its_values(split, tmp_path):
    frame = split.frame.rename({"age": "adjudicated"})
    roles = replace(ROLES, features=("adjudicated",))
    plan = plan_audit(split.given, n=20, seed=3, split="all")
    write_audit_sheet(tmp_path / "audit.csv", plan, frame, roles)
    line = lines_of(tmp_path / "audit.csv")[0]
    assert float(line["input:adjudicated"]) == float(line["row"])
    assert line["adjudicated"] == ""


def test_a_sheet_for_other_rows_than_planned_is_refused(split, tmp_path):
    plan = plan_audit(split.given, n=20, seed=3, split="all")
    with pytest.raises(InvalidInputError, match="planned for 600 rows of all, got 10"):
        write_audit_sheet(tmp_path / "a.csv", plan, split.frame.head(10), ROLES)
    with pytest.raises(DataError, match="column 'age' is not in the rows of all"):
        write_audit_sheet(tmp_path / "a.csv", plan, split.frame.drop("age"), ROLES)


# --- without answers ---------------------------------------------------------------------


def test_without_an_audit_there_is_a_range_and_never_a_point(split):
    result = judge(split.given, None, expected_errors=30.0, disagreements=90)
    assert result.outcome is Outcome.UNDECIDED
    assert "not audited" in result.summary
    assert "5.0% to 15.0%" in result.summary
    assert "unverified" in result.summary
    assert "smallcraft check --audit 120" in result.findings[0].remedy
    assert result.numbers == {"unverified_error_share_low": 0.05, "unverified_error_share_high": 0.15}
    assert [measured.value for measured in result.measurements] == [None]


def test_of_a_sealed_split_nothing_is_told_that_a_model_counted(split, answers):
    result = judge(split.given, None, split="cert", expected_errors=30.0, disagreements=90)
    assert set(result.numbers.values()) == {None}
    assert "%" not in result.summary
    audited = judge(
        split.given, replace(answers, split="cert"), split="cert", flagged=np.array([1, 2]), disagreements=3
    )
    assert "expected_precision" not in {measured.name for measured in audited.measurements}
    assert audited.numbers["unverified_error_share_high"] is None


def test_without_a_model_there_is_no_range_either():
    result = judge(None, None)
    assert result.outcome is Outcome.UNDECIDED
    assert set(result.numbers.values()) == {None}


# --- with answers ------------------------------------------------------------------------


def test_an_audit_of_every_row_is_the_truth_without_a_doubt(split, tmp_path):
    write_sheet_for(split, tmp_path / "audit.csv", n=600)
    fill_in(tmp_path / "audit.csv", split)
    answers = read_audit_answers(tmp_path / "audit.csv", frame=split.frame, roles=ROLES)
    whole = judge(split.given, answers).measurements[0]
    assert whole.value == pytest.approx(split.accuracy)
    assert whole.low == whole.high == whole.value


def test_answers_for_another_split_are_refused(split, answers):
    with pytest.raises(InvalidInputError, match="of split all, got split dev"):
        judge(split.given, answers, split="dev")


def test_labels_changed_after_the_audit_leave_it_undecided(split, answers):
    result = judge(split.given, replace(answers, is_relabelled=True))
    assert result.outcome is Outcome.UNDECIDED
    assert result.measurements[0].value is None


def test_a_stratum_without_a_clear_answer_leaves_it_undecided(split, answers):
    top = answers.stratum == 6
    unsure = replace(answers, is_unsure=top)
    result = judge(split.given, unsure)
    assert result.outcome is Outcome.UNDECIDED
    assert "1 of 7 strata" in result.summary
    assert "answer the other rows" in result.summary


def test_an_empty_sheet_leaves_it_undecided(split, answers):
    none = np.zeros(0, np.int64)
    empty = AuditAnswers(
        **{**vars(answers), "items": none, "rows": none, "stratum": none, "given": (), "adjudicated": ()}
        | {"is_unsure": none.astype(bool)}
    )
    result = judge(split.given, empty)
    assert result.outcome is Outcome.UNDECIDED
    assert result.numbers["unanswered"] == 60


def test_plans_written_and_read_back_estimate_without_bias(tmp_path):
    split = make_split(rows=400, wrong=0.15)
    values = []
    for seed in range(25):
        path = tmp_path / f"{seed}.csv"
        write_sheet_for(split, path, n=50, seed=seed)
        fill_in(path, split)
        answers = read_audit_answers(path, frame=split.frame, roles=ROLES)
        values.append(judge(split.given, answers).measurements[0].value)
    assert abs(np.mean(values) - split.accuracy) < 3 * np.std(values) / 5


def test_a_question_that_makes_no_sense_is_left_out_and_never_passes():
    left_out = labels_not_judged("cert", "here the label is a number")
    assert left_out.outcome is Outcome.UNDECIDED
    assert left_out.summary == "left out: here the label is a number"
    (unmeasured,) = left_out.measurements
    assert (unmeasured.name, unmeasured.value, unmeasured.split) == ("label_accuracy", None, "cert")
