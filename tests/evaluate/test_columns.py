"""Laws of taking and drawing rows of input columns."""

from __future__ import annotations

import numpy as np

from smallcraft.evaluate.columns import count_rows, draw_rows, take_rows

COLUMNS = {"text": ["a", "b", "c", "d"], "age": [1, 2, 3, None]}


def test_rows_are_counted_by_any_column():
    assert (count_rows(COLUMNS), count_rows({})) == (4, 0)


def test_rows_are_taken_by_position_in_the_order_asked():
    assert take_rows(COLUMNS, np.array([3, 0])) == {"text": ["d", "a"], "age": [None, 1]}


def test_only_named_columns_are_taken():
    assert take_rows(COLUMNS, np.array([1]), names=["age"]) == {"age": [2]}


def test_few_candidates_are_all_kept():
    np.testing.assert_array_equal(draw_rows(np.array([5, 2, 9]), 3, seed=0), [5, 2, 9])


def test_many_candidates_are_drawn_once_each_in_row_order_by_the_seed():
    candidates = np.arange(100, 300)
    drawn = draw_rows(candidates, 50, seed=1)
    assert len(np.unique(drawn)) == 50
    assert np.all(np.diff(drawn) > 0)
    assert np.all(np.isin(drawn, candidates))
    np.testing.assert_array_equal(drawn, draw_rows(candidates, 50, seed=1))
    assert not np.array_equal(drawn, draw_rows(candidates, 50, seed=2))
