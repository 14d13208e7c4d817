import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smallcraft.stats.cell_bootstrap import (
    bootstrap_interval,
    draw_samples,
    mean_share_interval,
    metric_interval,
    metric_intervals,
    sample_tables,
)
from smallcraft.stats.cells import Cells, class_counts, count_cells
from smallcraft.stats.class_metrics import COUNT_METRICS, accuracy, balanced_accuracy, macro_f1

BOTH_WAYS = pytest.mark.parametrize("is_compiled", [False, True])


def sampled(k, n, seed, error=0.2):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    wrong = rng.random(n) < error
    return truth, np.where(wrong, rng.integers(0, k, n), truth), rng


def by_index(truth, predicted, k, metric, rows_of):
    return np.array(
        [
            float(metric(class_counts(count_cells(truth[rows], predicted[rows], k))))
            for rows in (rows_of() for _ in range(2000))
        ]
    )


def assert_same_distribution(drawn, expected):
    spread, n = np.std(expected), len(expected)
    assert np.mean(drawn) == pytest.approx(np.mean(expected), abs=4 * spread / np.sqrt(n))
    assert np.std(drawn) == pytest.approx(spread, rel=4 / np.sqrt(2 * n))
    ends = [0.05, 0.5, 0.95]
    assert np.quantile(drawn, ends) == pytest.approx(np.quantile(expected, ends), abs=6 * spread / np.sqrt(n))


@BOTH_WAYS
def test_the_cell_bootstrap_agrees_with_an_index_bootstrap(is_compiled):
    truth, predicted, rng = sampled(5, 250, 11)
    cells = count_cells(truth, predicted, 5)
    drawn = macro_f1(draw_samples(cells, 20_000, rng=rng, is_compiled=is_compiled).drawn[0])
    assert_same_distribution(
        drawn, by_index(truth, predicted, 5, macro_f1, lambda: rng.integers(0, 250, 250))
    )


@BOTH_WAYS
def test_every_cell_is_drawn_as_the_multinomial_says(is_compiled):
    """Mean, variance and covariance of the counts of three cells, one of them hardly ever seen."""
    n, counts = 5000, np.array([4000, 990, 10])
    cells = Cells(np.array([0, 1, 2]), np.array([0, 1, 2]), None, counts, 3)
    drawn = draw_samples(cells, 40_000, rng=np.random.default_rng(1), is_compiled=is_compiled).drawn[0]
    assert np.all(drawn.right.sum(axis=1) == n)
    shares = counts / n
    expected = n * (np.diag(shares) - np.outer(shares, shares))
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert drawn.right.mean(axis=0) == pytest.approx(
        counts, abs=4 * np.sqrt(np.diag(expected).max() / 40_000)
    )
    assert np.cov(drawn.right.T) / scale == pytest.approx(expected / scale, abs=0.03)


@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 100))
def test_a_drawn_sample_has_as_many_rows_and_the_same_classes_both_sides(n, k, seed):
    rng = np.random.default_rng(seed)
    truth, a, b = (rng.integers(0, k, n) for _ in range(3))
    for is_compiled in (False, True):
        samples = draw_samples(count_cells(truth, a, k, b), 5, rng=rng, is_compiled=is_compiled)
        first, other = samples.drawn
        assert first.n.tolist() == other.n.tolist() == [n] * 5
        assert first.true.tolist() == other.true.tolist()
        assert np.all(first.right <= np.minimum(first.true, first.called))


def test_the_cluster_bootstrap_agrees_with_drawing_clusters_by_index():
    truth, predicted, rng = sampled(3, 240, 4)
    clusters = np.repeat(np.arange(60), 4)
    predicted = np.where(np.repeat(rng.random(60) < 0.3, 4), (truth + 1) % 3, predicted)
    cells = count_cells(truth, predicted, 3, clusters=clusters)
    drawn = macro_f1(draw_samples(cells, 20_000, rng=rng).drawn[0])

    def rows():
        return (rng.integers(0, 60, 60)[:, None] * 4 + np.arange(4)).ravel()

    expected = by_index(truth, predicted, 3, macro_f1, rows)
    assert_same_distribution(drawn, expected)
    alone = draw_samples(count_cells(truth, predicted, 3), 5000, rng=rng).drawn[0]
    assert np.std(macro_f1(alone)) < 0.8 * np.std(expected)


def test_left_out_rows_are_the_jackknife():
    truth, predicted, rng = sampled(3, 30, 5)
    cells = count_cells(truth, predicted, 3)
    samples = draw_samples(cells, 1, rng=rng)
    values = np.repeat(macro_f1(samples.jackknife[0]), samples.repeats)
    alone = [
        float(macro_f1(class_counts(count_cells(np.delete(truth, row), np.delete(predicted, row), 3))))
        for row in range(30)
    ]
    assert sorted(values) == pytest.approx(sorted(alone), abs=1e-12)


