import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from scipy.spatial import distance

from smallcraft.errors import InvalidInputError
from smallcraft.stats import distances
from smallcraft.stats.histograms import EMPTY, count_values
from smallcraft.stats.reference_bins import count_numeric, numeric_bins

COUNTS = arrays.arrays(np.int64, (2, 6), elements=st.integers(0, 200)).filter(
    lambda c: c.sum(axis=1).min() > 0
)
ALL = (
    lambda a, b: distances.kl_divergence(a, b, debiased=False),
    distances.psi,
    distances.jensen_shannon,
    distances.hellinger,
    distances.total_variation,
)


def largest_gap(old, new):
    places = np.unique([*old, *new])
    return max(abs(np.mean(old <= place) - np.mean(new <= place)) for place in places)


def smoothed(counts):
    counts = counts[:, counts.sum(axis=0) > 0] + 0.5
    return counts / counts.sum(axis=1, keepdims=True)


@given(COUNTS)
def test_each_agrees_with_scipy_on_the_shares_with_half_a_count_added(counts):
    (old, new), (a, b) = counts.astype(float), smoothed(counts)
    raw, psi, jensen, hellinger, variation = (score(old, new) for score in ALL)
    assert raw == pytest.approx(stats.entropy(b, a), abs=1e-12)
    assert psi == pytest.approx(stats.entropy(b, a) + stats.entropy(a, b), abs=1e-12)
    assert jensen == pytest.approx(distance.jensenshannon(a, b), abs=1e-7)
    assert hellinger == pytest.approx(np.linalg.norm(np.sqrt(a) - np.sqrt(b)) / np.sqrt(2), abs=1e-7)
    assert variation == pytest.approx(distance.cityblock(a, b) / 2, abs=1e-12)


@given(arrays.arrays(np.int64, (2, 4, 5), elements=st.integers(0, 50)).filter(lambda c: c.sum(-1).min() > 0))
def test_many_columns_at_once_are_each_by_itself_and_empty_bins_change_nothing(counts):
    old, new = np.pad(counts.astype(float), ((0, 0), (0, 0), (1, 2)))
    together = distances.all_distances(old, new)
    for column in range(4):
        alone = distances.all_distances(counts[0, column].astype(float), counts[1, column].astype(float))
        for name in (
            "kl",
            "kl_sd",
            "psi",
            "jensen_shannon",
            "hellinger",
            "total_variation",
            "g",
            "g_p_value",
        ):
            assert getattr(together, name)[column] == pytest.approx(getattr(alone, name), abs=1e-9)
        assert together.cells[column] == alone.cells


@given(COUNTS)
def test_equal_counts_are_no_distance_apart(counts):
    old = counts[0].astype(float)
    for score in ALL:
        assert score(old, old) == pytest.approx(0, abs=1e-7)


@given(COUNTS)
def test_contributions_of_bins_add_up_to_the_divergence(counts):
    old, new = counts.astype(float)
    parts = distances.kl_contributions(old, new)
    assert parts.min() >= 0
    assert parts.sum() == pytest.approx(distances.kl_divergence(old, new, debiased=False), abs=1e-12)


def test_chance_is_taken_off_the_divergence():
    """No change, 12 bins, 500 rows against 5,000: mean near 0, where the plain one has 11/2 * 1.1/500."""
    rng = np.random.default_rng(3)
    shares = np.full(12, 1 / 12)
    old, new = (rng.multinomial(n, shares, size=4000).astype(float) for n in (5000, 500))
    kl = distances.kl_divergence(old, new)
    assert abs(kl.mean()) < 0.0005
    assert distances.kl_divergence(old, new, debiased=False).mean() > 0.01


