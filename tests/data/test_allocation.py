"""Laws of dealing: units stay whole, classes get their shares, train gets its least."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.allocation import Units, apportioned, class_targets, deal

SHARES = np.array([0.7, 0.15, 0.15])


@given(st.integers(0, 500), st.lists(st.floats(0.01, 10), min_size=1, max_size=5))
def test_apportioned_seats_sum_and_stay_within_one_of_the_quota(total, weights):
    weights = np.array(weights)
    seats = apportioned(total, weights)
    assert seats.sum() == total
    assert np.all(np.abs(seats - total * weights / weights.sum()) < 1 + 1e-6)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_targets_keep_rows_and_least_numbers(counts):
    targets = class_targets(np.array(counts), SHARES)
    assert targets.sum(axis=1).tolist() == counts
    assert np.all(targets[:, 0] >= np.minimum(counts, 2))
    assert np.all(targets[np.array(counts) >= 4] >= 1)


@given(st.lists(st.integers(20, 400), min_size=5, max_size=40))
def test_rounding_does_not_add_up_over_classes(counts):
    targets = class_targets(np.array(counts), SHARES)
    assert np.all(np.abs(targets.sum(axis=0) - sum(counts) * SHARES) <= 2)


@st.composite
def dealt_units(draw):
    n = draw(st.integers(1, 80))
    unit = np.unique(draw(st.lists(st.integers(0, n), min_size=n, max_size=n)), return_inverse=True)[1]
    label = np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
    order = np.random.default_rng(draw(st.integers(0, 9))).permutation(unit.max() + 1).astype(np.uint64)
    return Units(unit.astype(np.int64), label, order, 5)


@given(dealt_units())
def test_every_unit_goes_to_exactly_one_split(units):
    split = deal(units, SHARES)
    assert split.shape == units.order.shape
    assert set(split.tolist()) <= {0, 1, 2}


@given(dealt_units())
def test_a_class_with_two_rows_has_two_rows_in_train(units):
    split = deal(units, SHARES)[units.unit]
    for label, count in enumerate(units.counts):
        if count >= 2:
            assert ((units.label == label) & (split == 0)).sum() >= 2


def test_single_rows_meet_the_targets_exactly():
    label = np.repeat(np.arange(6), [4, 7, 10, 33, 100, 1_000])
    units = Units(np.arange(len(label)), label, np.arange(len(label)).astype(np.uint64)[::-1], 6)
    split = deal(units, SHARES)
    dealt = np.stack([np.bincount(label[split == at], minlength=6) for at in range(3)], axis=1)
    assert np.array_equal(dealt, class_targets(units.counts, SHARES))


def test_units_of_several_rows_keep_class_shares_close():
    rng = np.random.default_rng(0)
    unit = np.sort(rng.integers(0, 900, 6_000))
    unit = np.unique(unit, return_inverse=True)[1].astype(np.int64)
    label = rng.integers(0, 10, 6_000)
    units = Units(unit, label, rng.permutation(unit.max() + 1).astype(np.uint64), 10)
    split = deal(units, SHARES)[unit]
    for at, share in enumerate(SHARES):
        got = np.bincount(label[split == at], minlength=10) / units.counts
        assert got == pytest.approx(share, abs=0.02)


def test_a_class_of_dev_whose_rows_hang_together_is_brought_by_its_smallest_unit():
    # Class 1 has three units of sizes 6, 3 and 3; each split should get one.
    unit = np.concatenate([np.arange(60), np.repeat([60, 61, 62], [6, 3, 3])])
    label = np.concatenate([np.zeros(60, dtype=np.int64), np.ones(12, dtype=np.int64)])
    units = Units(unit, label, np.arange(63).astype(np.uint64), 2)
    split = deal(units, SHARES)
    assert sorted(split[60:].tolist()) == [0, 1, 2]
    assert split[60] == 0
