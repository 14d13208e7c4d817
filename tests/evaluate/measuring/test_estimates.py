"""Laws of measurements that are shares, differences of shares, and means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.evaluate.measuring.estimates import (
    Counted,
    Place,
    average,
    average_gaps,
    count_share,
    measure_gap,
    measure_hits,
    measure_mean,
    measure_mean_gap,
    measure_share,
    unmeasured,
)
from smallcraft.stats.intervals import (
    clopper_pearson_interval,
    mean_interval,
    newcombe_interval,
    share_interval,
)

PLACE = Place("sex=Female", "dev", 0.9)
SHARES = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def counted(hits: int, trials: int) -> Counted:
    return Counted(float(hits), float(trials), trials)


@given(SHARES)
def test_a_share_is_its_hits_out_of_its_trials_with_the_exact_interval(share):
    found = measure_share("tpr", counted(*share), PLACE)
    assert found.hits is not None
    assert found.trials is not None
    assert found.value == found.hits / found.trials
    exact = clopper_pearson_interval(*share, level=0.9)
    assert (found.low, found.high, found.level) == (exact.low, exact.high, 0.9)
    assert (found.slice, found.split, found.unit, found.n) == ("sex=Female", "dev", "fraction", share[1])


@given(SHARES, SHARES)
def test_a_gap_is_the_difference_of_two_shares_with_newcombes_interval(own, rest):
    found = measure_gap("tpr_gap", counted(*own), counted(*rest), PLACE)
    assert (found.hits, found.trials, found.rest_hits, found.rest_trials) == (*own, *rest)
    assert found.value == pytest.approx(own[0] / own[1] - rest[0] / rest[1])
    shown = newcombe_interval(*own, *rest, level=0.9)
    assert (found.low, found.high) == (shown.low, shown.high)


def test_rows_that_share_a_key_keep_the_share_and_lose_trials():
    hits = np.repeat([True, False, True, True], 5)
    clustered = count_share(hits, confidence=0.95, clusters=np.repeat(np.arange(4), 5))
    alone = count_share(hits, confidence=0.95)
    assert clustered.share == pytest.approx(alone.share)
    assert clustered.trials < 4.1
    assert "effective rows" in measure_share("accuracy", clustered, PLACE).method


@pytest.mark.parametrize(
    ("n", "reason"),
    [(0, "no rows called 'yes'"), (29, "29 rows called 'yes', 30 are needed; add 1 more such rows")],
)
def test_too_few_rows_are_no_share_and_say_so(n, reason):
    found = measure_share("ppv", counted(0, n), PLACE, least=30, why="rows called 'yes'")
    assert (found.value, found.low, found.hits, found.n) == (None, None, None, n)
    assert reason in found.detail


def test_a_gap_needs_enough_rows_on_both_sides():
    few, many = counted(10, 29), counted(20, 30)
    assert measure_gap("tpr_gap", few, many, PLACE, least=30).value is None
    lonely = measure_gap("tpr_gap", many, few, PLACE, least=30)
    assert lonely.value is None
    assert "29 rows outside" in lonely.detail
    assert measure_gap("tpr_gap", many, many, PLACE, least=30).value == 0


@pytest.mark.parametrize("clusters", [None, np.repeat(np.arange(40), 5)])
def test_the_variance_of_a_mean_is_that_of_the_t_interval(clusters):
    values = np.random.default_rng(3).normal(0.1, 0.3, size=200)
    found = average(values, clusters=clusters)
    interval = mean_interval(values, level=0.6827, clusters=clusters)
    assert interval is not None
    assert np.sqrt(found.variance) == pytest.approx((interval.high - interval.low) / 2, rel=0.02)


def test_rows_that_were_all_right_do_not_prove_that_confidence_is_right():
    gaps = average_gaps(np.full(40, 0.9), np.ones(40, dtype=np.bool_))
    found = measure_mean("confidence_gap", gaps, PLACE)
    assert found.value == pytest.approx(-0.1)
    assert found.high is not None
    assert found.high > -0.03


def test_the_interval_of_a_difference_of_means_covers_as_often_as_it_says():
    seed, covered = 5, 0
    rng = np.random.default_rng(seed)
    for _ in range(2000):
        own, rest = rng.beta(2, 2, size=40), rng.beta(2, 2, size=300)
        gaps = [average_gaps(side, rng.random(len(side)) < side - 0.1) for side in (own, rest)]
        found = measure_mean_gap("confidence_gap_change", *gaps, PLACE)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0 <= found.high
    print(f"seed {seed}: covered {covered / 2000:.3f} of 0.9")
    assert 0.88 < covered / 2000 < 0.94


def test_what_is_not_measured_has_no_value_and_the_reason():
    found = unmeasured("tpr_gap", PLACE, "no group column is declared")
    assert (found.value, found.slice, found.detail) == (
        None,
        "sex=Female",
        "not measured: no group column is declared",
    )


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.integers(1, 10), st.sampled_from([0.8, 0.95]))
def test_hits_and_trials_give_the_shown_interval_clusters_or_not(hits, per_cluster, level):
    hits = np.array(hits)
    clusters = np.arange(len(hits)) // per_cluster
    for groups in (None, clusters):
        found = measure_hits("accuracy", hits, groups, confidence=level)
        exact = clopper_pearson_interval(found.hits, found.trials, level=found.level)
        assert (found.low, found.high) == (exact.low, exact.high)
        assert found.value == pytest.approx(found.hits / found.trials)
        assert (found.value, found.n) == (pytest.approx(hits.mean()), len(hits))
        shown = share_interval(hits, level=level, clusters=groups)
        assert (found.low, found.high) == (shown.low, shown.high)


def test_no_rows_have_no_value_and_a_reason():
    found = measure_hits("recall", np.zeros(0, dtype=bool), confidence=0.95, empty="no row of this class")
    assert (found.value, found.low, found.hits, found.trials, found.level, found.n) == (None,) * 5 + (0,)
    assert found.detail == "no row of this class"
