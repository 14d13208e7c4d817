import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import exact_lower_bound, exact_upper_bound
from smallcraft.stats.share_gaps import restricted_share, share_gap_bounds

SHARES = [0.002, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.998]
COUNTS = st.tuples(st.integers(1, 80), st.floats(0, 1)).map(lambda told: (round(told[0] * told[1]), told[0]))


def largest_error(lower, n, m, confidence):
    """The exact chance that a lower bound lies above the truth, at the worst pair of true shares."""
    bounds = np.array([[lower(x, n, y, m, confidence) for y in range(m + 1)] for x in range(n + 1)])
    x, y = np.arange(n + 1)[:, None], np.arange(m + 1)[None, :]
    return max(
        (stats.binom.pmf(x, n, p) * stats.binom.pmf(y, m, q))[bounds > p - q + 1e-9].sum()
        for p in SHARES
        for q in SHARES
    )


def ours(x, n, y, m, confidence):
    return share_gap_bounds(x, n, y, m, confidence=confidence).low


def square_and_add(x, n, y, m, confidence):
    down = x / n - exact_lower_bound(x, n, confidence=confidence)
    up = exact_upper_bound(y, m, confidence=confidence) - y / m
    return x / n - y / m - np.hypot(down, up)


@pytest.mark.parametrize("confidence", [0.95, 0.995, 0.999, 0.9999])
@pytest.mark.parametrize(("n", "m"), [(5, 5), (5, 60), (15, 15), (60, 15), (15, 90)])
def test_no_true_shares_make_a_bound_err_more_often_than_stated(n, m, confidence):
    """By enumeration of every count; the upper bound is the mirrored lower one."""
    worst = largest_error(ours, n, m, confidence)
    print(f"{n} and {m} rows at {confidence}: errs {worst / (1 - confidence):.2f} times as often as stated")
    assert worst <= 1 - confidence


def test_square_and_add_alone_would_err_more_often_than_stated():
    assert largest_error(square_and_add, 15, 15, 0.95) > 1.2 * 0.05
    assert largest_error(square_and_add, 15, 15, 0.995) > 5 * 0.005


def test_large_groups_cost_little_more_than_the_normal_interval():
    found = share_gap_bounds(2700, 3000, 2700, 3000, confidence=0.95)
    normal = stats.norm.ppf(0.95) * np.sqrt(2 * 0.9 * 0.1 / 3000)
    assert normal < -found.low == pytest.approx(found.high, abs=1e-9)
    assert found.high < 1.1 * normal


@given(COUNTS, COUNTS, st.floats(0.6, 0.99999), st.floats(0.6, 0.99999))
def test_bounds_hold_the_observed_gap_and_widen_with_confidence(own, rest, one, other):
    narrow, wide = (share_gap_bounds(*own, *rest, confidence=c) for c in sorted((one, other)))
    observed = own[0] / own[1] - rest[0] / rest[1]
    assert -1 <= wide.low <= narrow.low + 1e-9
    assert narrow.low <= observed <= narrow.high
    assert narrow.high - 1e-9 <= wide.high <= 1


@given(COUNTS, COUNTS)
def test_the_gap_the_other_way_round_is_mirrored(own, rest):
    found, mirrored = share_gap_bounds(*own, *rest), share_gap_bounds(*rest, *own)
    assert (found.low, found.high) == (-mirrored.high, -mirrored.low)


@given(COUNTS, COUNTS, st.floats(-0.95, 0.95))
def test_the_restricted_share_is_the_most_likely_one(own, rest, difference):
    (x, n), (y, m) = own, rest

    def cost(share):
        return -stats.binom.logpmf(x, n, share) - stats.binom.logpmf(y, m, share - difference)

    found = restricted_share(x, n, y, m, difference)
    low, high = max(0.0, difference), min(1.0, 1 + difference)
    inside = np.clip(found, low + 1e-9, high - 1e-9)
    best = optimize.minimize_scalar(cost, bounds=(low + 1e-9, high - 1e-9), method="bounded").fun
    assert low <= found <= high
    assert cost(inside) <= best + 1e-4


@pytest.mark.parametrize("counts", [(3, 2, 1, 2), (0, 0, 1, 2), (1, 2, -1, 2), (1, 2, 0, 0)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(InvalidInputError, match="0 <= successes <= trials"):
        share_gap_bounds(*counts)
