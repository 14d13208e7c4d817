import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from smallcraft.errors import InvalidInputError
from smallcraft.stats.cells import (
    accuracies,
    accuracy,
    bootstrap_interval,
    class_counts,
    count_cells,
    draw_counts,
    f1_by_class,
    macro_f1,
    macro_f1_after,
    macro_f1_interval,
    macro_f1s,
    matthews,
)


@st.composite
def codes(draw, *, unknown=False):
    k = draw(st.integers(1, 12))
    n = draw(st.integers(1, 60))
    truth = draw(st.lists(st.integers(-1 if unknown else 0, k - 1), min_size=n, max_size=n))
    predicted = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    return np.array(truth), np.array(predicted), k


def sampled(k, n, seed, error=0.2):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    wrong = rng.random(n) < error
    return truth, np.where(wrong, rng.integers(0, k, n), truth), rng


@given(codes())
def test_scores_from_cells_agree_with_sklearn(case):
    truth, predicted, k = case
    cells = count_cells(truth, predicted, k)
    assert accuracy(cells) == pytest.approx(accuracy_score(truth, predicted), abs=1e-9)
    expected = f1_score(truth, predicted, average="macro", zero_division=0)
    assert macro_f1(cells) == pytest.approx(expected, abs=1e-9)
    if len({*truth.tolist(), *predicted.tolist()}) > 1:
        assert matthews(cells) == pytest.approx(matthews_corrcoef(truth, predicted), abs=1e-9)


@given(codes(unknown=True))
def test_an_unknown_label_is_wrong_and_not_averaged_over(case):
    truth, predicted, k = case
    cells = count_cells(truth, predicted, k)
    assert accuracy(cells) == pytest.approx(np.mean(truth == predicted), abs=1e-12)
    named = sorted({*truth.tolist(), *predicted.tolist()} - {-1})
    expected = f1_score(truth, predicted, average="macro", labels=named, zero_division=0)
    assert macro_f1(cells) == pytest.approx(expected, abs=1e-9)
    if len({*truth.tolist(), *predicted.tolist()}) > 1:
        assert matthews(cells) == pytest.approx(matthews_corrcoef(truth, predicted), abs=1e-9)


@given(codes())
def test_f1_by_class_agrees_with_sklearn_and_is_nan_where_there_is_nothing(case):
    truth, predicted, k = case
    mine = f1_by_class(count_cells(truth, predicted, k))
    peer = f1_score(truth, predicted, average=None, labels=range(k), zero_division=np.nan)
    np.testing.assert_allclose(mine, peer, atol=1e-9)


@given(codes(unknown=True), st.randoms())
def test_the_order_of_rows_does_not_matter(case, random):
    truth, predicted, k = case
    order = list(range(len(truth)))
    random.shuffle(order)
    a, b = count_cells(truth, predicted, k), count_cells(truth[order], predicted[order], k)
    assert a.counts.tolist() == b.counts.tolist()
    assert a.truth.tolist() == b.truth.tolist()
    assert a.n == len(truth)


@given(codes(unknown=True))
def test_sparse_counting_equals_dense_counting(case):
    truth, predicted, k = case
    dense = count_cells(truth, predicted, k, predicted[::-1].copy())
    sparse = count_cells(truth, predicted, k + 3000, predicted[::-1].copy())
    for name in ("truth", "predicted", "other", "counts"):
        assert getattr(dense, name).tolist() == getattr(sparse, name).tolist()


@given(codes())
def test_drawn_tables_score_as_their_rows_would(case):
    truth, predicted, k = case
    cells = count_cells(truth, predicted, k)
    drawn = draw_counts(cells, 3, rng=np.random.default_rng(0))
    for row, f1, right in zip(drawn, macro_f1s(cells, drawn), accuracies(cells, drawn), strict=True):
        rows = np.repeat(np.arange(len(row)), row.astype(int))
        assert len(rows) == len(truth)
        expected = f1_score(cells.truth[rows], cells.predicted[rows], average="macro", zero_division=0)
        assert f1 == pytest.approx(expected, abs=1e-9)
        assert right == pytest.approx(accuracy_score(cells.truth[rows], cells.predicted[rows]), abs=1e-9)


def test_the_multinomial_bootstrap_agrees_with_an_index_bootstrap():
    truth, predicted, rng = sampled(5, 250, 11)
    cells = count_cells(truth, predicted, 5)
    drawn = macro_f1s(cells, draw_counts(cells, 20_000, rng=rng))
    by_index = []
    for _ in range(3000):
        rows = rng.integers(0, 250, 250)
        by_index.append(macro_f1(count_cells(truth[rows], predicted[rows], 5)))
    spread = np.std(by_index)
    assert np.mean(drawn) == pytest.approx(np.mean(by_index), abs=4 * spread / np.sqrt(3000))
    assert np.std(drawn) == pytest.approx(spread, rel=4 / np.sqrt(2 * 3000))
    ends = np.quantile(by_index, [0.05, 0.5, 0.95])
    assert np.quantile(drawn, [0.05, 0.5, 0.95]) == pytest.approx(ends, abs=6 * spread / np.sqrt(3000))


