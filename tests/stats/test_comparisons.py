import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import gammaln
from sklearn.metrics import f1_score

from smallcraft.errors import InvalidInputError
from smallcraft.stats.cells import class_counts, count_cells
from smallcraft.stats.class_metrics import COUNT_METRICS, balanced_accuracy
from smallcraft.stats.comparisons import (
    discordance,
    mcnemar_exact,
    paired_accuracy_difference,
    paired_macro_f1_difference,
    paired_metric_difference,
    paired_share_interval,
)

DISCORDANT = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(120, 400))


@given(st.integers(0, 80), st.integers(0, 80))
def test_mcnemar_agrees_with_the_binomial_test(won, lost):
    expected = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert mcnemar_exact(won, lost) == pytest.approx(expected, abs=1e-9)


def test_negative_counts_are_refused():
    with pytest.raises(InvalidInputError, match="got -1 and 2"):
        mcnemar_exact(-1, 2)
    with pytest.raises(InvalidInputError, match=r"got 8 \+ 3 of 10"):
        paired_share_interval(8, 3, 10)


@given(DISCORDANT)
def test_the_paired_interval_contains_the_difference_and_mirrors(counts):
    won, lost, n = counts
    interval, mirror = paired_share_interval(won, lost, n), paired_share_interval(lost, won, n)
    assert -1 <= interval.low <= (won - lost) / n <= interval.high <= 1
    assert (interval.low, interval.high) == pytest.approx((-mirror.high, -mirror.low), abs=1e-9)


@given(DISCORDANT)
def test_more_confidence_gives_a_wider_interval(counts):
    narrow, wide = paired_share_interval(*counts, level=0.8), paired_share_interval(*counts, level=0.99)
    assert wide.low < narrow.low
    assert wide.high > narrow.high


@given(DISCORDANT)
def test_the_bound_is_where_a_constrained_fit_reaches_the_normal_quantile(counts):
    won, lost, n = counts
    low = paired_share_interval(won, lost, n, level=0.9).low
    grid = np.linspace(max(0.0, -low), (1 - low) / 2, 40_001)[1:-1]
    rest = np.maximum(1 - 2 * grid - low, 1e-300)
    fit = grid[np.argmax(won * np.log(grid + low) + lost * np.log(grid) + (n - won - lost) * np.log(rest))]
    score = (won - lost - n * low - 0.5) / np.sqrt(n * (2 * fit + low - low**2))
    assert score == pytest.approx(stats.norm.ppf(0.95), abs=0.02)


@pytest.mark.parametrize("n", [60, 300])
@pytest.mark.parametrize("margin", [0.01, 0.03])
@pytest.mark.parametrize("extra", [0.0, 0.02, 0.2])
def test_the_chance_to_call_a_model_at_the_margin_good_enough_is_within_alpha(n, margin, extra):
    lost_share, won_share = margin + extra / 2, extra / 2
    total = 0.0
    most = int(n * (lost_share + won_share) + 8 * np.sqrt(n * (lost_share + won_share)) + 8)
    for lost in range(min(n, most) + 1):
        passing = [
            won
            for won in range(min(n - lost, most) + 1)
            if won - lost > -margin * n and paired_share_interval(won, lost, n, level=0.9).low > -margin
        ]
        total += sum(_trinomial(won, lost, n, won_share, lost_share) for won in passing)
    assert total <= 0.05


def _trinomial(won, lost, n, won_share, lost_share):
    if won and not won_share:
        return 0.0
    rest = n - won - lost
    ways = gammaln(n + 1) - gammaln(won + 1) - gammaln(lost + 1) - gammaln(rest + 1)
    logs = lost * np.log(lost_share) + rest * np.log1p(-won_share - lost_share)
    return float(np.exp(ways + logs + (won * np.log(won_share) if won else 0.0)))


def sampled(n, seed, k=4, right=0.85):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    a, b = (np.where(rng.random(n) < right, truth, rng.integers(0, k, n)) for _ in range(2))
    return truth, a, b


def test_differences_are_those_of_the_two_predictions():
    truth, a, b = sampled(400, 1)
    cells, rng = count_cells(truth, a, 4, b), np.random.default_rng(0)
    counted = discordance(cells)
    assert (counted.won, counted.lost) == (
        np.sum((a == truth) & (b != truth)),
        np.sum((a != truth) & (b == truth)),
    )
    by_share = paired_accuracy_difference(cells, rng=rng)
    assert by_share.value == pytest.approx(np.mean(a == truth) - np.mean(b == truth))
    by_f1 = paired_macro_f1_difference(cells, rng=rng)
    expected = f1_score(truth, a, average="macro") - f1_score(truth, b, average="macro")
    assert by_f1.value == pytest.approx(expected, abs=1e-9)
    assert by_f1.interval.low < by_f1.value < by_f1.interval.high


