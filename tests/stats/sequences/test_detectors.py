import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.detectors import (
    advance,
    change_began,
    locate_change,
    log_alarm_level,
    log_evidence,
    log_mixture,
    restart,
    run_detectors,
    shares_of_mixture,
    start_detectors,
)

HISTORIES = arrays.arrays(np.float64, (7, 2, 3), elements=st.floats(-3, 3))
WEIGHTS = np.array([0.5, 0.3, 0.2])


@given(HISTORIES)
def test_levels_are_the_sum_over_all_starts(history):
    levels = np.exp(run_detectors(history, WEIGHTS).state.log_level)
    products = np.exp(np.cumsum(history[::-1], axis=0))
    np.testing.assert_allclose(levels, products.sum(axis=0), rtol=1e-9)


@given(HISTORIES, st.integers(1, 6))
def test_a_stored_state_goes_on_to_the_last_bit(history, stop):
    whole = run_detectors(history, WEIGHTS)
    state = run_detectors(history[:stop], WEIGHTS).state
    for at in range(stop, len(history)):
        state = advance(state, history[at], at=at)
        assert log_mixture(state, WEIGHTS).tolist() == whole.log_mixtures[at].tolist()
    for name in ("log_level", "log_run", "began", "steps"):
        assert getattr(state, name).tolist() == getattr(whole.state, name).tolist()


@given(HISTORIES)
def test_streams_do_not_see_each_other(history):
    both, one = run_detectors(history, WEIGHTS), run_detectors(history[:, 1], WEIGHTS)
    np.testing.assert_allclose(both.log_mixtures[:, 1], one.log_mixtures, rtol=0, atol=1e-12)


@given(arrays.arrays(np.float64, (9, 1), elements=st.floats(-3, 3)))
def test_the_change_is_where_the_product_up_to_now_is_largest(history):
    suffixes = np.cumsum(history[::-1, 0])[::-1]
    begun = int(run_detectors(history, np.ones(1)).state.began[0])
    assert suffixes[begun] == pytest.approx(suffixes.max(), abs=1e-9)
    assert suffixes[locate_change(history, np.ones(1))] == pytest.approx(suffixes.max(), abs=1e-9)


def test_a_change_is_found_where_it_was_made():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(200, 4))
    scores[150:, 2] += 1.5
    history = 1.5 * scores - 1.5**2 / 2
    state = run_detectors(history, np.full(4, 0.25)).state
    assert abs(int(change_began(state, np.full(4, 0.25))) - 150) <= 3
    assert abs(locate_change(history, np.full(4, 0.25)) - 150) <= 3
    assert shares_of_mixture(state, np.full(4, 0.25)).argmax() == 2


def test_false_alarms_stay_within_the_budget_whatever_the_bets_have_to_do_with_each_other():
    """4,000 streams of 300 windows, budget 0.5; five bets, all the same, or none like the other; seed 2."""
    rng = np.random.default_rng(2)
    level = log_alarm_level(0.5, 300)
    for shared in (0.0, 1.0):
        state, alarms = start_detectors((4000,), 5), 0
        for at in range(300):
            own, common = rng.normal(size=(4000, 5)), rng.normal(size=(4000, 1))
            scores = common if shared else own
            state = advance(state, np.broadcast_to(1.5 * scores - 1.125, (4000, 5)), at=at)
            raised = log_mixture(state, np.full(5, 0.2)) >= level
            alarms += raised.sum()
            state = restart(state, raised)
        assert 0.02 < alarms / 4000 <= 0.5


def test_evidence_at_any_step_is_an_e_value():
    """The step is chosen to look worst: the first of 50 at which the level is 20, else the last; seed 3.

    The level over the steps so far, which one might take for one, has a mean of 2 there.
    """
    rng = np.random.default_rng(3)
    state = start_detectors((20000,), 1)
    kept = np.full(20000, np.nan)
    for at in range(50):
        state = advance(state, rng.normal(size=(20000, 1)) - 0.5, at=at)
        stop = np.isnan(kept) & ((state.log_level[:, 0] > np.log(20)) | (at == 49))
        kept[stop] = np.exp(log_evidence(state, horizon=20)[stop, 0])
    assert 0.1 < kept.mean() <= 1


def test_a_restart_forgets_one_stream_alone():
    state = run_detectors(np.ones((3, 2, 2)), np.full(2, 0.5)).state
    after = restart(state, np.array([True, False]))
    assert np.isneginf(after.log_level[0]).all()
    assert after.log_level[1].tolist() == state.log_level[1].tolist()
    assert after.steps.tolist() == [0, 3]
    assert np.isneginf(log_mixture(after, np.full(2, 0.5))[0])


def test_an_e_value_of_zero_ends_a_run_and_no_stream():
    state = advance(start_detectors((), 2), np.array([-np.inf, 1.0]), at=0)
    state = advance(state, np.array([1.0, -np.inf]), at=1)
    assert np.isfinite(log_mixture(state, np.full(2, 0.5)))
    assert state.log_level[0] == 1.0


@pytest.mark.parametrize("values", [np.zeros(3), np.array([0.0, np.nan])])
def test_what_is_no_e_value_is_refused(values):
    with pytest.raises(InvalidInputError, match="without NaN"):
        advance(start_detectors((), 2), values, at=0)


@pytest.mark.parametrize(("false_alarms", "windows"), [(0, 720), (720, 720), (-1, 5)])
def test_a_budget_of_nothing_or_of_every_window_is_refused(false_alarms, windows):
    with pytest.raises(InvalidInputError, match=r"0\.1 a month is usual"):
        log_alarm_level(false_alarms, windows)


def test_no_history_is_refused():
    with pytest.raises(InvalidInputError, match="at least one step"):
        run_detectors(np.zeros((0, 2)), np.full(2, 0.5))
