"""Scores of several labels a row are scikit-learn's, each with an interval around it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from smallcraft.evaluate.tags.scores import SCORES
from smallcraft.records import TagPredictions


def tags(n: int = 200, k: int = 4, *, seed: int = 0, clusters=None) -> TagPredictions:
    rng = np.random.default_rng(seed)
    truth = rng.random((n, k)) < np.linspace(0.1, 0.5, k)
    probs = np.clip(np.where(truth, 0.75, 0.25) + rng.normal(0, 0.25, (n, k)), 0.01, 0.99)
    return TagPredictions(tuple("abcdefgh"[:k]), truth, probs, probs >= 0.5, clusters)


ORACLES = {
    "micro_f1": lambda p: metrics.f1_score(p.truth, p.predicted, average="micro"),
    "macro_f1": lambda p: metrics.f1_score(p.truth, p.predicted, average="macro"),
    "subset_accuracy": lambda p: metrics.accuracy_score(p.truth, p.predicted),
    "hamming_loss": lambda p: metrics.hamming_loss(p.truth, p.predicted),
    "average_precision": lambda p: metrics.average_precision_score(p.truth, p.probs, average="macro"),
    "log_loss": lambda p: np.mean(
        [metrics.log_loss(p.truth[:, j], p.probs[:, j]) for j in range(p.truth.shape[1])]
    ),
}


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("seed", range(3))
def test_a_score_equals_its_oracle_inside_its_interval(name, seed):
    predictions = tags(seed=seed)
    found = SCORES[name].measure(predictions, 0.95)
    assert found.value == pytest.approx(ORACLES[name](predictions))
    assert found.low < found.value < found.high
    assert found.n == 200
    wider = SCORES[name].measure(tags(seed=seed, clusters=np.arange(200) // 8), 0.95)
    assert wider.value == pytest.approx(found.value)


def test_every_score_says_which_way_is_better():
    good, poor = tags(seed=1), tags(seed=1)
    poor = TagPredictions(poor.classes, poor.truth, 1 - poor.probs, ~poor.predicted)
    for name, score in SCORES.items():
        gain = score.measure(good, 0.95).value - score.measure(poor, 0.95).value
        assert (gain > 0) == score.higher_is_better, name


def test_no_labels_at_all_leave_f1_and_precision_unmeasured():
    nothing = np.zeros((5, 2), dtype=bool)
    predictions = TagPredictions(("a", "b"), nothing, np.full((5, 2), 0.1), nothing)
    assert SCORES["micro_f1"].measure(predictions, 0.95).value is None
    assert SCORES["average_precision"].measure(predictions, 0.95).detail == "no row has a label"
    assert SCORES["hamming_loss"].measure(predictions, 0.95).high > 0
