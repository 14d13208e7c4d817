"""A number for each row, from its place and the seed alone."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.partitions.places import PIECE_BITS, numbers_of, places_of


def test_rows_that_follow_one_another_have_places_that_do():
    whole = places_of(3, 0, 10)
    assert np.concatenate([places_of(3, 0, 4), places_of(3, 4, 6)]).tolist() == whole.tolist()
    assert (whole >> np.uint64(PIECE_BITS)).tolist() == [3] * 10


def test_numbers_depend_on_place_seed_and_use_and_on_nothing_else():
    places = places_of(0, 0, 100)
    one = numbers_of(places, seed=1, use="sample")
    assert numbers_of(places[50:], seed=1, use="sample").tolist() == one[50:].tolist()
    for other in (numbers_of(places, seed=2, use="sample"), numbers_of(places, seed=1, use="votes")):
        assert not np.isin(other, one).any()


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_numbers_are_spread_evenly(seed):
    numbers = np.concatenate(
        [numbers_of(places_of(piece, 0, 2_000), seed=seed, use="x") for piece in range(50)]
    )
    assert len(np.unique(numbers)) == 100_000
    counts = np.bincount((numbers >> np.uint64(58)).astype(np.int64), minlength=64)
    # Chi-square of 63 degrees: 110 is passed by chance once in 5,000 times.
    assert ((counts - 100_000 / 64) ** 2 / (100_000 / 64)).sum() < 110
    bits = np.unpackbits(numbers.view(np.uint8)).reshape(-1, 64).mean(axis=0)
    assert np.abs(bits - 0.5).max() < 0.01
