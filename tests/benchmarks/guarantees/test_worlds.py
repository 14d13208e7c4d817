"""Worlds are what they say: true scores are those of many rows, rows of a key stand and fall together."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.guarantees.worlds import EVEN, MANY, UNEVEN, draw_calibrated, seeded
from sklearn.metrics import accuracy_score, f1_score


@pytest.mark.parametrize("world", [EVEN, UNEVEN, MANY], ids=["even", "uneven", "many"])
def test_the_true_scores_are_those_of_many_rows_by_another_library(world):
    drawn = world.draw(200_000, seeded(1))
    assert accuracy_score(drawn.truth, drawn.predicted) == pytest.approx(world.accuracy, abs=0.004)
    assert f1_score(drawn.truth, drawn.predicted, average="macro") == pytest.approx(world.macro_f1, abs=0.006)


def test_rows_of_a_key_are_right_or_wrong_together_and_the_key_is_told_on_request():
    told = UNEVEN.draw_by_key(50, 4, seeded(2), is_told=True)
    right = (told.truth == told.predicted).reshape(50, 4)
    assert np.all(right == right[:, :1])
    assert told.clusters.tolist() == np.repeat(np.arange(50), 4).tolist()
    assert UNEVEN.draw_by_key(50, 4, seeded(2), is_told=False).clusters is None


def test_calibrated_rows_are_right_as_often_as_they_say_and_shifted_ones_less_often():
    probs, truth = draw_calibrated(50_000, 4, seeded(3))
    assert (probs.argmax(axis=1) == truth).mean() == pytest.approx(probs.max(axis=1).mean(), abs=0.01)
    probs, truth = draw_calibrated(50_000, 4, seeded(3), shift=0.5)
    assert (probs.argmax(axis=1) == truth).mean() < probs.max(axis=1).mean() - 0.1
