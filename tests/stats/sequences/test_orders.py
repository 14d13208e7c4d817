import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.orders import count_above, order_log_ratios, raise_floor, shorten

BINS = 6
ALPHA = 0.05
RATIO = 1.25
EDGES = RATIO ** np.arange(BINS - 1)
LAWS = st.lists(st.floats(0.01, 1), min_size=BINS, max_size=BINS).map(lambda p: np.array(p) / sum(p))
TILTS = st.lists(st.floats(0.02, 3), min_size=BINS, max_size=BINS).map(np.cumsum)
SHARES = st.floats(0.02, 0.98)


def single_ratios(share, tilt):
    """What one request says, exactly: `(2, bins)`, of the old arm and of the new one."""
    units = np.eye(2 * BINS, dtype=int).reshape(-1, 2, BINS)
    return np.exp(order_log_ratios(units, share, tilts=tilt[None]))[:, 0].reshape(2, BINS)


def mean_of_ratio(share, tilt, old, new):
    said = single_ratios(share, tilt)
    return (1 - share) * old @ said[0] + share * new @ said[1]


@given(LAWS, TILTS, SHARES)
def test_the_ratio_is_one_on_average_while_both_arms_have_one_law(law, tilt, share):
    assert mean_of_ratio(share, tilt, law, law) == pytest.approx(1, abs=1e-9)


@given(LAWS, LAWS, TILTS, SHARES)
def test_the_ratio_is_at_most_one_on_average_while_the_new_arm_is_nowhere_larger(one, other, tilt, share):
    """The larger of two cumulated laws is the one that is stochastically smaller."""
    smaller = np.diff(np.maximum(np.cumsum(one), np.cumsum(other)), prepend=0)
    assert mean_of_ratio(share, tilt, one, smaller) <= 1 + 1e-9


def test_the_ratio_is_above_one_on_average_when_the_tilt_is_the_truth():
    law = np.full(BINS, 1 / BINS)
    tilt = np.linspace(0.5, 1.5, BINS)
    assert mean_of_ratio(0.1, tilt, law, law * tilt) > 1


def test_a_tilt_that_falls_is_refused_for_it_would_accuse_a_release_that_is_better():
    falling = np.array([[1.0, 1.0, 0.5, 1.0, 1.0, 2.0]])
    with pytest.raises(InvalidInputError, match="monotone"):
        order_log_ratios(np.zeros((2, BINS), int), 0.5, tilts=falling)
    with pytest.raises(InvalidInputError, match="above 0"):
        order_log_ratios(np.zeros((2, BINS), int), 0.5, tilts=np.zeros((1, BINS)))
    with pytest.raises(InvalidInputError, match="fraction"):
        order_log_ratios(np.zeros((2, BINS), int), 1.0, tilts=np.ones((1, BINS)))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, BINS - 1)), max_size=60), TILTS, SHARES)
def test_counts_say_what_the_product_over_single_requests_says(requests, tilt, share):
    counts = np.zeros((2, BINS), dtype=int)
    product = 0.0
    for is_new, place in requests:
        counts[int(is_new), place] += 1
        own = share * tilt[place] / (share * tilt[place] + 1 - share)
        product += np.log(own / share) if is_new else np.log((1 - own) / (1 - share))
    assert order_log_ratios(counts, share, tilts=tilt[None])[0] == pytest.approx(product, rel=1e-9, abs=1e-11)


def test_stopping_at_the_worst_time_errs_no_more_often_than_stated():
    """2,000 runs that are looked at 100 times, under a law that drifts for both arms."""
    rng = np.random.default_rng(0)
    tilts = np.stack([np.linspace(0.7, 1.3, BINS), np.array([0.95] * 4 + [1.2, 3.0])])
    total = np.zeros((2000, 2))
    worst = np.zeros(2000)
    for look in range(100):
        law = np.linspace(1, 1 + look / 10, BINS)
        seen = rng.multinomial(20, law / law.sum(), 2000)
        new = rng.binomial(seen, 0.2)
        total += order_log_ratios(np.stack([seen - new, new], axis=1), 0.2, tilts=tilts)
        worst = np.maximum(worst, np.exp(total).mean(axis=1))
    assert (worst >= 1 / ALPHA).mean() <= ALPHA
    assert worst.max() > 5  # ... and there is chance enough that a wrong one would


@given(st.lists(st.floats(0.3, 40), max_size=30), st.integers(0, 3))
def test_shortened_counts_are_those_of_shorter_values(values, bins):
    """Exactly: to take bins away is to divide by their ratio, up to the first and the last edge."""

    def counted(seconds):
        return np.bincount(np.searchsorted(EDGES, seconds, side="right"), minlength=BINS)

    within = np.array([value for value in values if value < EDGES[-1]])
    shorter = within / RATIO**bins
    near = np.abs(np.log(shorter[:, None] / EDGES)).min(axis=1) < 1e-9 if len(within) else np.zeros(0, bool)
    np.testing.assert_array_equal(shorten(counted(within[~near]), bins), counted(shorter[~near]))


@given(st.lists(st.integers(0, 9), min_size=BINS, max_size=BINS), st.integers(0, 4))
def test_shortening_keeps_the_total_and_what_has_no_value(counts, bins):
    shorter = shorten(np.array(counts), bins)
    assert shorter.sum() == sum(counts)
    assert shorter[-1] == counts[-1]
    assert (np.cumsum(shorter) >= np.cumsum(counts)).all()


@given(st.lists(st.integers(0, 9), min_size=BINS, max_size=BINS), st.integers(0, BINS - 1))
def test_below_a_floor_all_values_are_the_same(counts, floor):
    raised = raise_floor(np.array(counts), floor)
    values = np.maximum(np.repeat(np.arange(BINS), counts), floor)
    np.testing.assert_array_equal(raised, np.bincount(values, minlength=BINS))


def test_counts_above_a_bin_leave_out_what_has_no_value():
    counts = np.array([[1, 2, 3, 4], [0, 0, 0, 9]])
    assert count_above(counts, 0).tolist() == [6, 0]
    assert count_above(counts, 2).tolist() == [3, 0]
    assert count_above(counts, 7).tolist() == [0, 0]


def test_no_counts_say_nothing():
    assert (
        order_log_ratios(np.zeros((4, 2, BINS), int), 0.5, tilts=np.ones((3, BINS))).tolist() == [[0] * 3] * 4
    )
