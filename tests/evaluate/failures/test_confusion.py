from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix
from tests.evaluate.subjects import CLASSES, predictions

from smallcraft.evaluate.failures.confusion import confused_pairs
from smallcraft.records import Predictions


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_pairs_are_the_largest_cells_beside_the_diagonal(rows):
    truth, answered = (np.array(column) for column in zip(*rows, strict=True))
    table = confusion_matrix(truth, answered, labels=range(4))
    np.fill_diagonal(table, 0)
    found = confused_pairs(predictions(truth, answered), most=3)
    counts = sorted((count for count in table.ravel().tolist() if count >= 2), reverse=True)[:3]
    assert [len(pair.rows) for pair in found] == counts
    for pair in found:
        assert len(pair.rows) == table[CLASSES.index(pair.truth), CLASSES.index(pair.answered)]
        assert pair.share_of_errors == pytest.approx(len(pair.rows) / table.sum())


def test_the_surest_error_stands_first_and_rows_without_a_class_are_left_out():
    probs = np.array([[0.4, 0.6], [0.1, 0.9], [0.3, 0.7], [0.0, 1.0]])
    (pair,) = confused_pairs(Predictions(("no", "yes"), np.array([0, 0, 0, -1]), probs), most=5)
    assert (pair.truth, pair.answered) == ("no", "yes")
    assert pair.rows.tolist() == [1, 2, 0]
    assert pair.share_of_class == 1.0


def test_one_error_is_no_pattern():
    assert confused_pairs(predictions([0, 1, 2], [1, 1, 2]), most=5) == ()
