import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.mixtures import log_mean, log_mean_over_starts

LOGS = st.lists(st.lists(st.floats(-900, 900), min_size=3, max_size=3), min_size=1, max_size=6)
WEIGHTS = np.array([0.5, 0.3, 0.2])


@given(LOGS)
def test_a_log_mean_agrees_with_scipy_where_plain_numbers_would_overflow(logs):
    found = log_mean(np.array(logs), WEIGHTS)
    np.testing.assert_allclose(found, logsumexp(np.array(logs), b=WEIGHTS, axis=-1), rtol=1e-12, atol=1e-12)


def test_what_has_no_weight_is_not_heard_however_loud():
    assert log_mean(np.array([3000.0, -2.0]), np.array([0.0, 1.0])) == -2.0


@given(st.lists(st.lists(st.floats(-3, 3), min_size=3, max_size=3), min_size=1, max_size=5))
def test_starts_are_averaged_as_written_out(steps):
    planned = [0.4, 0.2, 0.2, 0.1, 0.1][: len(steps)]
    ratios = np.exp(np.array(steps))
    expected = 1 - sum(planned)
    for start, weight in enumerate(planned):
        expected += weight * (WEIGHTS @ ratios[start:].prod(axis=0))
    found = log_mean_over_starts([np.array(step) for step in steps], WEIGHTS, starts=planned)
    assert np.exp(found) == pytest.approx(expected, rel=1e-9)


def test_a_start_that_has_not_come_counts_as_one():
    steps = [np.log(np.full((2, 1), 0.001))]
    assert np.exp(log_mean_over_starts(steps, np.ones(1), starts=[0.4])).round(4).tolist() == [0.6004, 0.6004]


def test_what_later_steps_say_is_not_drowned_by_earlier_ones():
    quiet, loud = np.array([-30.0]), np.array([8.0])
    assert log_mean_over_starts([quiet, loud], np.ones(1), starts=[0.4, 0.2]) > np.log(0.2) + 7.9


def test_hedging_over_starts_keeps_the_mean_at_one():
    """Exactly, over all outcomes of three fair steps that double or end a stake."""
    total = 0.0
    for outcome in np.ndindex(2, 2, 2):
        steps = [np.array([np.log(1.9) if won else np.log(0.1)]) for won in outcome]
        total += np.exp(log_mean_over_starts(steps, np.ones(1), starts=[0.4, 0.2, 0.2])) / 8
    assert total == pytest.approx(1, abs=1e-12)


def test_before_the_first_step_nothing_is_known():
    assert log_mean_over_starts([], np.ones(1), starts=[]).tolist() == 0.0


def test_steps_without_a_start_belong_to_those_before():
    steps = [np.array([0.0]), np.array([1.0]), np.array([2.0])]
    assert log_mean_over_starts(steps, np.ones(1), starts=[1.0, 0.0, 0.0]) == pytest.approx(3.0)


@pytest.mark.parametrize("weights", [[0.5, 0.4], [1.5, -0.5]])
def test_weights_that_are_not_shares_are_refused(weights):
    with pytest.raises(InvalidInputError, match="add up to 1"):
        log_mean(np.zeros(2), np.array(weights))
    with pytest.raises(InvalidInputError, match="add up to 1 at most"):
        log_mean_over_starts(
            [np.zeros(1)] * 2, np.ones(1), starts=[0.9, 0.2] if min(weights) > 0 else weights
        )
