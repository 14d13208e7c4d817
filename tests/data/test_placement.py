"""Laws of placing: a unit's own number decides, and borders move as far as they must."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.allocation import Units, deal
from smallcraft.data.placement import place

SHARES = np.array([0.7, 0.15, 0.15])


def units_of(sizes: list[int], *, classes: int = 1, seed: int = 0) -> Units:
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(len(sizes)), sizes)
    order = rng.integers(0, 2**64, len(sizes), dtype=np.uint64)
    return Units(unit, rng.integers(0, classes, len(unit)), order, classes)


@st.composite
def placed_units(draw):
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=120))
    return units_of(sizes, classes=4, seed=draw(st.integers(0, 99)))


@given(placed_units())
def test_every_unit_goes_to_exactly_one_split(units):
    split = place(units, SHARES)
    assert split.shape == units.order.shape
    assert set(split.tolist()) <= {0, 1, 2}


@given(placed_units())
def test_a_class_with_two_rows_has_two_rows_in_train(units):
    split = place(units, SHARES)[units.unit]
    for label, count in enumerate(units.counts):
        if count >= 2:
            assert ((units.label == label) & (split == 0)).sum() >= 2


@given(st.integers(4, 200), st.integers(0, 99))
def test_a_class_of_single_rows_is_within_a_row_or_a_tenth_of_what_is_due_at_each_border(n, seed):
    split = place(units_of([1] * n, seed=seed), SHARES)
    slack = max(1.0, 0.1 * 0.15 * n)
    # Two rows in train and one in the others come first.
    assert (split == 0).sum() == pytest.approx(0.7 * n, abs=slack + 1e-9)
    assert (split < 2).sum() == pytest.approx(0.85 * n, abs=slack + 1)
    assert np.bincount(split, minlength=3).min() >= 1


@given(st.integers(100, 400), st.integers(0, 99))
def test_smaller_numbers_stand_in_earlier_splits(n, seed):
    units = units_of([1] * n, seed=seed)
    assert np.all(np.diff(place(units, SHARES)[np.argsort(units.order)]) >= 0)


def test_numbers_alone_decide_where_enough_rows_make_shares_come_true():
    units = units_of([1] * 50_000)
    wanted = np.searchsorted(np.cumsum(SHARES)[:-1], units.order / 2**64, side="right")
    assert np.array_equal(place(units, SHARES), wanted)


def test_labels_move_no_unit_of_several_rows_where_no_class_is_missing():
    one = units_of([3] * 400, classes=4)
    other = Units(one.unit, one.label[::-1].copy(), one.order, 4)
    assert np.array_equal(place(one, SHARES), place(other, SHARES))


def test_a_few_large_units_are_dealt_by_size_so_that_no_split_is_empty():
    split = place(units_of([20, 20, 20, 20, 20]), SHARES)
    assert np.bincount(split, minlength=3).tolist() == [3, 1, 1]


def test_a_class_of_too_few_rows_to_go_round_is_in_train():
    assert place(units_of([1, 1, 1]), SHARES).tolist() == [0, 0, 0]


def test_a_class_that_only_hangs_together_is_brought_where_it_is_missing():
    sizes = [1] * 60 + [6, 3, 3]
    units = units_of(sizes)
    label = np.repeat(np.repeat([0, 1], [60, 3]), sizes)
    split = place(Units(units.unit, label, np.sort(units.order), 2), SHARES)
    assert sorted(split[60:].tolist()) == [0, 1, 2]


def test_placing_moves_fewer_units_than_dealing_anew_when_units_come():
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 5, 1_100).tolist()
    whole = units_of(sizes, classes=5)
    kept = whole.unit < 1_000
    part = Units(whole.unit[kept], whole.label[kept], whole.order[:1_000], 5)
    stayed = {how.__name__: (how(part, SHARES) == how(whole, SHARES)[:1_000]).mean() for how in (deal, place)}
    assert stayed["place"] > 0.95
    assert stayed["deal"] < 0.9
