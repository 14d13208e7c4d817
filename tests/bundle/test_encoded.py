"""Rows as dense and sparse matrices in arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.encoded import Dense, sparse_rows

WIDTH = 7
sparse_row = st.sets(st.integers(0, WIDTH - 1)).map(sorted)


@given(st.lists(sparse_row, max_size=6), st.integers(0, 2**32 - 1))
def test_stacked_rows_are_the_rows(rows, seed):
    rng = np.random.default_rng(seed)
    pairs = [(np.array(row, dtype=np.int64), rng.normal(size=len(row)).astype(np.float32)) for row in rows]
    stacked = sparse_rows(pairs, WIDTH)
    assert (stacked.width, len(stacked.offsets)) == (WIDTH, len(rows) + 1)
    for number, (columns, values) in enumerate(pairs):
        span = slice(stacked.offsets[number], stacked.offsets[number + 1])
        assert np.array_equal(stacked.columns[span], columns)
        assert np.array_equal(stacked.values[span], values)
    assert stacked.values.dtype == np.float32


def test_a_dense_matrix_knows_its_width_without_rows():
    assert Dense(np.empty((0, 5), dtype=np.float32)).width == 5
