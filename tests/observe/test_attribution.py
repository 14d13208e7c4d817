"""What moved: the columns that did, the parts of them that carry it, and rows to look at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.observe.attribution import (
    Found,
    explain,
    find_examples,
    find_slices,
    find_suspects,
    usual_values,
)
from smallcraft.observe.guardrail import Raised
from smallcraft.observe.quantities import Quantity
from smallcraft.observe.statistics import measure_window, prepare_reference
from smallcraft.observe.window_rows import from_stored

QUANTITIES = (
    Quantity("age", "shift"),
    Quantity("age", "kl"),
    Quantity("hours", "shift"),
    Quantity("job", "kl"),
)
WEIGHTS = np.array([1 / 6, 1 / 6, 1 / 3, 1 / 3])


@pytest.fixture(scope="module")
def prepared(reference):
    return prepare_reference(reference.whole)


@pytest.fixture(scope="module")
def found(store_window, prepared):
    window = from_stored([store_window(50, shift=1.5)])
    values = measure_window(window.profile, prepared)
    raised = Raised(10.0, np.array([14.0, 9.0, -3.0, 0.5]), 50 * 3600, is_again=False)
    return Found(QUANTITIES, WEIGHTS, raised, values, {QUANTITIES[0]: 0.02}, (window,), prepared)


def test_columns_with_evidence_enough_are_claimed_by_their_strongest_number(found):
    first, *others = find_suspects(found, has_evidence=True)
    assert (first.column, first.statistic, first.is_claimed, first.usual) == ("age", "shift", True, 0.02)
    assert [other.is_claimed for other in others] == [False]
    assert [other.column for other in others] == ["job"]


def test_where_importance_goes_less_evidence_is_enough(found):
    """Of three columns the only one with evidence is named from 30 on; from 15 on where it weighs twice."""
    logs = np.array([-9.0, -9.0, -9.0, np.log(20.0)])
    weak = replace(found, raised=replace(found.raised, log_es=logs))
    assert not find_suspects(weak, has_evidence=True)[0].is_claimed
    important = replace(weak, weights=np.array([1 / 12, 1 / 12, 1 / 6, 2 / 3]))
    (job,) = find_suspects(important, has_evidence=True)
    assert (job.column, job.is_claimed, job.log_e) == ("job", True, pytest.approx(np.log(20.0)))


def test_the_strongest_column_is_told_where_none_has_evidence(found):
    weak = replace(found, raised=replace(found.raised, log_es=np.array([-5.0, -4.0, -3.0, -9.0])))
    (only,) = find_suspects(weak, has_evidence=True)
    assert (only.column, only.is_claimed) == ("hours", False)


def test_a_rule_claims_without_evidence(found):
    first, *_ = find_suspects(found, has_evidence=False)
    assert (first.column, first.log_e, first.is_claimed) == ("age", None, True)


def test_cells_add_up_to_the_divergence_and_name_the_values_that_came(draw_rows, prepared):
    profile = measure_rows(draw_rows(2000, seed=3, shift=1.5), Measures()).profile
    slices = find_slices(profile, prepared, columns=["age"])
    assert sum(each.share for each in slices) <= 1
    assert [each.share for each in slices] == sorted((each.share for each in slices), reverse=True)
    top = slices[0]
    assert top.now > 2 * top.before
    assert top.cell.startswith("from") or float(top.cell.split(" to ")[0]) > 1


def test_unseen_values_are_named(draw_rows, prepared):
    jobs = ("cook", "clerk", "robot", None)
    profile = measure_rows(draw_rows(500, seed=3, jobs=jobs), Measures()).profile
    cells = [each.cell for each in find_slices(profile, prepared, columns=["job"])]
    assert "unseen values, such as 'robot'" in cells


def test_columns_that_are_not_there_have_no_slices(prepared, store_window):
    profile = from_stored([store_window(50)]).profile
    assert find_slices(profile, prepared, columns=["nothing"]) == ()


def test_the_oddest_rows_come_first_and_random_ones_keep_their_chance(found):
    rows = find_examples(found.windows)
    arms = [row.arm for row in rows]
    assert arms == sorted(arms, key=["drifted", "uncertain", "random"].index)
    assert rows[0].score == max(row.score for row in rows)
    assert {row.inclusion for row in rows if row.arm == "random"} == {5 / 200}
    assert rows[0].values[0][0] == "age"


def test_an_explanation_has_all_of_it(found):
    whole = explain(found)
    assert whole.columns == ("age",)
    assert {each.column for each in whole.slices} == {"age"}
    assert whole.examples


def test_the_usual_is_the_median():
    past = [{QUANTITIES[0]: value} for value in (1.0, 100.0, 2.0)]
    assert usual_values(past) == {QUANTITIES[0]: 2.0}