@pytest.mark.parametrize(("n", "threshold"), [(200, 0.03), (500, 0.01), (2000, 0.002)])
def test_how_often_no_change_exceeds_a_threshold_is_what_is_said(n, threshold):
    rng = np.random.default_rng(n)
    shares = np.full(10, 0.1)
    old, new = (rng.multinomial(rows, shares, size=20000).astype(float) for rows in (10_000, n))
    fired = (distances.kl_divergence(old, new) > threshold).mean()
    said = distances.chance_of_exceeding(threshold, window_rows=n, reference_rows=10_000, cells=10)
    assert fired == pytest.approx(said, abs=4 * np.sqrt(said / 20000) + 0.1 * said)


def test_a_shift_is_told_in_standard_deviations():
    rng = np.random.default_rng(8)
    reference = count_values(rng.normal(size=100_000))
    bins = numeric_bins(reference)
    for shift in (0.3, 0.5):
        window = count_values(rng.normal(shift, 1, 100_000))
        counts = count_numeric(reference, bins), count_numeric(window, bins)
        assert distances.shift_in_sd(distances.kl_divergence(*counts)) == pytest.approx(shift, rel=0.1)


@pytest.mark.parametrize("wild", ["window", "reference", "both"])
def test_one_wild_value_blinds_no_score(wild):
    """Two standard deviations of shift, and one value of a million on one side or both."""
    rng = np.random.default_rng(9)
    old, new = rng.normal(size=2000), rng.normal(2, 1, 500)
    if wild in {"reference", "both"}:
        old[0] = 1e6
    if wild in {"window", "both"}:
        new[0] = 1e6
    reference, window = count_values(old), count_values(new)
    bins = numeric_bins(reference)
    scores = distances.all_distances(count_numeric(reference, bins), count_numeric(window, bins))
    ordered = distances.ordered_distances(reference, window)
    assert scores.kl_sd > 1.5
    assert scores.psi > 1
    assert scores.g_p_value < 1e-100
    assert min(scores.jensen_shannon, scores.hellinger, scores.total_variation) > 0.4
    assert ordered.kolmogorov_smirnov > 0.6
    assert ordered.wasserstein_sd == pytest.approx(2, rel=0.1)


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=40),
    st.lists(st.floats(-100, 100), min_size=1, max_size=40),
)
def test_kolmogorov_smirnov_is_exact_but_for_the_cells(old, new):
    old, new = (np.round(values, 0) for values in (old, new))  # whole numbers to 100 have cells of their own
    found = distances.ordered_distances(count_values(old), count_values(new))
    assert found.kolmogorov_smirnov == pytest.approx(largest_gap(old, new), abs=1e-12)


def test_wasserstein_agrees_with_scipy_within_the_cells():
    rng = np.random.default_rng(5)
    old, new = rng.gamma(2, 1, 5000), rng.gamma(2.2, 1, 3000)
    found = distances.ordered_distances(count_values(old), count_values(new)).wasserstein_sd
    assert found == pytest.approx(stats.wasserstein_distance(old, new) / old.std(), rel=0.02)


def test_a_constant_that_moves_is_infinitely_many_deviations_away():
    still, moved = count_values(np.full(5, 2.0)), count_values(np.full(5, 3.0))
    assert distances.ordered_distances(still, still).wasserstein_sd == 0
    assert distances.ordered_distances(still, moved).kolmogorov_smirnov == 1


def test_sides_without_rows_have_no_distance():
    none, some = np.zeros(3), np.array([1.0, 2.0, 3.0])
    assert np.isnan(distances.kl_divergence(some, none))
    with pytest.raises(InvalidInputError, match="need some on both sides"):
        distances.ordered_distances(EMPTY, count_values(np.ones(2)))


def test_bins_that_do_not_match_are_refused():
    with pytest.raises(InvalidInputError, match="count both with the reference's bins"):
        distances.psi(np.ones(3), np.ones(4))
    with pytest.raises(InvalidInputError, match="rows must be above 0"):
        distances.chance_of_exceeding(0.1, window_rows=0, reference_rows=5, cells=3)
