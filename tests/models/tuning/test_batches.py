"""Batches: every row once an epoch, in an order the seed decides, laid out flat without losing a token."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.models.tuning.batches import Beside, even_batches, make_batch, shuffled_batches, token_places

pytestmark = pytest.mark.torch

lengths_of_rows = st.lists(st.integers(1, 9), min_size=1, max_size=40).map(np.array)


@given(lengths_of_rows, st.randoms(use_true_random=False))
def test_tokens_of_chosen_rows_are_found_in_their_order(lengths, random):
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.repeat(np.arange(len(lengths)), lengths) * 100 + np.concatenate([np.arange(n) for n in lengths])
    rows = np.array(random.sample(range(len(lengths)), random.randint(1, len(lengths))))
    expected = np.concatenate([row * 100 + np.arange(lengths[row]) for row in rows])
    assert np.array_equal(flat[token_places(offsets, rows)], expected)


@given(lengths_of_rows)
def test_a_batch_lays_rows_out_as_a_padded_one_would(lengths):
    ids = np.arange(1, lengths.sum() + 1)
    batch = make_batch(lengths, ids=ids)
    assert (batch.n, batch.tokens) == (len(lengths), lengths.sum())
    padded = np.zeros(batch.n * batch.longest, np.int64)
    padded[batch.slots.numpy()] = batch.ids.numpy()[: batch.tokens]
    mask = batch.mask.numpy()
    assert np.array_equal(mask.sum(axis=1), lengths)
    assert np.array_equal(padded.reshape(mask.shape)[mask], ids)
    assert np.array_equal(batch.place.numpy()[batch.starts.numpy()], np.zeros(batch.n))


@given(lengths_of_rows)
def test_idle_tokens_fill_up_to_a_round_number(lengths):
    batch = make_batch(lengths, states=np.ones((lengths.sum(), 2), np.float16))
    assert len(batch.states) % 64 == 0
    assert len(batch.states) - batch.tokens < 64
    assert (batch.states[batch.tokens :] == 0).all()
    assert batch.longest % 4 == 0


@given(lengths_of_rows, st.integers(1, 7), st.integers(0, 3), st.integers(0, 3))
def test_every_row_comes_once_an_epoch_and_the_seed_decides_when(lengths, size, seed, epoch):
    rows = np.arange(len(lengths))[::2]
    found = list(shuffled_batches(rows, lengths, size=size, seed=seed, epoch=epoch))
    again = list(shuffled_batches(rows, lengths, size=size, seed=seed, epoch=epoch))
    assert sorted(np.concatenate(found)) == sorted(rows)
    assert all(len(batch) <= size for batch in found)
    assert all(np.array_equal(one, two) for one, two in zip(found, again, strict=True))


def test_another_epoch_has_another_order():
    rows, lengths = np.arange(200), np.full(200, 5)
    first, second = (
        np.concatenate(list(shuffled_batches(rows, lengths, size=8, seed=0, epoch=epoch))) for epoch in (0, 1)
    )
    assert not np.array_equal(first, second)


def test_rows_of_a_batch_are_of_similar_length():
    lengths = np.random.default_rng(0).integers(2, 60, 640)
    batches = list(shuffled_batches(np.arange(640), lengths, size=32, seed=0, epoch=0))
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert padded < 1.15 * lengths.sum()


def test_for_answering_rows_are_sorted_by_length():
    lengths = np.array([5, 1, 9, 3])
    (only,) = even_batches(np.array([0, 1, 2]), lengths)
    assert only.tolist() == [1, 0, 2]


def test_features_stand_beside_their_own_rows(lesson):
    features = sp.csr_matrix(np.arange(240.0).reshape(120, 2))
    batch = Beside(lesson.ids, features).batch(np.array([7, 2]))
    assert batch.features.numpy().tolist() == [[14.0, 15.0], [4.0, 5.0]]
    assert batch.tokens == lesson.ids.lengths[[7, 2]].sum()
