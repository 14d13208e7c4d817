import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.measuring.curves import area_of, known_rows, precision_of
from smallcraft.records import Predictions


def sampled(k, truth):
    probs = np.random.default_rng(0).dirichlet(np.ones(k), len(truth))
    return Predictions(tuple("abcd"[:k]), np.array(truth), probs, np.arange(len(truth)))


def test_rows_of_unknown_labels_take_no_part():
    rows = known_rows(sampled(3, [0, -1, 2, 1, -1]))
    assert rows.truth.tolist() == [0, 2, 1]
    assert rows.clusters.tolist() == [0, 2, 3]
    assert len(rows.probs) == 3
    whole = sampled(3, [0, 1, 2])
    assert known_rows(whole).probs is whole.probs


@pytest.mark.parametrize(
    ("k", "truth", "why"),
    [(1, [0, 0], "needs two classes, there are 1"), (2, [1, 1], "rows of one only"), (3, [-1], "one only")],
)
def test_where_there_is_no_curve_the_reason_is_given_and_a_comparison_refused(k, truth, why):
    rows = known_rows(sampled(k, truth))
    assert why in rows.lacks
    for curve in (area_of, precision_of):
        with pytest.raises(InvalidInputError, match=f"does not apply: .*{why}; declare another metric"):
            curve(rows)


def test_what_is_positive_is_said():
    assert known_rows(sampled(2, [0, 1])).about == "positive class: b"
    assert (
        known_rows(sampled(4, [0, 1, 3])).about == "each class against the rest, mean over the 3 that occur"
    )