@example(19, "matthews")
@given(st.integers(0, 300), st.sampled_from([*COUNT_METRICS]))
def test_an_interval_contains_the_value_and_widens_with_confidence(seed, name):
    truth, predicted, _ = sampled(1 + seed % 5, 1 + seed % 60, seed)
    cells = count_cells(truth, predicted, 1 + seed % 5)
    metric = COUNT_METRICS[name]
    point = float(metric(class_counts(cells)))
    narrow, wide = (
        metric_interval(cells, metric, level=level, rng=np.random.default_rng(0), replicates=99)
        for level in (0.8, 0.99)
    )
    assert -1 <= wide.low <= narrow.low <= point <= narrow.high <= wide.high <= 1


def test_metrics_together_have_the_intervals_they_have_alone():
    truth, predicted, _ = sampled(4, 200, 9)
    cells = count_cells(truth, predicted, 4)
    metrics = list(COUNT_METRICS.values())
    together = metric_intervals(cells, metrics, rng=np.random.default_rng(3))
    assert list(together) == [metric_interval(cells, m, rng=np.random.default_rng(3)) for m in metrics]


@BOTH_WAYS
def test_same_generator_same_interval(is_compiled):
    truth, predicted, _ = sampled(4, 200, 9)
    cells = count_cells(truth, predicted, 4)

    def once():
        samples = draw_samples(cells, 500, rng=np.random.default_rng(3), is_compiled=is_compiled)
        return bootstrap_interval(samples, lambda sides: macro_f1(sides[0]), level=0.95)

    assert once() == once()


def test_a_sample_without_errors_is_not_taken_for_a_perfect_model():
    truth = np.arange(100) % 4
    cells = count_cells(truth, truth, 4)
    for name in ("macro_f1", "weighted_f1", "balanced_accuracy", "matthews", "kappa"):
        interval = metric_interval(cells, COUNT_METRICS[name], rng=np.random.default_rng(0))
        assert interval.high == 1
        assert interval.low < 0.97, name
    exact = metric_interval(cells, macro_f1, rng=np.random.default_rng(0)).low
    assert exact == pytest.approx(0.025 ** (1 / 100), abs=1e-6)


def test_a_mean_of_shares_that_are_alike_has_wilsons_interval_of_all_rows():
    truth = np.repeat(np.arange(4), 50)
    predicted = np.where(np.arange(200) % 50 < 5, (truth + 1) % 4, truth)
    found = class_counts(count_cells(truth, predicted, 4))
    mean = mean_share_interval(found, balanced_accuracy, level=0.95)
    whole = mean_share_interval(
        class_counts(count_cells(np.zeros(200, int), (truth != predicted).astype(int), 2)),
        balanced_accuracy,
        level=0.95,
    )
    assert (mean.low, mean.high) == pytest.approx((whole.low, whole.high), abs=1e-9)
    assert mean_share_interval(found, accuracy, level=0.95) is None


def test_no_row_can_be_drawn_that_is_not_there():
    cumulative, guide, starts, lows = sample_tables(np.array([0.0, 3.0, 250.0]))
    assert cumulative[starts[1:] - 1].tolist() == [1.0] * 4
    assert np.all(np.diff(cumulative[starts[2] : starts[3]]) >= 0)
    assert cumulative[starts[0]] == 1.0
    assert lows.tolist() == [0, 0, 250 - 143 - 16, 0]
    assert len(guide) == len(cumulative) == starts[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shares", "n", "right"),
    [
        ([1 / 3] * 3, 100, 0.9),
        ([0.1] * 10, 300, 0.92),
        ([0.2] * 5, 100, 0.99),
        ([0.9, 0.05, 0.05], 200, 0.9),
    ],
)
def test_the_intervals_cover(shares, n, right):
    """Each end may miss in 5 % of the samples; 8 % of 300 is three standard errors above. Seed 21."""
    k, rng = len(shares), np.random.default_rng(21)
    confusion = np.full((k, k), (1 - right) / (k - 1))
    np.fill_diagonal(confusion, right)
    chances = np.array(shares)[:, None] * confusion
    truth, predicted = (codes.ravel() for codes in np.indices((k, k)))
    names = [name for name in COUNT_METRICS if name not in ("accuracy", "micro_f1")]
    whole = class_counts(Cells(truth, predicted, None, np.rint(chances.ravel() * 10**9).astype(int), k))
    expected = np.array([float(COUNT_METRICS[name](whole)) for name in names])
    misses = np.zeros((2, len(names)))
    for _ in range(300):
        counts = rng.multinomial(n, chances.ravel())
        seen = counts > 0
        cells = Cells(truth[seen], predicted[seen], None, counts[seen], k)
        found = metric_intervals(
            cells, [COUNT_METRICS[name] for name in names], level=0.9, rng=rng, replicates=400
        )
        misses[0] += expected < [interval.low for interval in found]
        misses[1] += expected > [interval.high for interval in found]
    assert misses.max() / 300 <= 0.08, dict(zip(names, misses.T.tolist(), strict=True))
