import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
)

from smallcraft.stats.cells import class_counts, count_cells
from smallcraft.stats.class_metrics import (
    COUNT_METRICS,
    ClassCounts,
    accuracy,
    counts_after,
    f1_scores,
    false_positive_rates,
    macro_f1,
    micro_f1,
    precisions,
    recalls,
    selection_rates,
    specificities,
)


@st.composite
def codes(draw, *, unknown=False):
    k = draw(st.integers(1, 12))
    n = draw(st.integers(1, 60))
    truth = draw(st.lists(st.integers(-1 if unknown else 0, k - 1), min_size=n, max_size=n))
    predicted = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    return np.array(truth), np.array(predicted), k


def counted(truth, predicted, k):
    return class_counts(count_cells(np.asarray(truth), np.asarray(predicted), k))


@given(codes())
def test_every_metric_agrees_with_sklearn(case):
    truth, predicted, k = case
    found = counted(truth, predicted, k)
    settings = {"zero_division": 0}
    peers = {
        "accuracy": accuracy_score(truth, predicted),
        "macro_f1": f1_score(truth, predicted, average="macro", **settings),
        "weighted_f1": f1_score(truth, predicted, average="weighted", **settings),
        "micro_f1": f1_score(truth, predicted, average="micro", **settings),
        "macro_precision": precision_score(truth, predicted, average="macro", **settings),
        "macro_recall": recall_score(truth, predicted, average="macro", **settings),
    }
    occurring = np.unique(truth)
    peers["balanced_accuracy"] = recall_score(truth, predicted, average="macro", labels=occurring, **settings)
    if len({*truth.tolist(), *predicted.tolist()}) > 1:
        peers["matthews"] = matthews_corrcoef(truth, predicted)
        peers["kappa"] = cohen_kappa_score(truth, predicted)
    for name, expected in peers.items():
        assert float(COUNT_METRICS[name](found)) == pytest.approx(expected, abs=1e-9), name


def test_balanced_accuracy_agrees_with_sklearns_function_of_that_name():
    truth, predicted = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 2])
    mine = COUNT_METRICS["balanced_accuracy"](counted(truth, predicted, 3))
    assert float(mine) == pytest.approx(balanced_accuracy_score(truth, predicted), abs=1e-12)


@given(codes(unknown=True))
def test_an_unknown_label_is_wrong_and_not_averaged_over(case):
    truth, predicted, k = case
    found = counted(truth, predicted, k)
    assert float(accuracy(found)) == pytest.approx(np.mean(truth == predicted), abs=1e-12)
    named = sorted({*truth.tolist(), *predicted.tolist()} - {-1})
    settings = {"average": "macro", "labels": named, "zero_division": 0}
    for name, score in (
        ("macro_f1", f1_score),
        ("macro_precision", precision_score),
        ("macro_recall", recall_score),
    ):
        expected = score(truth, predicted, **settings)
        assert float(COUNT_METRICS[name](found)) == pytest.approx(expected, abs=1e-9), name
    micro = f1_score(truth, predicted, average="micro", labels=named, zero_division=0)
    assert float(micro_f1(found)) == pytest.approx(micro, abs=1e-9)
    if len({*truth.tolist(), *predicted.tolist()}) > 1:
        assert float(COUNT_METRICS["matthews"](found)) == pytest.approx(
            matthews_corrcoef(truth, predicted), abs=1e-9
        )
        assert float(COUNT_METRICS["kappa"](found)) == pytest.approx(
            cohen_kappa_score(truth, predicted), abs=1e-9
        )


@given(codes())
def test_metrics_of_each_class_agree_with_sklearn_and_are_nan_where_there_is_nothing(case):
    truth, predicted, k = case
    found = counted(truth, predicted, k)
    settings = {"average": None, "labels": range(k), "zero_division": np.nan}
    for mine, peer in ((precisions, precision_score), (recalls, recall_score), (f1_scores, f1_score)):
        np.testing.assert_allclose(mine(found), peer(truth, predicted, **settings), atol=1e-9)
    table = confusion_matrix(truth, predicted, labels=range(k + 1))
    for code in range(k):
        wrongly = table[:, code].sum() - table[code, code]
        others = len(truth) - table[code].sum()
        rate = wrongly / others if others else np.nan
        np.testing.assert_allclose(false_positive_rates(found)[code], rate, atol=1e-12)
        np.testing.assert_allclose(specificities(found)[code], 1 - rate, atol=1e-12)
        assert selection_rates(found)[code] == pytest.approx(np.mean(predicted == code))


@given(codes(), codes())
def test_many_tables_at_once_give_what_each_gives_alone(one, other):
    k = max(one[2], other[2])
    tables = [counted(truth, predicted, k) for truth, predicted, _ in (one, other)]
    both = ClassCounts(
        *(np.stack([getattr(t, part) for t in tables]) for part in ("right", "true", "called"))
    )
    for name, metric in COUNT_METRICS.items():
        assert metric(both).tolist() == pytest.approx([float(metric(t)) for t in tables], abs=1e-12), name


def test_what_has_no_spread_is_zero_not_undefined():
    constant = counted([0, 0, 0], [0, 0, 0], 2)
    assert float(COUNT_METRICS["matthews"](constant)) == 0.0
    assert float(COUNT_METRICS["kappa"](constant)) == 0.0


def test_macro_f1_after_no_change_is_macro_f1_and_errors_lower_it():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, 300)
    found = counted(truth, np.where(rng.random(300) < 0.2, rng.integers(0, 4, 300), truth), 4)
    assert float(macro_f1(counts_after(found, 0.0))) == pytest.approx(float(macro_f1(found)))
    steps = [float(macro_f1(counts_after(found, errors))) for errors in (-0.1, -0.05, 0.0, 0.05, 0.1)]
    assert steps == sorted(steps, reverse=True)
    assert float(macro_f1(counts_after(found, -1.0))) == pytest.approx(1.0)
    assert float(macro_f1(counts_after(found, 1.0))) == pytest.approx(0.0)


@given(codes(unknown=True), st.floats(-1, 1))
def test_changed_counts_are_counts_of_as_many_rows(case, errors):
    found = counted(*case)
    after = counts_after(found, errors)
    assert float(after.n) == pytest.approx(float(found.n))
    assert np.all(after.right >= -1e-9)
    assert np.all(after.right <= after.true + 1e-9)
    expected = min(max(float(found.right.sum()) - errors * float(found.n), 0.0), float(found.true.sum()))
    assert float(after.right.sum()) == pytest.approx(expected, abs=1e-6)
