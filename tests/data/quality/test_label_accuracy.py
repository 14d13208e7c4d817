"""What an audit says: the whole, the classes, the flagged rows, and what unsure answers do to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.data.quality.audited import CLASSES, ROLES, fill_in, make_split, write_sheet_for

from smallcraft.data.quality.answers import AuditAnswers, read_audit_answers
from smallcraft.data.quality.audit import judge_labels, plan_audit
from smallcraft.data.quality.label_accuracy import CHECK, PRECISION, WRONG, label_scores, measured_accuracy
from smallcraft.records import Outcome, Predictions
from smallcraft.stats.stratified import estimate_share


@pytest.fixture(scope="module")
def split():
    return make_split(rows=2000)


@pytest.fixture(scope="module")
def answers(split, tmp_path_factory):
    path = tmp_path_factory.mktemp("audit") / "audit.csv"
    write_sheet_for(split, path, n=300)
    fill_in(path, split)
    return read_audit_answers(path, frame=split.frame, roles=ROLES)


def measure(answers, *, given=None, flagged=None):
    return measured_accuracy(answers, given=given, flagged=flagged, numbers={}, confidence=0.95)


def named(result, name, slice_name="all"):
    return next(m for m in result.measurements if (m.name, m.slice) == (name, slice_name))


def test_the_measurement_is_the_stratified_estimate_with_its_design(split, answers):
    result = measure(answers)
    whole = named(result, CHECK)
    expected = estimate_share(answers.is_right, answers.stratum, answers.sizes)
    assert (whole.value, whole.low, whole.high) == (expected.value, expected.low, expected.high)
    assert whole.low <= split.accuracy <= whole.high
    assert (whole.n, whole.split, result.outcome) == (300, "all", Outcome.PASS)
    assert "7 strata by score" in whole.method
    assert "95% Wilson" in whole.method
    assert answers.audit in whole.method
    assert result.numbers["effective_rows"] == round(expected.effective_n, 1)


def test_every_class_has_its_own_measurement(split, answers):
    result = measure(answers)
    for code, name in enumerate(CLASSES):
        measured = named(result, CHECK, f"class={name}")
        given = split.given.truth == code
        truth = float((split.truth == split.given.truth)[given].mean())
        assert measured.low <= truth <= measured.high
        assert measured.n == sum(label == name for label in answers.given)
        assert "drawn toward" in measured.method


def test_a_class_that_was_not_audited_is_not_measured(answers):
    more = replace(
        answers,
        classes=(*CLASSES, "rare"),
        class_sizes=np.vstack([answers.class_sizes, np.eye(7, dtype=np.int64)[:1]]),
    )
    rare = named(measure(more), CHECK, "class=rare")
    assert rare.value is None
    assert rare.detail == "no row of this class was audited"


def test_wrong_labels_are_flagged_with_what_they_should_be(split, answers):
    result = measure(answers)
    (flagged,) = result.flagged
    assert flagged.kind == WRONG
    assert flagged.rows.tolist() == sorted(answers.rows[~answers.is_right].tolist())
    assert flagged.suggested == tuple(CLASSES[split.truth[row]] for row in flagged.rows)
    assert len(result.findings) == min(100, len(flagged.rows))
    assert result.findings[0].suggested == flagged.suggested[0]


def test_unsure_answers_widen_both_sides_and_leave_the_value_to_the_clear_ones(answers):
    unsure = np.zeros(len(answers.rows), dtype=bool)
    unsure[np.flatnonzero(answers.is_right)[:20]] = True
    told = tuple(
        None if is_unsure else label for label, is_unsure in zip(answers.adjudicated, unsure, strict=True)
    )
    doubtful = replace(answers, adjudicated=told, is_unsure=unsure)
    whole = named(measure(doubtful), CHECK)
    clear = ~unsure
    plain = estimate_share(answers.is_right[clear], answers.stratum[clear], answers.sizes)
    worst = estimate_share(answers.is_right & clear, answers.stratum, answers.sizes)
    best = estimate_share(answers.is_right, answers.stratum, answers.sizes)
    assert whole.value == plain.value
    assert (whole.low, whole.high) == (worst.low, max(plain.high, best.high))
    assert whole.n == 280
    assert "unsure rows count as wrong in the lower bound" in whole.method
    assert "20 unsure" in measure(doubtful).summary


def test_unanswered_rows_are_said_to_be_taken_for_missing_at_random(answers):
    kept = np.arange(len(answers.rows)) % 2 == 0
    half = replace(
        answers,
        items=answers.items[kept],
        rows=answers.rows[kept],
        stratum=answers.stratum[kept],
        given=tuple(np.array(answers.given)[kept].tolist()),
        adjudicated=tuple(np.array(answers.adjudicated)[kept].tolist()),
        is_unsure=answers.is_unsure[kept],
    )
    result = measure(half)
    assert "missing at random" in named(result, CHECK).method
    assert "150 unanswered" in result.summary
    full = named(measure(answers), CHECK)
    assert named(result, CHECK).high - named(result, CHECK).low > full.high - full.low


def test_the_flagged_list_gets_the_precision_that_it_has(split, answers):
    flagged = np.flatnonzero(split.given.predicted != split.given.truth)
    measured = named(measure(answers, given=split.given, flagged=flagged), PRECISION)
    truth = float((split.truth != split.given.truth)[flagged].mean())
    assert measured.low <= truth <= measured.high
    assert measured.low <= measured.value <= measured.high
    assert measured.n == np.isin(answers.rows, flagged).sum()


def test_an_expected_precision_is_right_on_average(split):
    flagged = np.flatnonzero(split.given.predicted != split.given.truth)
    truth = float((split.truth != split.given.truth)[flagged].mean())
    covered = []
    for seed in range(60):
        plan = plan_audit(split.given, n=120, seed=seed, split="all")
        told = known_answers(plan, split)
        measured = named(measure(told, given=split.given, flagged=flagged), PRECISION)
        covered.append(measured.low <= truth <= measured.high)
    assert np.mean(covered) >= 0.9


def known_answers(plan, split):
    """The answers of someone who knows the truth, without the files."""
    labels = np.array(CLASSES)
    return AuditAnswers(
        split="all",
        audit="test",
        items=np.arange(len(plan.rows)),
        rows=plan.rows,
        stratum=plan.stratum,
        given=tuple(labels[split.given.truth[plan.rows]].tolist()),
        adjudicated=tuple(labels[split.truth[plan.rows]].tolist()),
        is_unsure=np.zeros(len(plan.rows), dtype=bool),
        classes=plan.classes,
        sizes=plan.sizes,
        class_sizes=plan.class_sizes,
        asked=len(plan.rows),
    )


def test_a_precision_is_not_told_by_another_models_strata(split, answers):
    other = replace(split.given, probs=np.roll(split.given.probs, 1, axis=0))
    measured = named(measure(answers, given=other, flagged=np.array([1, 2])), PRECISION)
    assert measured.value is None
    assert "changed since the audit was drawn" in measured.detail


def test_an_empty_or_unaudited_list_has_no_precision(split, answers):
    nothing = named(measure(answers, given=split.given, flagged=np.array([], np.int64)), PRECISION)
    assert (nothing.value, nothing.detail) == (None, "no row is flagged")
    unseen = np.setdiff1d(np.arange(2000), answers.rows)[:3]
    missed = named(measure(answers, given=split.given, flagged=unseen), PRECISION)
    assert (missed.value, missed.detail) == (None, "no flagged row was audited")


def test_the_score_of_an_unknown_label_is_zero():
    given = Predictions(("a", "b"), np.array([-1, 1]), np.array([[0.1, 0.9], [0.2, 0.8]]))
    assert label_scores(given).tolist() == [0.0, 0.8]


def test_judging_through_the_audit_gives_the_same_numbers(split, answers):
    told = judge_labels(split.given, answers, split="all", expected_errors=1.0, disagreements=2)
    assert named(told, CHECK) == named(measure(answers), CHECK)
    assert told.numbers["audited"] == 300
    assert told.numbers["found_wrong"] == int((~answers.is_right).sum())
