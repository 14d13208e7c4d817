import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.stats.kernels.votes import (
    expect_and_count,
    expect_and_count_plain,
    first_votes,
    first_votes_plain,
    group_by_item,
    group_by_item_plain,
)


def draw(seed, *, items=40, symbols=12, k=3, most=6):
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(rng.integers(0, most, items))]).astype(np.int64)
    table = rng.dirichlet(np.ones(k), symbols)
    return starts, rng.integers(0, symbols, starts[-1]).astype(np.int32), table, rng.dirichlet(np.ones(k))


def assert_same(one, other):
    assert one.posterior == pytest.approx(other.posterior, abs=1e-12)
    assert one.counts == pytest.approx(other.counts, rel=1e-9, abs=1e-9)
    assert one.class_counts == pytest.approx(other.class_counts, rel=1e-9, abs=1e-9)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_a_pass_agrees_with_its_numpy_twin(seed, k):
    drawn = draw(seed, k=k)
    assert_same(expect_and_count(*drawn), expect_and_count_plain(*drawn))


def test_thousands_of_votes_on_one_item_do_not_underflow():
    rng = np.random.default_rng(1)
    table, prior = np.array([[0.01, 0.02], [0.02, 0.01]]), np.array([0.5, 0.5])
    starts, symbol = np.array([0, 5000], dtype=np.int64), rng.integers(0, 2, 5000).astype(np.int32)
    assert_same(
        expect_and_count(starts, symbol, table, prior), expect_and_count_plain(starts, symbol, table, prior)
    )


def test_an_item_without_votes_has_the_class_prior_and_is_not_counted():
    starts, symbol = np.array([0, 0, 1], dtype=np.int64), np.array([0], dtype=np.int32)
    found = expect_and_count(starts, symbol, np.array([[0.9, 0.2]]), np.array([0.3, 0.7]))
    assert found.posterior[0].tolist() == [0.3, 0.7]
    assert found.class_counts.sum() == pytest.approx(1)
    assert found.log_likelihood == pytest.approx(np.log(0.3 * 0.9 + 0.7 * 0.2))


@given(st.lists(st.integers(0, 9), max_size=60))
def test_grouping_agrees_with_its_numpy_twin(items):
    item = np.array(items, dtype=np.uint32)
    one, other = group_by_item(item, 10), group_by_item_plain(item, 10)
    assert one.starts.tolist() == other.starts.tolist()
    assert one.order.tolist() == other.order.tolist()


@given(st.integers(0, 2**32))
def test_first_votes_agree_with_their_numpy_twin(seed):
    starts, symbol, _, _ = draw(seed, symbols=4)
    assert first_votes(starts, symbol, 4).tolist() == first_votes_plain(starts, symbol, 4).tolist()


def test_an_annotator_s_second_vote_on_an_item_points_to_the_first():
    starts, who = np.array([0, 3, 5], dtype=np.int64), np.array([2, 0, 2, 2, 0], dtype=np.int32)
    assert first_votes(starts, who, 3).tolist() == [0, 1, 0, 3, 4]