def test_the_cluster_bootstrap_agrees_with_drawing_clusters_by_index():
    truth, predicted, rng = sampled(3, 240, 4)
    clusters = np.repeat(np.arange(60), 4)
    predicted = np.where(np.repeat(rng.random(60) < 0.3, 4), (truth + 1) % 3, predicted)
    cells = count_cells(truth, predicted, 3, clusters=clusters)
    drawn = macro_f1s(cells, draw_counts(cells, 20_000, rng=rng))
    by_index = []
    for _ in range(3000):
        rows = (rng.integers(0, 60, 60)[:, None] * 4 + np.arange(4)).ravel()
        by_index.append(macro_f1(count_cells(truth[rows], predicted[rows], 3)))
    spread = np.std(by_index)
    assert np.std(drawn) == pytest.approx(spread, rel=4 / np.sqrt(2 * 3000))
    alone = count_cells(truth, predicted, 3)
    assert np.std(macro_f1s(alone, draw_counts(alone, 5000, rng=rng))) < 0.8 * spread


def test_clusters_of_one_make_up_are_drawn_together():
    truth, predicted, _ = sampled(2, 5000, 8)
    profiles = count_cells(truth, predicted, 2, clusters=np.arange(5000)).clusters
    assert len(profiles.counts) == 4
    assert profiles.counts.sum() == 5000
    assert profiles.effective_n == 5000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("k", "n", "right", "most_low", "most_high"),
    [(3, 100, 0.9, 0.045, 0.045), (10, 300, 0.92, 0.045, 0.045), (5, 100, 0.99, 0.045, 0.045)],
)
def test_the_macro_f1_interval_covers(k, n, right, most_low, most_high):
    rng = np.random.default_rng(21)
    misses = np.zeros(2)
    for _ in range(400):
        truth = rng.integers(0, k, n)
        shift = np.where(rng.random(n) < right, 0, rng.integers(1, k, n))
        cells = count_cells(truth, (truth + shift) % k, k)
        interval = macro_f1_interval(cells, rng=rng, replicates=400)
        misses += (right < interval.low, right > interval.high)
    assert misses[0] / 400 <= most_low
    assert misses[1] / 400 <= most_high


def test_a_sample_without_errors_is_not_taken_for_a_perfect_model():
    truth = np.arange(100) % 4
    cells = count_cells(truth, truth, 4)
    interval = macro_f1_interval(cells, rng=np.random.default_rng(0))
    assert interval.high == 1
    assert interval.low == pytest.approx(0.025 ** (1 / 100), abs=1e-6)


def test_macro_f1_after_no_change_is_macro_f1_and_errors_lower_it():
    truth, predicted, _ = sampled(4, 300, 2)
    cells = count_cells(truth, predicted, 4)
    assert macro_f1_after(cells, 0.0) == pytest.approx(macro_f1(cells))
    steps = [macro_f1_after(cells, errors) for errors in (-0.1, -0.05, 0.0, 0.05, 0.1)]
    assert steps == sorted(steps, reverse=True)
    assert macro_f1_after(cells, -1.0) == pytest.approx(1.0)
    assert macro_f1_after(cells, 1.0) == pytest.approx(0.0)


def test_same_generator_same_interval():
    truth, predicted, _ = sampled(4, 200, 9)
    cells = count_cells(truth, predicted, 4)

    def once():
        return bootstrap_interval(
            cells, lambda counts: macro_f1s(cells, counts), level=0.95, rng=np.random.default_rng(3)
        )

    assert once() == once()


def test_counts_by_class_add_up():
    truth, predicted, _ = sampled(6, 100, 10)
    found = class_counts(count_cells(truth, predicted, 6))
    assert found.true.tolist() == np.bincount(truth, minlength=6).tolist()
    assert found.called.tolist() == np.bincount(predicted, minlength=6).tolist()
    assert found.right.sum() == np.sum(truth == predicted)


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([0, 1], [0], r"lengths \[2, 1\]"),
        ([], [], "at least one row"),
        ([0, 2], [0, 1], r"\[-1, 2\), got 0 to 2"),
        ([0, 1], [-1, 1], r"\[0, 2\), got -1 to 1"),
    ],
)
def test_codes_that_do_not_fit_are_refused(truth, predicted, message):
    with pytest.raises(InvalidInputError, match=message):
        count_cells(np.array(truth, dtype=np.int64), np.array(predicted, dtype=np.int64), 2)


def test_clusters_of_another_length_are_refused():
    with pytest.raises(InvalidInputError, match="got 1 for 2 rows"):
        count_cells(np.array([0, 1]), np.array([0, 1]), 2, clusters=np.array([0]))


def test_one_prediction_has_no_other_side():
    with pytest.raises(InvalidInputError, match="count them with `other=`"):
        count_cells(np.array([0]), np.array([0]), 1).swapped()
