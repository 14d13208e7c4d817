import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import (
    clopper_pearson_interval,
    effective_rows,
    exact_lower_bound,
    exact_upper_bound,
    least_n_for_quantile,
    mean_interval,
    newcombe_interval,
    quantile_interval,
    quantile_lower_bound,
    quantile_upper_bound,
    share_interval,
    wilson_interval,
)

COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(COUNTS, LEVELS)
def test_wilson_agrees_with_scipy(counts, level):
    mine = wilson_interval(*counts, level=level)
    peer = stats.binomtest(*counts).proportion_ci(level, method="wilson")
    assert (mine.low, mine.high) == pytest.approx((peer.low, peer.high), abs=1e-12)


@given(COUNTS, LEVELS)
def test_clopper_pearson_agrees_with_scipy(counts, level):
    mine = clopper_pearson_interval(*counts, level=level)
    peer = stats.binomtest(*counts).proportion_ci(level, method="exact")
    assert (mine.low, mine.high) == pytest.approx((peer.low, peer.high), abs=1e-10)


@given(COUNTS, LEVELS)
def test_intervals_contain_the_observed_share_and_stay_in_the_unit_interval(counts, level):
    for interval in (wilson_interval(*counts, level=level), clopper_pearson_interval(*counts, level=level)):
        assert 0 <= interval.low <= counts[0] / counts[1] <= interval.high <= 1


@given(COUNTS)
def test_exact_bounds_are_where_the_binomial_test_turns(counts):
    successes, trials = counts
    low, high = exact_lower_bound(*counts, confidence=0.95), exact_upper_bound(*counts, confidence=0.95)
    if successes:
        assert stats.binom.sf(successes - 1, trials, low) == pytest.approx(0.05, abs=1e-9)
    if successes < trials:
        assert stats.binom.cdf(successes, trials, high) == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 10, 0.6075, 1.0)],
)
def test_newcombe_gives_the_published_examples(a, m, b, n, low, high):
    interval = newcombe_interval(a, m, b, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_clopper_pearson_covers_at_least_its_level_for_every_share(share):
    n = 80
    outcomes = np.arange(n + 1)
    covered = [
        interval.low <= share <= interval.high
        for interval in (clopper_pearson_interval(k, n, level=0.9) for k in outcomes.tolist())
    ]
    assert stats.binom.pmf(outcomes, n, share)[covered].sum() >= 0.9


def test_the_least_n_for_percentiles_are_those_of_mlperf():
    assert [least_n_for_quantile(q) for q in (0.9, 0.99, 0.999)] == [64, 662, 6636]


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
def test_the_least_n_leaves_a_spare_value_above_the_bound_and_one_fewer_does_not(q):
    n = least_n_for_quantile(q)
    assert quantile_upper_bound(np.arange(float(n)), q, 0.99) <= n - 2
    fewer = quantile_upper_bound(np.arange(n - 1.0), q, 0.99)
    assert fewer is None or fewer == n - 2


@pytest.mark.parametrize(("q", "n"), [(0.5, 40), (0.9, 100), (0.95, 200)])
def test_order_statistics_bound_a_quantile_as_often_as_they_say(q, n):
    rng = np.random.default_rng(5)
    samples = np.sort(rng.exponential(size=(4000, n)), axis=1)
    truth = -np.log(1 - q)
    above = np.mean([quantile_upper_bound(row, q, 0.95) >= truth for row in samples])
    below = np.mean([quantile_lower_bound(row, q, 0.95) <= truth for row in samples])
    assert above >= 0.95 - 0.011
    assert below >= 0.95 - 0.011


def test_a_quantile_has_no_interval_when_n_is_too_small_to_bound_it():
    assert quantile_interval(np.arange(5.0), 0.5) is None
    assert quantile_interval(np.arange(6.0), 0.5) is not None
    assert quantile_interval(np.array([]), 0.5) is None


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=50))
def test_the_interval_of_a_mean_agrees_with_scipy(values):
    array = np.array(values)
    mine = mean_interval(array)
    error = stats.sem(array)
    reach = stats.t.ppf(0.975, len(array) - 1) * error
    assert (mine.low, mine.high) == pytest.approx((array.mean() - reach, array.mean() + reach), abs=1e-6)


def test_singleton_clusters_change_nothing():
    rng = np.random.default_rng(1)
    values, alone = rng.normal(size=60), rng.permutation(60)
    assert mean_interval(values, clusters=alone).high == pytest.approx(mean_interval(values).high)
    hits = values > 0
    assert share_interval(hits, clusters=alone) == share_interval(hits)


def test_rows_repeated_within_clusters_add_nothing():
    rng = np.random.default_rng(2)
    hits = rng.random(100) < 0.8
    repeated, clusters = np.repeat(hits, 7), np.repeat(np.arange(100), 7)
    assert effective_rows(repeated, clusters, level=0.95) == pytest.approx(100, rel=0.05)
    wide, single = share_interval(repeated, clusters=clusters), share_interval(hits)
    assert wide.high - wide.low >= single.high - single.low


def test_the_clustered_share_interval_covers_where_the_plain_one_does_not():
    rng = np.random.default_rng(3)
    plain = clustered = 0
    for _ in range(500):
        clusters = np.repeat(np.arange(40), 10)
        hits = rng.random(400) < np.repeat(rng.beta(4, 1, size=40), 10)
        a, b = share_interval(hits), share_interval(hits, clusters=clusters)
        plain += a.low <= 0.8 <= a.high
        clustered += b.low <= 0.8 <= b.high
    assert plain < 450
    assert clustered >= 465


def test_one_cluster_shows_no_spread():
    same = np.zeros(10, dtype=np.int64)
    assert mean_interval(np.arange(10.0), clusters=same) is None
    assert effective_rows(np.arange(10) > 4, same, level=0.95) == 1


def test_level_given_as_a_percent_is_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match=r"fraction in \(0, 1\), got 95; write 0.95 for 95%"):
        wilson_interval(8, 10, level=95)


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(InvalidInputError, match="got 11 of 10"):
        clopper_pearson_interval(11, 10)
    with pytest.raises(InvalidInputError, match="got 0 of 0"):
        wilson_interval(0, 0)
    with pytest.raises(InvalidInputError, match="at least one row"):
        share_interval(np.array([], dtype=bool))
