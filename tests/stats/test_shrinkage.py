"""Laws of shrinking the shares of small groups toward the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.shrinkage import shrink_shares, shrink_toward

GROUPS = st.lists(
    st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=12
).filter(lambda groups: any(n for _, n in groups))


@given(GROUPS)
def test_a_shrunken_share_lies_between_the_raw_one_and_the_common_one(groups):
    hits, trials = np.array(groups).T
    shrunken = shrink_shares(hits, trials)
    raw = np.divide(hits, trials, out=np.full(len(hits), shrunken.common), where=trials > 0)
    low, high = np.minimum(raw, shrunken.common), np.maximum(raw, shrunken.common)
    assert np.all(shrunken.values >= low - 1e-12)
    assert np.all(shrunken.values <= high + 1e-12)
    assert 0 < shrunken.common < 1


def test_a_group_with_more_rows_is_shrunken_less():
    hits, trials = np.array([1, 10, 100, 160, 170]), np.array([2, 20, 200, 200, 200])
    shrunken = shrink_shares(hits, trials)
    moved = np.abs(shrunken.values - hits / trials)
    assert moved[0] > moved[1] > moved[2] > 0


def test_a_group_without_a_row_gets_the_common_share():
    shrunken = shrink_shares([40, 0, 35], [50, 0, 50])
    assert shrunken.values[1] == pytest.approx(shrunken.common)


def test_groups_that_are_alike_are_drawn_together_and_groups_that_differ_are_left_apart():
    alike, apart = shrink_shares([8, 41, 79], [10, 50, 100]), shrink_shares([1, 25, 99], [10, 50, 100])
    assert np.ptp(alike.values) < 0.02
    assert np.ptp(apart.values) > 0.75
    assert alike.concentration > 10 * apart.concentration


def test_two_groups_are_no_reason_for_extremes():
    values = shrink_shares([9, 50], [10, 100]).values
    assert 0.6 < values[0] < 0.88


def test_the_distribution_that_many_groups_come_from_is_found():
    rng = np.random.default_rng(7)
    trials = rng.integers(5, 200, size=400)
    hits = rng.binomial(trials, rng.beta(16, 4, size=400))
    shrunken = shrink_shares(hits, trials)
    assert shrunken.common == pytest.approx(0.8, abs=0.015)
    assert 14 < shrunken.concentration < 29


def test_shrunken_shares_are_nearer_to_the_truth_than_raw_and_than_pooled_ones():
    seed = 11
    rng = np.random.default_rng(seed)
    errors = np.zeros(3)
    for _ in range(200):
        truth, trials = rng.beta(12, 4, size=8), np.array([4, 6, 10, 15, 30, 60, 200, 800])
        hits = rng.binomial(trials, truth)
        estimates = (shrink_shares(hits, trials).values, hits / trials, np.full(8, hits.sum() / trials.sum()))
        errors += [np.mean((estimate - truth) ** 2) for estimate in estimates]
    shrunken, raw, pooled = errors / 200
    print(f"seed {seed}: mean squared error shrunken {shrunken:.5f}, raw {raw:.5f}, pooled {pooled:.5f}")
    assert shrunken < 0.65 * raw
    assert shrunken < 0.65 * pooled


def test_plain_numbers_are_the_same_shares():
    assert shrink_toward([8, 41], [10, 50]) == tuple(shrink_shares([8, 41], [10, 50]).values)


@pytest.mark.parametrize(
    ("hits", "trials", "message"),
    [
        ([3], [2], "0 <= hits <= trials"),
        ([0, 0], [0, 0], "a trial in one of them at least"),
        ([1, 2], [3], "one count a group"),
    ],
)
def test_counts_that_cannot_be_are_refused_with_the_remedy(hits, trials, message):
    with pytest.raises(InvalidInputError, match=message):
        shrink_shares(hits, trials)
