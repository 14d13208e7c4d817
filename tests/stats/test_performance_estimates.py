import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.histograms import EMPTY, count_values, merge_histograms
from smallcraft.stats.performance_estimates import accuracy_by_weighting, accuracy_from_confidence


def test_calibrated_confidences_foretell_the_share_of_right_answers():
    """300 windows of 400 answers: the 90 % interval holds the share that came true; seed 4."""
    rng = np.random.default_rng(4)
    held = []
    for _ in range(300):
        confidences = rng.beta(6, 2, 400)
        right = (rng.random(400) < confidences).mean()
        found = accuracy_from_confidence(count_values(confidences), level=0.9)
        held.append(found.interval.low <= right <= found.interval.high)
    assert np.mean(held) == pytest.approx(0.9, abs=0.05)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_the_estimate_is_the_mean_confidence_and_lies_in_its_interval(confidences):
    found = accuracy_from_confidence(count_values(np.array(confidences)))
    assert found.value == pytest.approx(np.mean(confidences), abs=1e-12)
    assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_windows_merge_to_the_estimate_of_all_rows():
    parts = [np.full(100, 0.9), np.full(300, 0.7)]
    merged = merge_histograms([count_values(part) for part in parts])
    assert accuracy_from_confidence(merged).value == pytest.approx(0.75)


def test_an_error_of_calibration_widens_the_interval():
    counted = count_values(np.full(400, 0.8))
    plain, wide = (accuracy_from_confidence(counted, calibration_error=error) for error in (0.0, 0.03))
    assert wide.interval.low == pytest.approx(plain.interval.low - 0.03)


def test_weighing_brings_back_the_share_of_the_rows_that_are_wanted():
    """Two kinds of rows, 0.9 and 0.5 right; half of each labelled, now nine in ten of the second; seed 5."""
    rng = np.random.default_rng(5)
    held = []
    for _ in range(300):
        is_second = rng.random(800) < 0.5
        right = rng.random(800) < np.where(is_second, 0.5, 0.9)
        found = accuracy_by_weighting(right, np.where(is_second, 1.8, 0.2), level=0.9)
        held.append(found.interval.low <= 0.54 <= found.interval.high)
    assert np.mean(held) == pytest.approx(0.9, abs=0.05)
    assert found.effective_n < 500


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_equal_weights_change_nothing(right):
    found = accuracy_by_weighting(np.array(right), np.full(len(right), 2.5))
    assert found.value == pytest.approx(np.mean(right))
    assert found.effective_n == pytest.approx(len(right))
    assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_no_rows_are_no_estimate():
    assert accuracy_from_confidence(EMPTY) is None
    assert accuracy_by_weighting(np.array([True]), np.zeros(1)) is None


def test_numbers_that_are_no_confidences_or_weights_are_refused():
    with pytest.raises(InvalidInputError, match="confidences must lie in"):
        accuracy_from_confidence(count_values(np.array([3.0, 5.0])))
    with pytest.raises(InvalidInputError, match="one finite weight"):
        accuracy_by_weighting(np.array([True, False]), np.array([1.0, np.inf]))
