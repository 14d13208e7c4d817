from __future__ import annotations

from dataclasses import replace

import pytest
from tests.pipeline.builds import CLASSES, make_build, make_checks, not_built

from smallcraft.pipeline.report_parts.tables import (
    SHOWN_FINDINGS,
    candidate_rows,
    cert_rows,
    check_rows,
    class_rows,
    cost_rows,
    extra_scores,
    find_winner,
    gate_rows,
    group_rows,
    standing,
)
from smallcraft.records import CandidateStatus, Evidence, Measurement, Outcome, Verdict


@pytest.fixture(scope="module")
def result():
    return make_build()


def test_every_candidate_has_a_row_in_the_ladders_order(result):
    rows = candidate_rows(result)
    assert [row.rung for row in rows] == [evidence.rung for evidence in result.candidates]
    assert [row.standing for row in rows] == ["lost", "lost", "lost", "tied", "chosen", "skipped", "crashed"]
    assert [row.is_measured for row in rows] == [True] * 5 + [False] * 2


def test_every_candidate_but_the_winner_has_a_reason(result):
    reasons = {row.rung: row.reason for row in candidate_rows(result)}
    assert reasons.pop("cascade") == ""
    assert all(reasons.values())


def test_a_candidate_that_was_not_measured_never_stands_as_chosen(result):
    crashed = not_built("cascade", CandidateStatus.CRASHED, "no memory")
    assert standing(crashed, result.decision) == "crashed"


def test_the_declared_metric_is_not_shown_twice():
    assert extra_scores("macro_f1") == ("accuracy", "log_loss", "ece")
    assert extra_scores("accuracy") == ("log_loss", "ece")


def test_without_a_choice_there_is_no_winner(result):
    nobody = replace(result, decision=replace(result.decision, chosen=None))
    assert find_winner(nobody.candidates, nobody.decision) is None
    assert find_winner(result.candidates, result.decision).rung == "cascade"


def test_gates_that_block_stand_first_and_those_that_pass_last():
    verdicts = (
        Verdict("passed", Outcome.PASS, ""),
        Verdict("optional", Outcome.UNDECIDED, "", required=False),
        Verdict("failed", Outcome.FAIL, ""),
        Verdict("open", Outcome.UNDECIDED, ""),
    )
    rows = gate_rows(verdicts)
    assert [verdict.gate for verdict in rows.opened] == ["failed", "open", "optional", "passed"]
    assert rows.folded == ()


def test_of_a_gate_over_many_slices_one_pass_and_five_of_what_is_open_stand_there():
    verdicts = tuple(
        Verdict("recall", outcome, f"{outcome} {place}", slice=f"class={outcome}{place}")
        for outcome in (Outcome.PASS, Outcome.UNDECIDED)
        for place in range(9)
    )
    rows = gate_rows(verdicts)
    assert [v.outcome for v in rows.opened] == [Outcome.UNDECIDED] * 5 + [Outcome.PASS]
    assert sorted(v.slice for v in (*rows.opened, *rows.folded)) == sorted(v.slice for v in verdicts)


def test_classes_stand_worst_first_with_their_rows(result):
    rows = class_rows(find_winner(result.candidates, result.decision))
    assert {row.name for row in rows} == {*CLASSES, "unseen"}
    shown = [float(row.f1.text) for row in rows[:-1]]
    assert shown == sorted(shown)
    assert (rows[-1].name, rows[-1].f1.text, rows[-1].rows) == ("unseen", "not measured", 0)
    assert next(row.rows for row in rows if row.name == "intent_07") == 27


def test_classes_of_another_split_are_not_mixed_in():
    on_cert = Measurement("f1", 0.9, "fraction", 9, "", split="cert", slice="class=a")
    on_dev = Measurement("f1", 0.4, "fraction", 9, "", split="dev", slice="class=a")
    (row,) = class_rows(Evidence("fast", CandidateStatus.MEASURED, None, (on_cert, on_dev)))
    assert (row.f1.text, row.recall.text, row.rows) == ("0.400", "not measured", None)


def test_a_group_column_called_class_is_still_a_group():
    group = Measurement("accuracy", 0.8, "fraction", 9, "", split="dev", slice="class=first")
    evidence = Evidence("fast", CandidateStatus.MEASURED, None, (group,))
    assert class_rows(evidence) == ()
    assert [(row.column, row.value) for row in group_rows(evidence)] == [("class", "first")]


def test_a_group_value_may_hold_an_equals_sign():
    group = Measurement("accuracy", 0.8, "fraction", 9, "", split="dev", slice="plan=a=b")
    (row,) = group_rows(Evidence("fast", CandidateStatus.MEASURED, None, (group,)))
    assert (row.column, row.value) == ("plan", "a=b")


def test_groups_stand_lowest_first_and_the_unmeasured_last(result):
    rows = group_rows(find_winner(result.candidates, result.decision))
    assert [row.value for row in rows] == ["south", "north", "(missing)"]


def test_costs_are_all_that_belongs_to_no_split(result):
    assert [row.name for row in cost_rows(result.released)] == [m.name for m in result.released.measurements]
    assert {row.name for row in cost_rows(find_winner(result.candidates, result.decision))} == {
        row.name for row in cost_rows(result.released)
    }


def test_the_sealed_sets_answers_keep_their_method(result):
    rows = cert_rows(result)
    assert [(row.name, row.figure.text, row.n) for row in rows] == [
        ("macro_f1", "0.941", 1500),
        ("accuracy", "0.945", 1500),
    ]
    assert all("metered look" in row.method for row in rows)


def test_checks_that_failed_stand_first_and_count_what_they_do_not_show():
    rows = check_rows(make_checks())
    assert [row.result.check for row in rows.opened] == ["leakage", "integrity"]
    assert [row.result.check for row in rows.passed] == ["row_counts"]
    leakage, integrity = rows.opened
    assert (len(leakage.shown), leakage.more) == (SHOWN_FINDINGS, 4)
    assert (len(integrity.shown), integrity.more) == (1, 0)
