"""The contract over all strategies, and what each of them does that no other does."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.label.rounds import small_pool

from smallcraft.errors import InvalidInputError
from smallcraft.label.strategies import BUILTIN
from smallcraft.label.strategies.slice_value import SliceValue


def choose(name, pool, n=20, seed=0):
    return BUILTIN[name].choose(pool, n=n, rng=np.random.default_rng(seed))


# --- every strategy ------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILTIN)
@given(n=st.integers(0, 80), open_rows=st.integers(0, 60), seed=st.integers(0, 5))
@settings(max_examples=15)
def test_within_the_number_no_row_twice_only_open_rows_and_a_chance_with_each(name, n, open_rows, seed):
    is_open = np.zeros(60, dtype=bool)
    is_open[np.random.default_rng(seed).permutation(60)[:open_rows]] = True
    pool = small_pool(60, seed=seed, is_open=is_open)
    choice = choose(name, pool, n=n, seed=seed)
    assert len(choice.rows) == min(n, open_rows)
    assert len(set(choice.rows.tolist())) == len(choice.rows)
    assert is_open[choice.rows].all()
    assert len(choice.chance) == len(choice.rows)
    assert ((choice.chance > 0) & (choice.chance <= 1)).all()


@pytest.mark.parametrize("name", BUILTIN)
def test_the_same_seed_chooses_the_same_rows(name):
    pool = small_pool()
    assert np.array_equal(choose(name, pool).rows, choose(name, pool).rows)


# --- each of them --------------------------------------------------------------------


def test_random_asks_for_every_row_about_equally_often_and_says_the_chance():
    pool = small_pool(50)
    found = [choose("random", pool, n=10, seed=seed) for seed in range(400)]
    counts = np.bincount(np.concatenate([choice.rows for choice in found]), minlength=50)
    assert {chance for choice in found for chance in choice.chance.tolist()} == {0.2}
    # 400 draws of a chance of 0.2: four standard deviations are 32.
    assert np.abs(counts - 80).max() < 40


def test_margin_takes_the_rows_whose_two_best_classes_are_closest():
    pool = small_pool()
    best = np.sort(pool.probs, axis=1)
    assert choose("margin", pool, n=1).rows[0] == (best[:, -1] - best[:, -2]).argmin()


def test_entropy_takes_the_row_nearest_to_an_even_spread():
    pool = small_pool()
    probs = pool.probs.copy()
    probs[11] = 1 / 3
    assert choose("entropy", replace(pool, probs=probs), n=1).rows.tolist() == [11]


def test_disagreement_takes_the_row_that_splits_the_committee_and_refuses_without_one():
    committee = np.zeros((3, 200), dtype=np.int64)
    committee[:, 5] = [0, 1, 2]
    pool = small_pool(committee=committee)
    assert choose("disagreement", pool, n=1).rows.tolist() == [5]
    with pytest.raises(InvalidInputError, match="needs the answers of two models or more"):
        choose("disagreement", replace(pool, committee=None))


def test_coverage_first_takes_one_row_of_each_heap_before_a_second_of_any():
    rng = np.random.default_rng(3)
    heaps = np.repeat(np.arange(6), [60, 40, 30, 30, 25, 15])
    vectors = (np.eye(6)[heaps] + 0.05 * rng.normal(size=(200, 6))).astype(np.float32)
    taken = choose("coverage_first", _with(vectors), n=6).rows
    assert sorted(heaps[taken].tolist()) == [0, 1, 2, 3, 4, 5]


def test_coverage_first_passes_over_what_labelled_rows_cover_already():
    heaps = np.repeat(np.arange(2), [120, 80])
    vectors = np.eye(2, dtype=np.float32)[heaps]
    pool = replace(_with(vectors), given=np.where(heaps == 0, 1, -1), is_open=heaps == 1)
    open_both = replace(pool, is_open=np.arange(200) != 0)
    assert heaps[choose("coverage_first", open_both, n=1).rows].tolist() == [1]


def test_coverage_first_refuses_without_vectors():
    with pytest.raises(InvalidInputError, match="needs a vector a row"):
        choose("coverage_first", replace(small_pool(), vectors=None))


def _with(vectors):
    return replace(small_pool(unlabelled=1.0), vectors=vectors)


def test_relabel_value_takes_labelled_rows_by_value_before_any_other():
    pool = small_pool(value=np.linspace(0, 1, 200))
    taken = choose("relabel_value", pool, n=200).rows
    labelled = pool.given[taken] >= 0
    assert labelled[: labelled.sum()].all()
    assert (np.diff(pool.value[taken[: labelled.sum()]]) < 0.051).all()


def test_slice_value_gives_one_failing_slice_no_more_than_its_share_while_others_are_left():
    names = ["refund" if row < 100 else "" for row in range(200)]
    pool = small_pool(value=np.linspace(1, 0, 200), slices=names, vectors=None)
    taken = choose("slice_value", pool, n=20).rows
    assert (taken < 100).sum() == 10


def test_slice_value_fills_up_from_the_slice_where_nothing_else_is_left():
    pool = small_pool(slices=["refund"] * 200)
    assert len(choose("slice_value", pool, n=30).rows) == 30


def test_slice_value_asks_one_question_once_before_its_near_copies():
    vectors = np.vstack([np.ones((50, 8)), np.random.default_rng(0).normal(size=(150, 8))]).astype(np.float32)
    pool = small_pool(value=np.linspace(1, 0, 200), vectors=vectors)
    taken = SliceValue().choose(pool, n=20, rng=np.random.default_rng(0)).rows
    assert (taken < 50).sum() == 1
