import numpy as np
import pytest
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.rates import rate_log_ratios

RATES = np.array([0.15, 0.3, 0.6])
BELOW = np.array([0.08, 0.02])


def mean_of_ratio(true, alternatives, trials=40):
    """Exactly, over how many of so many trials are events."""
    events = np.arange(trials + 1)
    logs = rate_log_ratios(events, np.full(trials + 1, trials), null=0.1, alternatives=alternatives)
    return stats.binom.pmf(events, trials, true) @ np.exp(logs)


def test_counts_say_what_binomial_likelihoods_say():
    events, trials = np.array([0, 3, 40]), np.array([0, 17, 40])
    expected = [
        stats.binom.logpmf(events, trials, rate) - stats.binom.logpmf(events, trials, 0.1) for rate in RATES
    ]
    found = rate_log_ratios(events, trials, null=0.1, alternatives=RATES)
    np.testing.assert_allclose(found, np.stack(expected, axis=-1), rtol=1e-10, atol=1e-12)


def test_the_ratio_is_one_on_average_at_the_promised_rate_and_less_within_it():
    np.testing.assert_allclose(mean_of_ratio(0.1, RATES), 1, atol=1e-10)
    np.testing.assert_allclose(mean_of_ratio(0.1, BELOW), 1, atol=1e-10)
    assert (mean_of_ratio(0.05, RATES) < 1).all()
    assert (mean_of_ratio(0.2, BELOW) < 1).all()
    assert (mean_of_ratio(0.2, RATES[:2]) > 1).all()


def test_stopping_at_the_worst_time_errs_no_more_often_than_stated():
    rng = np.random.default_rng(0)
    events = (rng.random((2000, 400)) < 0.1).cumsum(axis=1)
    logs = rate_log_ratios(events, np.arange(1, 401), null=0.1, alternatives=RATES)
    assert (np.exp(logs).mean(axis=-1).max(axis=1) >= 20).mean() <= 0.05


def test_no_event_in_three_thousand_shows_a_rate_below_one_in_five_hundred():
    logs = rate_log_ratios(np.array(0), np.array(3000), null=0.002, alternatives=np.array([0.001]))
    assert np.exp(logs[0]) > 20


@pytest.mark.parametrize(
    ("null", "alternatives", "message"),
    [
        (0.0, [0.1], "fractions in"),
        (1.0, [0.1], "fractions in"),
        (0.1, [1.0], "fractions in"),
        (0.1, [0.05, 0.2], "all above or all below"),
        (0.1, [0.1], "all above or all below"),
    ],
)
def test_rates_that_are_no_alternatives_are_refused(null, alternatives, message):
    with pytest.raises(InvalidInputError, match=message):
        rate_log_ratios(np.array(1), np.array(2), null=null, alternatives=np.array(alternatives))
