"""How far rows are from a reference: rare and extreme ones first."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.profiles.farness import Farness, learn_farness
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.data.profiles.rows import Rows


@pytest.fixture(scope="module")
def farness():
    rng = np.random.default_rng(0)
    rows = Rows(
        1_000,
        numbers={"age": rng.normal(40, 10, 1_000)},
        categories={"city": ["Bern"] * 900 + ["Rom"] * 100},
    )
    return learn_farness(rows, measure_rows(rows, Measures()).profile)


def distances(farness, ages, cities):
    return farness.of(Rows(len(ages), numbers={"age": np.array(ages)}, categories={"city": cities}))


def test_extreme_and_rare_rows_are_farther(farness):
    usual, rare, unseen, old = distances(farness, [40.0, 40.0, 40.0, 80.0], ["Bern", "Rom", "Oslo", "Bern"])
    assert usual < rare < unseen
    assert usual < old


def test_number_counts_ten_deviations_at_most(farness):
    far, farther = distances(farness, [1e3, 1e300], ["Bern", "Bern"])
    assert far == farther < 10


def test_missing_values_are_as_far_as_they_are_rare(farness):
    missing, none = distances(farness, [np.nan, 40.0], ["Bern", None])
    assert missing == pytest.approx(np.log(1001 / 0.5) / 2, rel=0.05)
    assert none > distances(farness, [40.0], ["Rom"])[0]


def test_without_known_columns_every_row_is_as_near():
    assert Farness().of(Rows(2, numbers={"x": np.ones(2)})).tolist() == [0.0, 0.0]


def test_column_of_one_value_is_no_division_by_zero():
    rows = Rows(5, numbers={"one": np.ones(5)})
    farness = learn_farness(rows, measure_rows(rows, Measures()).profile)
    assert farness.of(Rows(2, numbers={"one": np.array([1.0, 3.0])})).tolist() == [0.0, 2.0]
