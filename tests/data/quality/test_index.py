"""The quality index: a cautious product, undetermined where a factor is missing; versions in pairs."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.data.quality.audited import CLASSES, ROLES, fill_in, make_split, write_sheet_for

from smallcraft.data.quality.answers import read_audit_answers
from smallcraft.data.quality.index import compare_versions, quality_index
from smallcraft.errors import InvalidInputError
from smallcraft.gates.rules.quality_index import QualityIndex
from smallcraft.records import GateSpec, Measurement, Outcome


def accuracy(value=0.96, low=0.94, high=0.975, split="cert"):
    return Measurement("label_accuracy", value, "fraction", 120, "an audit", low, high, split=split)


def leaked(value=0.01, low=0.005, high=0.02, split="cert"):
    return Measurement("leaked_share", value, "fraction", 1000, "counted", low, high, split=split)


def index(**changed):
    told = {"label_accuracy": accuracy(), "leaked": leaked(), "failing": 10, "rows": 1000, "split": "cert"}
    return quality_index(**(told | changed))


def judge(measured, limit):
    gate = GateSpec("data", "quality_index", split=measured.split, limit=limit)
    (verdict,) = QualityIndex().judge(gate, (measured,))
    return verdict.outcome


def test_the_index_is_the_product_of_the_cautious_ends():
    measured = index().as_measurement()
    assert measured.name == "data_quality_index"
    assert measured.value == measured.low == pytest.approx(0.94 * (1 - 0.02) * (1 - 0.01))
    assert measured.high == pytest.approx(0.975 * (1 - 0.005) * (1 - 0.01))
    assert (measured.n, measured.split, measured.detail) == (1000, "cert", "")


def test_its_factors_can_be_read():
    factors = index().factors
    assert list(factors) == ["label_accuracy", "leaked_share", "failing_share"]
    assert (factors["failing_share"].value, factors["failing_share"].n) == (0.01, 1000)
    assert factors["label_accuracy"] == accuracy()


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ({"label_accuracy": None}, r"not measured: label_accuracy \(not audited: run `smallcraft check"),
        ({"label_accuracy": accuracy(None, None, None)}, "label_accuracy"),
        ({"leaked": None}, "leaked_share .copies"),
        ({"failing": None}, "failing_share .integrity"),
        ({"failing": 0, "rows": 0}, "cert has no rows"),
    ],
)
def test_a_missing_factor_leaves_it_undetermined_with_the_reason(missing, why):
    measured = index(**missing).as_measurement()
    assert (measured.value, measured.low, measured.high) == (None, None, None)
    assert re.search(why, measured.detail)
    assert judge(measured, 0.0) is Outcome.UNDECIDED


def test_a_gate_passes_only_on_the_lower_end_and_fails_only_on_the_upper():
    measured = index().as_measurement()
    outcomes = [judge(measured, limit) for limit in (0.9, 0.93, 0.97)]
    assert outcomes == [Outcome.PASS, Outcome.UNDECIDED, Outcome.FAIL]


def test_a_factor_without_bounds_enters_as_it_is():
    plain = index(leaked=leaked(0.0, None, None), failing=0)
    assert plain.value == 0.94


def test_each_factor_can_only_lower_it():
    best = index().value
    assert index(label_accuracy=accuracy(0.9, 0.85, 0.93)).value < best
    assert index(leaked=leaked(0.1, 0.08, 0.13)).value < best
    assert index(failing=300).value < best


def test_factors_of_another_split_or_no_shares_are_refused():
    with pytest.raises(InvalidInputError, match="the index of cert needs label_accuracy on the same rows"):
        index(label_accuracy=accuracy(split="dev"))
    with pytest.raises(InvalidInputError, match=r"leaked_share must be a share in \[0, 1\], got 20"):
        index(leaked=leaked(0.01, 0.0, 20))
    with pytest.raises(InvalidInputError, match="between 0 and the 1,000 rows of cert, got 1001"):
        index(failing=1001)


# --- versions ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """A split, its sheet, and the same rows with half of the labels mended by a rule."""
    split = make_split(rows=1500, wrong=0.2)
    path = tmp_path_factory.mktemp("versions") / "audit.csv"
    write_sheet_for(split, path, n=300)
    fill_in(path, split)
    mended = np.where(np.arange(1500) % 2 == 0, split.truth, split.given.truth)
    after = split.frame.with_columns(intent=np.array(CLASSES)[mended])
    return split, path, after, float((mended == split.truth).mean()) - split.accuracy


def read(path, frame, **kind):
    return read_audit_answers(path, frame=frame, roles=ROLES, **kind)


def test_a_version_with_fewer_errors_is_shown_to_be_better(versions):
    split, path, after, truth = versions
    difference = compare_versions(read(path, split.frame), read(path, after, is_relabelled=True))
    assert difference.low <= truth <= difference.high
    assert difference.low > 0
    assert (difference.name, difference.n) == ("label_accuracy_difference", 300)
    assert "not changed because the audit showed them" in difference.detail


def test_the_same_version_twice_differs_by_nothing(versions):
    split, path, _, _ = versions
    difference = compare_versions(read(path, split.frame), read(path, split.frame, is_relabelled=True))
    assert difference.value == 0
    assert difference.low < 0 < difference.high


def test_rows_that_are_gone_leave_the_comparison_and_are_told(versions):
    split, path, after, _ = versions
    newer = read(path, after.head(1400), is_relabelled=True)
    difference = compare_versions(read(path, split.frame), newer)
    assert difference.n == len(newer.rows) < 300
    assert f"{300 - difference.n} audited rows are not in both versions" in difference.method


def test_too_few_shared_rows_are_not_compared(versions):
    split, path, _, _ = versions
    before = read(path, split.frame)
    few = replace(
        before,
        items=before.items[:1],
        rows=before.rows[:1],
        stratum=before.stratum[:1],
        given=before.given[:1],
        adjudicated=before.adjudicated[:1],
        is_unsure=before.is_unsure[:1],
    )
    difference = compare_versions(before, few)
    assert difference.value is None
    assert "answer more" in difference.detail


def test_two_audits_or_two_judgements_are_not_compared(versions):
    split, path, _, _ = versions
    before = read(path, split.frame)
    with pytest.raises(InvalidInputError, match="same audited rows"):
        compare_versions(before, replace(before, audit="another"))
    other = replace(before, adjudicated=(None, *before.adjudicated[1:]))
    with pytest.raises(InvalidInputError, match="judged by different answers"):
        compare_versions(before, other)
