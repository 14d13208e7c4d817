import numpy as np
import pytest
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.splits import split_log_ratios


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_the_ratio_is_that_of_two_laws_of_scipy(share):
    new = np.arange(201)
    found = split_log_ratios(np.stack([200 - new, new], axis=-1), share, concentration=100.0)
    beta = stats.betabinom.logpmf(new, 200, 100 * share, 100 * (1 - share))
    np.testing.assert_allclose(found, beta - stats.binom.logpmf(new, 200, share), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_the_ratio_is_one_on_average_while_subjects_are_dealt_as_planned(share):
    new = np.arange(301)
    found = split_log_ratios(np.stack([300 - new, new], axis=-1), share, concentration=100.0)
    assert stats.binom.pmf(new, 300, share) @ np.exp(found) == pytest.approx(1, abs=1e-8)


def test_stopping_at_the_worst_time_cries_mismatch_no_more_often_than_stated():
    rng = np.random.default_rng(0)
    new = (rng.random((2000, 1500)) < 0.1).cumsum(axis=1)
    seen = np.arange(1, 1501)
    found = split_log_ratios(np.stack([seen - new, new], axis=-1), 0.1, concentration=100.0)
    assert (found.max(axis=1) >= np.log(100)).mean() <= 0.01


def test_a_tenth_of_one_arm_lost_is_noticed_within_some_thousand_subjects():
    lost = np.array([10000, 9000])
    assert split_log_ratios(lost, 0.5, concentration=100.0) > np.log(1000)


def test_no_subjects_say_nothing_and_an_arm_without_a_share_is_refused():
    assert split_log_ratios(np.zeros((2, 2), int), 0.3, concentration=100.0).tolist() == [0.0, 0.0]
    with pytest.raises(InvalidInputError, match="fraction"):
        split_log_ratios(np.zeros(2, int), 0.0, concentration=100.0)
