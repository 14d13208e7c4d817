"""The numbers of a window: each says what it should, and none is blinded by one value."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.profiles.categories import from_counts, profile_categories
from smallcraft.data.profiles.numeric import profile_numbers
from smallcraft.data.profiles.profile import Profile
from smallcraft.observe.quantities import Quantity
from smallcraft.observe.statistics import measure_window, prepare_reference

ROWS = 20_000


def profile_of(
    numbers: np.ndarray, *, nulls: int = 0, jobs: tuple[str | None, ...] = ("x", "y", "y")
) -> Profile:
    columns = {"age": profile_numbers(numbers, nulls=nulls), "job": profile_categories(jobs)}
    return Profile(len(numbers) + nulls, 0, columns)


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(1)
    return prepare_reference(profile_of(rng.lognormal(size=ROWS), jobs=("x", "y", "y") * 1000))


def measured(reference, statistic: str, *, column: str = "age", **kwargs) -> float:
    return measure_window(profile_of(**kwargs), reference)[Quantity(column, statistic)]


@pytest.fixture
def same():
    return np.random.default_rng(2).lognormal(size=ROWS)


def test_equal_rows_have_nothing_to_tell(reference, same):
    found = measure_window(profile_of(same, jobs=("x", "y", "y") * 1000), reference)
    assert set(found) == set(reference.quantities)
    calm = {name: value for name, value in found.items() if name.statistic in {"shift", "spread", "kl"}}
    assert max(abs(value) for value in calm.values()) < 0.04
    assert found[Quantity("age", "tilt")] < 0


@pytest.mark.parametrize("shift", [-0.5, -0.1, 0.1, 0.5])
def test_a_shift_is_told_in_standard_deviations(reference, same, shift):
    found = measured(reference, "shift", numbers=np.exp(np.log(same) + shift))
    assert found == pytest.approx(shift, rel=0.1, abs=0.03)


def test_rows_are_evidence_against_a_shift_within_the_tolerance(reference, same):
    moved = np.exp(np.log(same) + 0.3)
    assert measured(reference, "tilt", numbers=moved) > 100
    within = measure_window(profile_of(moved), reference, tolerance_sd=0.4)
    assert within[Quantity("age", "tilt")] < 0


def test_columns_that_are_left_out_are_not_measured(same):
    left = prepare_reference(profile_of(same), left_out=["age"])
    assert {each.column for each in left.quantities} == {"job"}


@pytest.mark.parametrize("shift", [-0.3, 0.3])
def test_a_level_that_wanders_moves_neither_the_spread_nor_the_skew(reference, same, shift):
    still, moved = (
        measure_window(profile_of(np.exp(np.log(same) + step)), reference) for step in (0.0, shift)
    )
    for statistic, most in (("spread", 0.05), ("skew", 0.08)):
        name = Quantity("age", statistic)
        assert abs(moved[name] - still[name]) < most


def test_strange_answers_are_counted_in_the_tails_and_one_value_is_a_row():
    rng = np.random.default_rng(3)
    reference = prepare_reference(Profile(ROWS, 0, {"answer/confidence": profile_numbers(rng.random(ROWS))}))
    low, high = (Quantity("answer/confidence", name) for name in ("low", "high"))

    def tails(values):
        return measure_window(
            Profile(len(values), 0, {"answer/confidence": profile_numbers(values)}), reference
        )

    usual = tails(rng.random(ROWS))
    assert (usual[low], usual[high]) == pytest.approx((0.025, 0.025), abs=0.005)
    strange = tails(np.append(rng.random(950), np.zeros(50)))
    assert strange[low] == pytest.approx(0.05 + 0.95 * 0.025, abs=0.02)
    outlier = tails(np.append(np.full(99, 0.5), 1e6))
    assert (outlier[low], outlier[high]) == (0.0, 0.01)
    assert low not in tails(np.empty(0))


def test_of_the_rows_distance_only_the_far_ones_are_counted():
    rng = np.random.default_rng(3)
    reference = prepare_reference(Profile(ROWS, 0, {"rows/distance": profile_numbers(rng.random(ROWS))}))
    far = np.append(rng.random(950), np.full(50, 2.0))
    found = measure_window(Profile(1000, 0, {"rows/distance": profile_numbers(far)}), reference)
    assert found[Quantity("rows/distance", "high")] == pytest.approx(0.05 + 0.95 * 0.025, abs=0.02)
    assert Quantity("rows/distance", "low") not in {*found, *reference.quantities}


def test_equal_values_are_no_tail():
    reference = prepare_reference(Profile(50, 0, {"answer/value": profile_numbers(np.ones(50))}))
    found = measure_window(Profile(50, 0, {"answer/value": profile_numbers(np.ones(50))}), reference)
    assert (found[Quantity("answer/value", "low")], found[Quantity("answer/value", "high")]) == (0.0, 0.0)


def test_what_nobody_looks_at_is_not_measured_and_the_rest_is_the_same(reference, same):
    profile = profile_of(same)
    all_of_it, some = (
        measure_window(profile, reference, **wanted) for wanted in ({}, {"wanted": ("shift", "unseen")})
    )
    assert {each.statistic for each in all_of_it} - {each.statistic for each in some} == {"kl", "tilt"}
    assert some == {name: all_of_it[name] for name in some}


def test_a_wider_column_spreads(reference, same):
    assert measured(reference, "spread", numbers=np.exp(1.3 * np.log(same))) > 0.3


def test_one_outlier_neither_makes_nor_hides_a_shift(reference, same):
    few, moved = same[:500], np.exp(np.log(same[:500]) + 2)
    quiet = measured(reference, "shift", numbers=np.append(few, 1e6)) - measured(
        reference, "shift", numbers=few
    )
    assert abs(quiet) < 0.01
    assert measured(reference, "kl", numbers=np.append(moved, 1e6)) > 1.0
    assert measured(reference, "shift", numbers=np.append(moved, 1e6)) > 1.5


def test_missing_values_are_counted_and_move_nothing_else(reference, same):
    assert measured(reference, "missing", numbers=same, nulls=ROWS) == pytest.approx(0.5)
    assert measured(reference, "shift", numbers=same, nulls=ROWS) == measured(
        reference, "shift", numbers=same
    )


def test_unseen_categories_are_counted(reference, same):
    found = measured(reference, "unseen", column="job", numbers=same, jobs=("x", "new", "newer", None))
    assert found == 0.5
    assert measured(reference, "missing", column="job", numbers=same, jobs=("x", None)) == 0.5


def test_what_is_not_in_a_window_is_not_measured(reference):
    columns = {"age": profile_categories(["a"]), "other": profile_numbers(np.ones(2))}
    assert measure_window(Profile(2, 0, columns), reference) == {}
    empty = profile_of(np.empty(0), nulls=3, jobs=(None,))
    assert Quantity("age", "shift") not in measure_window(empty, reference)


def test_a_reference_without_values_measures_what_it_can():
    reference = prepare_reference(profile_of(np.empty(0), nulls=4, jobs=(None,) * 4))
    found = measure_window(profile_of(np.ones(4), jobs=("x",) * 4), reference)
    assert (found[Quantity("age", "missing")], found[Quantity("job", "unseen")]) == (0.0, 1.0)


def test_columns_with_several_values_a_row_are_not_watched():
    several = from_counts({"a": 1, "b": 2}, n=2)
    one = from_counts({"a": 1}, n=1)
    reference = prepare_reference(Profile(2, 0, {"tags": several, "message/tokens": one}))
    assert reference.quantities == ()
