from __future__ import annotations

import numpy as np
import pytest

from smallcraft.evaluate.harness.withheld import NEEDS_PROBABILITIES, WHY, withhold_probability_scores
from smallcraft.evaluate.scores import BUILTIN
from smallcraft.records import Measurement, Predictions


def predictions(*, sharpened: bool, classes: int = 5) -> Predictions:
    dice = np.random.default_rng(3)
    probs = dice.dirichlet(np.ones(classes), size=400)
    truth = dice.integers(0, classes, size=400)
    if sharpened:
        probs = np.eye(classes)[probs.argmax(axis=1)]
    return Predictions(tuple("abcde"[:classes]), truth.astype(np.int64), probs)


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_a_score_is_withheld_exactly_when_it_depends_on_more_than_the_label(name):
    soft, hard = (
        BUILTIN[name].measure(predictions(sharpened=sharp), confidence=0.95, seed=1)
        for sharp in (False, True)
    )
    depends = soft.value != pytest.approx(hard.value, abs=1e-12)
    assert depends == (name in NEEDS_PROBABILITIES)


def test_a_withheld_score_has_no_value_and_says_why():
    kept = Measurement("accuracy", 0.5, "fraction", 4, "exact", slice="sex=F")
    lost = Measurement("auroc", 0.5, "fraction", 4, "DeLong", low=0.1, high=0.9, slice="sex=F", level=0.95)
    first, second = withhold_probability_scores([kept, lost])
    assert first is kept
    assert (second.value, second.low, second.level, second.slice, second.detail) == (
        None,
        None,
        None,
        "sex=F",
        WHY,
    )
