"""Scores of answers contain their value and know their rows."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.scoring import accuracy_percent, auroc, macro_f1_percent

TRUTH = ["a", "a", "b", "c"] * 50
ANSWERS = ["a", "b", "b", "a"] * 50


@pytest.mark.parametrize(
    ("score", "value"), [(accuracy_percent, 50.0), (macro_f1_percent, 100 * (1 / 2 + 2 / 3) / 3)]
)
def test_a_score_is_the_one_counted_by_hand_and_lies_in_its_interval(score, value):
    found = score(TRUTH, ANSWERS)
    assert found.value == pytest.approx(value)
    assert found.low < found.value < found.high
    assert found.n == 200


def test_auroc_ranks_the_last_class_in_sorted_order():
    truth = ["<=50K", ">50K"] * 40
    scores = np.tile([0.2, 0.8], 40)
    assert auroc(truth, scores).value == 1.0
    assert auroc(truth, 1 - scores).value == 0.0
