"""Sketches of distinct values: exact while few, close when many, the same however they were put together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.stats.distinct import KEPT, merge_distinct, sketch_distinct


def hashes(n: int, *, of: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2**64, size=of, dtype=np.uint64)
    return np.concatenate([values, values[rng.integers(0, of, n - of)]])


@given(st.lists(st.integers(0, 2**64 - 1), max_size=200), st.integers(1, 7))
def test_few_values_are_counted_exactly_however_they_are_split(values, parts):
    column = np.array(values, dtype=np.uint64)
    split = [sketch_distinct(part) for part in np.array_split(column, parts)]
    assert merge_distinct(split).count == len(set(values))


def test_no_values_are_none():
    assert merge_distinct([]).count == 0


@pytest.mark.parametrize("distinct", [KEPT - 1, KEPT + 1, 20_000, 400_000])
def test_many_values_are_estimated_within_five_standard_errors(distinct):
    found = sketch_distinct(hashes(500_000, of=distinct))
    assert found.count == pytest.approx(distinct, rel=5 / np.sqrt(KEPT - 2))
    assert len(found.hashes) <= KEPT


@pytest.mark.parametrize("distinct", [3_000, 50_000])
def test_parts_give_the_sketch_of_the_whole(distinct):
    column = hashes(200_000, of=distinct)
    np.random.default_rng(1).shuffle(column)
    whole = sketch_distinct(column)
    for parts in (2, 9):
        merged = merge_distinct([sketch_distinct(part) for part in np.array_split(column, parts)])
        np.testing.assert_array_equal(merged.hashes, whole.hashes)


def test_the_sketch_is_that_of_all_values_however_many_come_often():
    column = np.concatenate([np.full(300_000, 7, dtype=np.uint64), hashes(10_000, of=10_000)])
    np.testing.assert_array_equal(sketch_distinct(column).hashes, np.unique(column)[:KEPT])
