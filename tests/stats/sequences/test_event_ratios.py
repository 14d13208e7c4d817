import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.event_ratios import event_log_ratios

MORE = np.array([1.1, 1.5, 2.0, 3.0, 10.0])
SHARES = st.floats(0.01, 0.99)
ALPHA = 0.05


def chance(share, ratio):
    """That an event is the new arm's while its events are `ratio` times as frequent."""
    return share * ratio / (share * ratio + 1 - share)


def mean_of_ratio(share, *, true, null, alternative, events):
    """Exactly, over how many of so many events fall to the new arm."""
    new = np.arange(events + 1)
    logs = event_log_ratios(
        np.stack([events - new, new], axis=-1), share, null=null, alternatives=np.array([alternative])
    )
    return stats.binom.pmf(new, events, chance(share, true)) @ np.exp(logs[:, 0])


@given(st.lists(st.tuples(st.booleans(), SHARES), max_size=40), st.floats(0.2, 5.0))
def test_counts_say_what_the_product_over_single_events_says(events, null):
    """The share may change with every event; steps of equal share are added up in any order."""
    alternatives = null * MORE
    product = np.zeros(len(MORE))
    for is_new, share in events:
        before, after = chance(share, null), chance(share, alternatives)
        product += np.log(after / before) if is_new else np.log((1 - after) / (1 - before))
    by_share = {}
    for is_new, share in events:
        by_share.setdefault(share, np.zeros(2, dtype=int))[int(is_new)] += 1
    counted = sum(
        (
            event_log_ratios(by_share[share], share, null=null, alternatives=alternatives)
            for share in by_share
        ),
        np.zeros(len(MORE)),
    )
    np.testing.assert_allclose(counted, product, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.95])
@pytest.mark.parametrize("null", [0.5, 1.0, 2.0])
def test_the_ratio_is_one_on_average_at_the_null_and_less_on_its_side(share, null):
    for factor in (*MORE, *(1 / MORE)):
        alternative = null * factor
        at_null = mean_of_ratio(share, true=null, null=null, alternative=alternative, events=30)
        assert at_null == pytest.approx(1, abs=1e-12)
        inside = null / 1.5 if factor > 1 else null * 1.5
        beyond = null * 1.5 if factor > 1 else null / 1.5
        assert mean_of_ratio(share, true=inside, null=null, alternative=alternative, events=30) < 1
        assert mean_of_ratio(share, true=beyond, null=null, alternative=alternative, events=30) > 1


def test_stopping_at_the_worst_time_errs_no_more_often_than_stated_and_a_repeated_test_does():
    rng = np.random.default_rng(0)
    runs, events, share = 2000, 300, 0.1
    new = np.cumsum(rng.random((runs, events)) < share, axis=1)
    seen = np.arange(1, events + 1)
    logs = event_log_ratios(np.stack([seen - new, new], axis=-1), share, null=1.0, alternatives=MORE)
    evidence = np.exp(logs).mean(axis=-1)
    assert (evidence.max(axis=1) >= 1 / ALPHA).mean() <= ALPHA
    # What a fixed-size test says when it is looked at after every event.
    repeated = stats.binom.sf(new - 1, seen, share) <= ALPHA
    assert repeated.any(axis=1).mean() > 4 * ALPHA


def test_a_formula_that_forgets_the_old_arm_would_err_far_too_often():
    rng = np.random.default_rng(1)
    new = np.cumsum(rng.random((2000, 300)) < 0.1, axis=1)
    wrong = np.log(3.0) * new - np.log1p(0.1 * 2) * new
    assert (np.exp(wrong).max(axis=1) >= 1 / ALPHA).mean() > 0.9


def test_what_strikes_both_arms_says_nothing():
    """Ten times as many events for a while, dealt as before: as many false alarms as on a quiet day."""
    rng = np.random.default_rng(2)
    rate = np.where((np.arange(100) > 40) & (np.arange(100) < 60), 10.0, 1.0)
    events = rng.poisson(rate, (2000, 100))
    new = rng.binomial(events, 0.05).cumsum(axis=1)
    counts = np.stack([events.cumsum(axis=1) - new, new], axis=-1)
    evidence = np.exp(event_log_ratios(counts, 0.05, null=1.0, alternatives=MORE)).mean(axis=-1)
    assert (evidence.max(axis=1) >= 1 / ALPHA).mean() <= ALPHA


def test_the_share_may_change_at_every_step():
    rng = np.random.default_rng(3)
    shares = rng.choice([0.05, 0.1, 0.25, 0.5, 0.95], 60)
    total = np.zeros((2000, len(MORE)))
    worst = np.zeros(2000)
    for share in shares:
        events = rng.poisson(4.0, 2000)
        new = rng.binomial(events, share)
        total += event_log_ratios(np.stack([events - new, new], axis=-1), share, null=1.0, alternatives=MORE)
        worst = np.maximum(worst, np.exp(total).mean(axis=-1))
    assert (worst >= 1 / ALPHA).mean() <= ALPHA


def test_no_events_say_nothing():
    assert (event_log_ratios(np.zeros((3, 2), int), 0.05, null=1.0, alternatives=MORE) == 0).all()


def test_evidence_grows_as_fast_as_theory_says():
    """Of three times 1 % errors at a share of 5 %: 0.012 nats for each request of the new arm."""
    expected = np.array([[0.01 * 19, 0.03]])
    growth = event_log_ratios(expected, 0.05, null=1.0, alternatives=np.array([3.0]))[0, 0]
    before, after = 0.05, chance(0.05, 3.0)
    per_event = after * np.log(after / before) + (1 - after) * np.log((1 - after) / (1 - before))
    assert growth == pytest.approx((0.01 * 19 + 0.03) * per_event, rel=1e-12)
    assert growth == pytest.approx(0.012, abs=5e-4)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_an_arm_without_requests_is_refused(share):
    with pytest.raises(InvalidInputError, match="fraction in"):
        event_log_ratios(np.zeros(2, int), share, null=1.0, alternatives=MORE)


@pytest.mark.parametrize("alternatives", [[0.5, 2.0], [1.0], [-1.0]])
def test_alternatives_on_both_sides_of_the_null_are_refused(alternatives):
    with pytest.raises(InvalidInputError, match="all above or all below"):
        event_log_ratios(np.zeros(2, int), 0.5, null=1.0, alternatives=np.array(alternatives))
