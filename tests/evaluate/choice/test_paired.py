import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    log_loss,
    matthews_corrcoef,
    roc_auc_score,
    top_k_accuracy_score,
)

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.choice.paired import DECIDING_METRICS, quality_difference
from smallcraft.evaluate.scores import BUILTIN
from smallcraft.records import Predictions


def pair(k=2, n=300, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    made = []
    for strength in (2.0, 1.0):
        logits = rng.normal(size=(n, k)) + strength * np.eye(k)[truth]
        probs = np.exp(logits)
        made.append(Predictions(tuple("abcd"[:k]), truth, probs / probs.sum(axis=1, keepdims=True)))
    return made


@pytest.mark.parametrize("metric", DECIDING_METRICS)
def test_the_better_model_has_the_positive_difference_whatever_the_direction(metric):
    better, worse = pair(k=4 if metric == "top_3_accuracy" else 2)
    forth = quality_difference(better, worse, metric=metric, level=0.9, seed=0)
    back = quality_difference(worse, better, metric=metric, level=0.9, seed=0)
    assert forth.value > 0
    assert back.value == pytest.approx(-forth.value)
    assert forth.interval.low <= forth.value <= forth.interval.high


def test_differences_agree_with_sklearn():
    better, worse = pair()
    truth = better.truth

    def difference(metric):
        return quality_difference(better, worse, metric=metric, level=0.9, seed=0).value

    f1 = [f1_score(truth, p.predicted, average="macro") for p in (better, worse)]
    assert difference("macro_f1") == pytest.approx(f1[0] - f1[1], abs=1e-9)
    for metric, score in (
        ("balanced_accuracy", balanced_accuracy_score),
        ("matthews", matthews_corrcoef),
        ("kappa", cohen_kappa_score),
    ):
        expected = score(truth, better.predicted) - score(truth, worse.predicted)
        assert difference(metric) == pytest.approx(expected, abs=1e-9)
    found = [average_precision_score(truth, p.probs[:, 1]) for p in (better, worse)]
    assert difference("average_precision") == pytest.approx(found[0] - found[1], abs=1e-9)
    area = [roc_auc_score(truth, p.probs[:, 1]) for p in (better, worse)]
    assert difference("auroc") == pytest.approx(area[0] - area[1], abs=1e-9)
    loss = [log_loss(truth, p.probs) for p in (better, worse)]
    assert difference("log_loss") == pytest.approx(loss[1] - loss[0], abs=1e-9)


def test_differences_over_several_classes_agree_with_sklearn():
    better, worse = pair(k=4)
    truth = better.truth
    area = [roc_auc_score(truth, p.probs, multi_class="ovr") for p in (better, worse)]
    top = [top_k_accuracy_score(truth, p.probs, k=3) for p in (better, worse)]
    for metric, values in (("auroc", area), ("top_3_accuracy", top)):
        found = quality_difference(better, worse, metric=metric, level=0.9, seed=0)
        assert found.value == pytest.approx(values[0] - values[1], abs=1e-9)
        assert found.interval.low < found.value < found.interval.high


def test_every_score_but_the_calibration_error_may_decide():
    assert set(BUILTIN) - set(DECIDING_METRICS) == {"ece"}
    assert set(DECIDING_METRICS) <= set(BUILTIN)


@pytest.mark.parametrize("metric", DECIDING_METRICS)
def test_a_candidate_against_itself_is_level_with_doubt_left(metric):
    same = pair(k=4, n=80)[0]
    found = quality_difference(same, same, metric=metric, level=0.9, seed=0)
    assert found.value == 0
    if metric not in ("log_loss", "brier"):
        assert found.interval.low < -0.005
        assert found.interval.high > 0.005


def test_rows_or_classes_that_differ_are_refused():
    better, worse = pair()
    with pytest.raises(InvalidInputError, match="same rows, got 300 and 200 rows"):
        quality_difference(better, pair(n=200)[1], metric="accuracy", level=0.9, seed=0)
    renamed = Predictions(("b", "a"), worse.truth, worse.probs)
    with pytest.raises(InvalidInputError, match="same classes in the same order"):
        quality_difference(better, renamed, metric="accuracy", level=0.9, seed=0)


def test_metrics_that_cannot_decide_are_refused():
    better, worse = pair(k=3)
    with pytest.raises(InvalidInputError, match=r"compared by accuracy, macro_f1.*got 'ece'"):
        quality_difference(better, worse, metric="ece", level=0.9, seed=0)
    with pytest.raises(InvalidInputError, match="does not apply to 3 classes; declare 'accuracy'"):
        quality_difference(better, worse, metric="top_3_accuracy", level=0.9, seed=0)
    lone = Predictions(("a",), np.zeros(3, dtype=np.int64), np.ones((3, 1)))
    with pytest.raises(InvalidInputError, match="needs two classes, there are 1"):
        quality_difference(lone, lone, metric="auroc", level=0.9, seed=0)
