"""Two candidates of several labels a row differ by what their scores differ by."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.choice.paired import DECIDING_BY_TASK, quality_difference
from smallcraft.evaluate.tags.differences import DIFFERENCES
from smallcraft.evaluate.tags.scores import SCORES
from smallcraft.records import TagPredictions


def pair(n: int = 300):
    rng = np.random.default_rng(0)
    truth = rng.random((n, 3)) < 0.35
    probs = [
        np.clip(np.where(truth, 0.7, 0.3) + rng.normal(0, s, truth.shape), 0.01, 0.99) for s in (0.2, 0.4)
    ]
    return [TagPredictions(("a", "b", "c"), truth, found, found >= 0.5) for found in probs]


@pytest.mark.parametrize("metric", DIFFERENCES)
def test_a_difference_is_that_of_the_scores_and_turns_with_the_sides(metric):
    better, worse = pair()
    found = quality_difference(better, worse, metric=metric, level=0.9, seed=0)
    back = quality_difference(worse, better, metric=metric, level=0.9, seed=0)
    values = [SCORES[metric].measure(side, 0.9).value for side in (better, worse)]
    expected = (values[0] - values[1]) * (1 if SCORES[metric].higher_is_better else -1)
    assert found.value == pytest.approx(expected)
    assert back.value == pytest.approx(-expected)
    assert 0 < found.interval.low <= found.value <= found.interval.high


def test_what_may_not_be_compared_is_refused():
    better, worse = pair()
    with pytest.raises(InvalidInputError, match="compared by micro_f1, macro_f1"):
        quality_difference(better, worse, metric="accuracy", level=0.9, seed=0)
    with pytest.raises(InvalidInputError, match="on the same rows"):
        quality_difference(better, pair(50)[0], metric="micro_f1", level=0.9, seed=0)
    assert set(DIFFERENCES) == set(DECIDING_BY_TASK["multilabel"]) <= set(SCORES)
