"""Laws of the functional suite."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.functional import FunctionalSuite, run_suite
from smallcraft.records import AuditResult, Measurement

CLASSES = ("fine", "hateful")
GROUPS = ["x", "y", "z"]


def reading(columns):
    said = np.asarray(columns["said"])
    return np.eye(2)[said] * 0.8 + 0.1


def suite(said, expected=None, templates=None, groups=None) -> FunctionalSuite:
    """Cases in threes: one template about three groups; two functionalities."""
    n = len(said)
    return FunctionalSuite(
        rows={"said": list(said)},
        expected=np.zeros(n, dtype=np.int64) if expected is None else np.asarray(expected),
        functionality=["negation" if case < n // 2 else "slur" for case in range(n)],
        groups=GROUPS * (n // 3) if groups is None else groups,
        templates=np.arange(n) // 3 if templates is None else templates,
    )


def find(result: AuditResult, name: str, slice_: str) -> Measurement:
    (found,) = [m for m in result.measurements if (m.name, m.slice) == (name, slice_)]
    return found


def test_pass_rates_are_counted_worst_first():
    said = [0] * 24
    said[1] = said[12] = said[15] = said[16] = 1
    result = run_suite(reading, suite(said), CLASSES)
    assert find(result, "pass_rate", "all").value == pytest.approx(20 / 24)
    functions = [m for m in result.measurements if m.slice.startswith("functionality=")]
    assert [(m.slice, m.value) for m in functions] == [
        ("functionality=slur", pytest.approx(9 / 12)),
        ("functionality=negation", pytest.approx(11 / 12)),
    ]
    assert find(result, "pass_rate", "group=x").value == pytest.approx(6 / 8)
    assert result.findings[0].row == 12
    assert "3 of 12 cases of slur fail" in result.findings[0].what


def test_a_model_that_answers_by_the_group_flips_in_every_template():
    result = run_suite(reading, suite([0, 0, 1] * 20), CLASSES)
    whole = find(result, "counterfactual_flip_rate", "all")
    assert (whole.hits, whole.trials, whole.value) == (20, 20, 1.0)
    assert find(result, "counterfactual_flip_rate", "group=z").value == 1.0
    assert find(result, "counterfactual_flip_rate", "group=x").value == 0.0
    gap = find(result, "pass_rate_gap", "group=z")
    assert gap.value == pytest.approx(-1.0)
    assert gap.high < 0


def test_a_model_that_is_wrong_about_all_groups_alike_does_not_flip():
    result = run_suite(reading, suite([1] * 60), CLASSES)
    assert find(result, "counterfactual_flip_rate", "all").value == 0.0
    assert find(result, "pass_rate", "all").value == 0.0


def test_templates_about_one_group_or_nobody_are_left_out_of_flips():
    groups = ["x", "y", "z", "x", "x", "x", None, None, None]
    result = run_suite(reading, suite([0, 1, 0, 0, 1, 0, 0, 1, 0], groups=groups), CLASSES)
    whole = find(result, "counterfactual_flip_rate", "all")
    assert (whole.hits, whole.trials) == (1, 1)


def test_cases_of_one_template_count_as_less_than_a_case_each():
    said = np.repeat([0, 1, 0, 0, 0, 0, 1, 0], 3)
    together = find(run_suite(reading, suite(said), CLASSES), "pass_rate", "all")
    alone = find(run_suite(reading, suite(said, templates=np.arange(24)), CLASSES), "pass_rate", "all")
    assert together.value == alone.value
    assert together.trials < 8.1
    assert alone.trials == 24


def test_without_templates_flips_are_unmeasured():
    bare = dataclasses.replace(suite([0] * 6), templates=None, groups=None)
    result = run_suite(reading, bare, CLASSES)
    found = find(result, "counterfactual_flip_rate", "all")
    assert found.value is None
    assert "no templates with groups" in found.detail
    assert find(result, "pass_rate", "all").value == 1.0


def test_columns_of_another_length_are_refused():
    broken = dataclasses.replace(suite([0] * 6), functionality=["slur"])
    with pytest.raises(InvalidInputError, match="every column as long as its rows"):
        run_suite(reading, broken, CLASSES)


def test_answers_for_other_classes_are_refused():
    with pytest.raises(InvalidInputError, match="one column for each of 3 classes"):
        run_suite(reading, suite([0] * 6), ("a", "b", "c"))


def test_a_group_is_compared_with_other_groups_and_not_with_cases_about_nobody():
    groups = ["x", "y", "z"] * 10 + [None] * 30
    gap = find(
        run_suite(reading, suite([0] * 30 + [1] * 30, groups=groups), CLASSES), "pass_rate_gap", "group=x"
    )
    assert gap.value == 0.0
    assert gap.rest_trials == 10
