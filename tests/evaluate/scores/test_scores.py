import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

from smallcraft.evaluate.scores import BUILTIN
from smallcraft.records import Predictions


def sampled(k, n=150, seed=1, unknown=False):
    rng = np.random.default_rng(seed)
    truth = rng.integers(-1 if unknown else 0, k, n)
    probs = rng.dirichlet(np.ones(k), n)
    probs[truth >= 0, truth[truth >= 0]] += 0.5
    return Predictions(tuple("abcdef"[:k]), truth, probs / probs.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("unknown", [False, True])
def test_a_score_is_listed_by_its_name_and_lies_in_its_interval(name, k, unknown):
    score = BUILTIN[name]
    found = score.measure(sampled(k, unknown=unknown), confidence=0.9, seed=0)
    assert found.name == name == score.name
    if found.value is None:
        assert (found.low, found.high) == (None, None)
        assert found.detail
        return
    assert found.low <= found.value <= found.high
    assert found.n > 0
    assert found.method
    assert found.slice == "all"


@pytest.mark.parametrize("name", BUILTIN)
def test_a_score_is_the_same_for_the_same_seed_and_wider_for_more_confidence(name):
    score, predictions = BUILTIN[name], sampled(2)
    first = score.measure(predictions, confidence=0.9, seed=5)
    assert first == score.measure(predictions, confidence=0.9, seed=5)
    wide = score.measure(predictions, confidence=0.99, seed=5)
    assert wide.high - wide.low > first.high - first.low


@pytest.mark.parametrize("name", BUILTIN)
def test_a_better_model_scores_better_in_the_stated_direction(name):
    score = BUILTIN[name]
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 400)

    def model(strength):
        positive = 1 / (1 + np.exp(-(strength * (2 * truth - 1) + rng.normal(size=400))))
        return Predictions(("no", "yes"), truth, np.column_stack([1 - positive, positive]))

    # A model that is sure and wrong half the time is worse by every score, calibration included.
    sure = np.clip(rng.integers(0, 2, 400), 0.01, 0.99)
    bad = Predictions(("no", "yes"), truth, np.column_stack([1 - sure, sure]))
    good, poor = (score.measure(p, confidence=0.95, seed=0).value for p in (model(3.0), bad))
    assert (good > poor) is score.higher_is_better


@pytest.mark.parametrize("name", BUILTIN)
def test_one_row_is_measured_or_refused_with_a_reason(name):
    lone = Predictions(("a", "b"), np.array([0]), np.array([[0.7, 0.3]]))
    found = BUILTIN[name].measure(lone, confidence=0.95, seed=0)
    assert found.value is not None or found.detail


def test_scores_agree_with_sklearn():
    predictions = sampled(2)
    peers = {
        "accuracy": accuracy_score(predictions.truth, predictions.predicted),
        "macro_f1": f1_score(predictions.truth, predictions.predicted, average="macro"),
        "log_loss": log_loss(predictions.truth, predictions.probs),
        "auroc": roc_auc_score(predictions.truth, predictions.probs[:, 1]),
    }
    for name, expected in peers.items():
        found = BUILTIN[name].measure(predictions, confidence=0.95, seed=0)
        assert found.value == pytest.approx(expected, abs=1e-9)


def test_auroc_is_for_two_classes_with_rows_of_both():
    assert "two classes, there are 4" in BUILTIN["auroc"].measure(sampled(4), confidence=0.95, seed=0).detail
    one = Predictions(("a", "b"), np.zeros(4, dtype=np.int64), np.full((4, 2), 0.5))
    assert "rows of one only" in BUILTIN["auroc"].measure(one, confidence=0.95, seed=0).detail
    assert "positive class: b" in BUILTIN["auroc"].measure(sampled(2), confidence=0.95, seed=0).detail
