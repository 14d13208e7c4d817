import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    log_loss,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
    top_k_accuracy_score,
)

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
    score, predictions = BUILTIN[name], sampled(5)
    first = score.measure(predictions, confidence=0.9, seed=5)
    assert first == score.measure(predictions, confidence=0.9, seed=5)
    wide = score.measure(predictions, confidence=0.99, seed=5)
    assert wide.high - wide.low > first.high - first.low


@pytest.mark.parametrize("name", BUILTIN)
def test_a_better_model_scores_better_in_the_stated_direction(name):
    score = BUILTIN[name]
    rng = np.random.default_rng(2)
    truth, classes = rng.integers(0, 4, 400), ("a", "b", "c", "d")
    odds = np.exp(4.0 * np.eye(4)[truth] + rng.normal(size=(400, 4)))
    model = Predictions(classes, truth, odds / odds.sum(axis=1, keepdims=True))
    # A model that is sure and a guess is worse by every score, calibration included.
    guess = np.exp(8.0 * np.eye(4)[rng.integers(0, 4, 400)] + rng.normal(size=(400, 4)))
    bad = Predictions(classes, truth, guess / guess.sum(axis=1, keepdims=True))
    good, poor = (score.measure(p, confidence=0.95, seed=0).value for p in (model, bad))
    assert (good > poor) is score.higher_is_better


@pytest.mark.parametrize("name", BUILTIN)
def test_one_row_is_measured_or_refused_with_a_reason(name):
    lone = Predictions(("a", "b"), np.array([0]), np.array([[0.7, 0.3]]))
    found = BUILTIN[name].measure(lone, confidence=0.95, seed=0)
    assert found.value is not None or found.detail


@pytest.mark.parametrize("k", [2, 5])
def test_scores_agree_with_sklearn(k):
    predictions = sampled(k)
    truth, predicted, probs = predictions.truth, predictions.predicted, predictions.probs
    is_class = np.eye(k)[truth]
    peers = {
        "accuracy": accuracy_score(truth, predicted),
        "balanced_accuracy": balanced_accuracy_score(truth, predicted),
        "macro_f1": f1_score(truth, predicted, average="macro"),
        "weighted_f1": f1_score(truth, predicted, average="weighted"),
        "macro_precision": precision_score(truth, predicted, average="macro"),
        "macro_recall": recall_score(truth, predicted, average="macro"),
        "matthews": matthews_corrcoef(truth, predicted),
        "kappa": cohen_kappa_score(truth, predicted),
        "log_loss": log_loss(truth, probs),
        "brier": np.sum((probs - is_class) ** 2, axis=1).mean(),
    }
    if k == 2:
        peers["auroc"] = roc_auc_score(truth, probs[:, 1])
        peers["average_precision"] = average_precision_score(truth, probs[:, 1])
    else:
        peers["auroc"] = roc_auc_score(truth, probs, multi_class="ovr", average="macro")
        peers["average_precision"] = average_precision_score(is_class, probs, average="macro")
        peers["top_3_accuracy"] = top_k_accuracy_score(truth, probs, k=3)
    for name, expected in peers.items():
        found = BUILTIN[name].measure(predictions, confidence=0.95, seed=0)
        assert found.value == pytest.approx(expected, abs=1e-9), name
    assert set(BUILTIN) - set(peers) == ({"ece", "top_3_accuracy"} if k == 2 else {"ece"})


def test_scores_over_thresholds_need_rows_of_two_classes():
    one = Predictions(("a", "b"), np.zeros(4, dtype=np.int64), np.full((4, 2), 0.5))
    for name in ("auroc", "average_precision"):
        score = BUILTIN[name]
        assert "rows of one only" in score.measure(one, confidence=0.95, seed=0).detail
        assert "positive class: b" in score.measure(sampled(2), confidence=0.95, seed=0).detail
        assert "mean over the 4 that occur" in score.measure(sampled(4), confidence=0.95, seed=0).detail


def test_the_best_three_of_three_are_no_score():
    found = BUILTIN["top_3_accuracy"].measure(sampled(3), confidence=0.95, seed=0)
    assert (found.value, found.detail) == (None, "one of 3 is always right where there are 3 classes")
