import numpy as np
import pytest

from smallcraft.evaluate.measuring.counted import CountedScore, measure_counted
from smallcraft.records import Predictions
from smallcraft.stats.class_metrics import COUNT_METRICS


def sampled(n=120, k=3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    probs = rng.dirichlet(np.ones(k), n) + 0.6 * np.eye(k)[truth]
    return Predictions(tuple("abcdef"[:k]), truth, probs / probs.sum(axis=1, keepdims=True))


def test_scores_measured_together_are_those_measured_alone():
    names = list(COUNT_METRICS)
    together = measure_counted(names, sampled(), confidence=0.9, seed=4)
    alone = [CountedScore(name).measure(sampled(), confidence=0.9, seed=4) for name in names]
    assert list(together) == alone
    assert {found.level for found in together} == {0.9}
    assert measure_counted((), sampled(), confidence=0.9, seed=4) == ()


def test_kappa_of_one_class_called_throughout_is_not_measured():
    constant = Predictions(("a", "b"), np.zeros(5, dtype=np.int64), np.tile([0.9, 0.1], (5, 1)))
    kappa, f1 = measure_counted(("kappa", "macro_f1"), constant, confidence=0.95, seed=0)
    assert (kappa.value, kappa.low, kappa.level) == (None, None, None)
    assert "agreement beyond chance is not defined" in kappa.detail
    assert f1.value == 1.0


def test_clusters_are_named_and_widen_the_interval():
    plain = sampled(n=60)
    clusters = np.repeat(np.arange(60), 5)
    repeated = (plain.classes, plain.truth.repeat(5), plain.probs.repeat(5, axis=0))
    for name in ("balanced_accuracy", "matthews"):
        score = CountedScore(name)
        wide = score.measure(Predictions(*repeated, clusters), confidence=0.95, seed=0)
        narrow = score.measure(Predictions(*repeated), confidence=0.95, seed=0)
        assert wide.value == pytest.approx(narrow.value)
        assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
        assert "bootstrap of clusters" in wide.method