@pytest.mark.slow
def test_the_macro_f1_difference_interval_is_as_wide_as_an_index_bootstrap():
    truth, a, b = sampled(500, 3)
    rng = np.random.default_rng(4)
    interval = paired_macro_f1_difference(count_cells(truth, a, 4, b), rng=rng).interval
    by_index = []
    for _ in range(300):
        rows = rng.integers(0, 500, 500)
        f1 = [f1_score(truth[rows], p[rows], average="macro") for p in (a, b)]
        by_index.append(f1[0] - f1[1])
    low, high = np.quantile(by_index, [0.025, 0.975])
    assert interval.high - interval.low == pytest.approx(high - low, rel=0.2)


def test_a_candidate_equal_to_the_other_on_few_rows_is_not_certain_to_be_equal():
    truth, a, _ = sampled(60, 5)
    cells, rng = count_cells(truth, a, 4, a), np.random.default_rng(0)
    for compare in (paired_accuracy_difference, paired_macro_f1_difference):
        interval = compare(cells, level=0.9, rng=rng).interval
        assert interval.low < -0.03
        assert interval.high > 0.03


def test_clustered_rows_give_wider_differences():
    truth, a, b = sampled(50, 6)
    truth, a, b = (np.repeat(column, 8) for column in (truth, a, b))
    alone, rng = count_cells(truth, a, 4, b), np.random.default_rng(0)
    together = count_cells(truth, a, 4, b, clusters=np.repeat(np.arange(50), 8))
    for compare in (paired_accuracy_difference, paired_macro_f1_difference):
        narrow, wide = compare(alone, rng=rng).interval, compare(together, rng=rng).interval
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@pytest.mark.parametrize("name", COUNT_METRICS)
def test_every_count_metric_has_a_paired_interval_round_the_difference_that_mirrors(name):
    truth, a, b = sampled(300, 8)
    metric = COUNT_METRICS[name]
    forth, back = (
        paired_metric_difference(count_cells(truth, x, 4, y), metric, rng=np.random.default_rng(0))
        for x, y in ((a, b), (b, a))
    )
    expected = [float(metric(class_counts(count_cells(truth, x, 4)))) for x in (a, b)]
    assert forth.value == pytest.approx(expected[0] - expected[1], abs=1e-12)
    assert forth.interval.low < forth.value < forth.interval.high
    assert (back.interval.low, back.interval.high) == pytest.approx(
        (-forth.interval.high, -forth.interval.low), abs=0.02
    )


@pytest.mark.parametrize("name", ["balanced_accuracy", "weighted_f1", "matthews", "kappa", "macro_precision"])
def test_equal_predictions_on_few_rows_are_not_certain_to_be_equal_by_any_metric(name):
    truth, a, _ = sampled(60, 5)
    cells = count_cells(truth, a, 4, a)
    interval = paired_metric_difference(
        cells, COUNT_METRICS[name], level=0.9, rng=np.random.default_rng(0)
    ).interval
    assert interval.low < -0.03
    assert interval.high > 0.03


def test_a_rare_class_without_discordant_rows_leaves_balanced_accuracy_open():
    """One class of 8 rows, right by both: each may still be a tenth better there."""
    truth = np.repeat([0, 1], [400, 8])
    a = np.where(np.arange(408) < 20, 1, truth)
    b = np.where((np.arange(408) >= 10) & (np.arange(408) < 30), 1, truth)
    interval = paired_metric_difference(
        count_cells(truth, a, 2, b), balanced_accuracy, level=0.9, rng=np.random.default_rng(0)
    ).interval
    assert interval.low < -0.08
    assert interval.high > 0.08


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shares", "n", "right"),
    [([0.9, 0.05, 0.05], 200, (0.9, 0.88)), ([0.1] * 10, 300, (0.9, 0.85)), ([0.25] * 4, 300, (0.95, 0.94))],
)
def test_paired_intervals_cover(shares, n, right):
    """Each end may miss in 5 % of the samples; 9.5 % of 200 is three standard errors above. Seed 1."""
    rng, k = np.random.default_rng(1), len(shares)
    names = ["balanced_accuracy", "macro_f1", "weighted_f1", "matthews", "kappa"]

    def drawn(rows):
        truth, hard = rng.choice(k, rows, p=shares), rng.random(rows)
        answers = [np.where(hard < p, truth, (truth + rng.integers(1, k, rows)) % k) for p in right]
        return count_cells(truth, answers[0], k, answers[1])

    whole, misses = drawn(1_000_000), np.zeros((2, len(names)))
    metrics = [COUNT_METRICS[name] for name in names]
    expected = [float(m(class_counts(whole)) - m(class_counts(whole.swapped()))) for m in metrics]
    for _ in range(200):
        cells = drawn(n)
        for place, metric in enumerate(metrics):
            found = paired_metric_difference(cells, metric, level=0.9, rng=rng, replicates=300).interval
            misses[:, place] += (expected[place] < found.low, expected[place] > found.high)
    assert misses.max() / 200 <= 0.095, dict(zip(names, misses.T.tolist(), strict=True))
