import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss

from smallcraft.errors import InvalidInputError
from smallcraft.stats.calibration import (
    ECE_BINS,
    brier_losses,
    equal_mass_bins,
    expected_calibration_error,
    log_losses,
)


@given(st.integers(2, 6), st.integers(2, 40), st.integers(0, 1000))
def test_losses_agree_with_sklearn(k, n, seed):
    rng = np.random.default_rng(seed)
    truth, probs = rng.integers(0, k, n), rng.dirichlet(np.ones(k), n)
    expected = log_loss(truth, probs, labels=range(k))
    assert log_losses(truth, probs).mean() == pytest.approx(expected, abs=1e-9)
    expected = brier_score_loss(truth, probs, labels=list(range(k)), scale_by_half=False)
    assert brier_losses(truth, probs).mean() == pytest.approx(expected, abs=1e-9)


def test_an_unknown_label_costs_as_much_as_a_class_given_no_chance():
    sure = np.array([[1.0, 0.0]])
    assert log_losses(np.array([-1]), sure) == log_losses(np.array([1]), sure)
    assert brier_losses(np.array([-1]), sure) == brier_losses(np.array([1]), sure)
    assert np.isfinite(log_losses(np.array([-1]), sure)).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_bins_are_ordered_and_equal_values_share_one(values):
    array = np.array(values)
    bins = equal_mass_bins(array, ECE_BINS)
    assert 0 <= bins.min() <= bins.max() < ECE_BINS
    order = np.argsort(array, kind="stable")
    assert np.all(np.diff(bins[order]) >= 0)
    assert all(len(set(bins[array == value])) == 1 for value in array)


def test_different_values_fill_the_bins_evenly():
    sizes = np.bincount(equal_mass_bins(np.random.default_rng(0).random(1500), ECE_BINS))
    assert sizes.tolist() == [100] * ECE_BINS


def test_ece_agrees_with_its_definition_bin_by_bin():
    rng = np.random.default_rng(2)
    confidence = rng.random(300)
    right = rng.random(300) < confidence**2
    bins = equal_mass_bins(confidence, ECE_BINS)
    expected = sum(
        np.mean(bins == b) * abs(right[bins == b].mean() - confidence[bins == b].mean())
        for b in range(ECE_BINS)
    )
    assert expected_calibration_error(confidence, right, rng=rng).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_the_ece_interval_covers_a_calibrated_and_an_overconfident_model(shift):
    rng, covered = np.random.default_rng(7), 0
    for _ in range(300):
        confidence = rng.uniform(0.3, 1.0, 400)
        right = rng.random(400) < confidence - shift
        interval = expected_calibration_error(confidence, right, level=0.9, rng=rng, replicates=300).interval
        covered += interval.low <= shift <= interval.high
    assert covered >= 0.9 * 300


def test_a_grossly_overconfident_model_is_shown_to_be_so():
    confidence, right = np.full(500, 0.99), np.arange(500) % 2 == 0
    error = expected_calibration_error(confidence, right, rng=np.random.default_rng(0))
    assert error.interval.low > 0.4


def test_repeated_rows_in_clusters_widen_the_ece_interval():
    rng = np.random.default_rng(1)
    confidence = rng.random(100)
    right = rng.random(100) < confidence
    tenfold = (np.repeat(confidence, 10), np.repeat(right, 10))
    alone = expected_calibration_error(*tenfold, rng=rng).interval
    together = expected_calibration_error(*tenfold, rng=rng, clusters=np.repeat(np.arange(100), 10)).interval
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_no_rows_are_refused():
    with pytest.raises(InvalidInputError, match="at least one row"):
        expected_calibration_error(np.array([]), np.array([], dtype=bool), rng=np.random.default_rng(0))
