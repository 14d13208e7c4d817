import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.comparisons import mcnemar_exact
from smallcraft.stats.detectable import (
    detectable_mean_difference,
    detectable_share_difference,
    mcnemar_power,
)


@pytest.mark.parametrize(
    ("difference", "discordant", "n"), [(0.03, 0.1, 1000), (0.05, 0.05, 200), (0.2, 0.6, 80)]
)
def test_the_power_is_how_often_the_test_shows_the_difference(difference, discordant, n):
    rng, runs = np.random.default_rng(11), 4000
    shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
    drawn = rng.multinomial(n, shares, size=runs)
    shown = np.mean([won > lost and mcnemar_exact(won, lost) <= 0.05 for won, lost, _ in drawn])
    assert shown == pytest.approx(mcnemar_power(difference, discordant, n), abs=3 * math.sqrt(0.25 / runs))


@given(st.integers(10, 5000), st.floats(0, 1), st.sampled_from([0.8, 0.9]))
@settings(max_examples=40)
def test_the_smallest_detectable_difference_has_the_power_that_was_asked_for(n, share, power):
    found = detectable_share_difference(share * n, n, power=power)
    assert found is not None
    assert mcnemar_power(found, max(share, found), n) == pytest.approx(power, abs=1e-3)


def test_rows_that_hardly_differ_still_have_a_smallest_difference():
    # Of 1,000 rows at least 6 must fall on one side before the test shows anything.
    found = detectable_share_difference(0, 1000)
    assert found == pytest.approx(0.0079, abs=0.0002)
    assert found * 1000 > 6


def test_it_agrees_with_the_normal_approximation_where_there_are_many_rows():
    # Connor (1987): n = (z_a sqrt(psi) + z_b sqrt(psi - d^2))^2 / d^2, solved for d.
    n, psi = 40_000, 0.1
    found = detectable_share_difference(psi * n, n)
    rows = (1.959964 * math.sqrt(psi) + 0.841621 * math.sqrt(psi - found**2)) ** 2 / found**2
    assert rows == pytest.approx(n, rel=0.03)


def test_more_rows_show_less_and_a_surer_test_shows_more():
    by_rows = [detectable_share_difference(0.1 * n, n) for n in (100, 400, 1600, 6400)]
    assert by_rows == sorted(by_rows, reverse=True)
    assert detectable_share_difference(100, 1000, confidence=0.99) > by_rows[2]
    assert detectable_share_difference(100, 1000, power=0.95) > detectable_share_difference(100, 1000)


def test_too_few_rows_show_nothing_at_all():
    assert detectable_share_difference(2, 5) is None
    assert detectable_share_difference(3, 6.9) == pytest.approx(1.0, abs=0.05)


def test_a_mean_difference_is_shown_as_often_as_was_asked_for():
    rng, error = np.random.default_rng(12), 0.02
    found = detectable_mean_difference(error, confidence=0.9, power=0.7)
    shown = np.mean(rng.normal(found, error, 20_000) > 1.6448536 * error)
    assert shown == pytest.approx(0.7, abs=0.01)
    assert detectable_mean_difference(math.inf) is None
    assert detectable_mean_difference(0.0) == 0.0


def test_what_is_out_of_range_is_refused():
    with pytest.raises(InvalidInputError, match="must fit in n rows, got 12 of 10"):
        detectable_share_difference(12, 10)
    with pytest.raises(InvalidInputError, match=r"write 0.8 for 80%"):
        detectable_share_difference(1, 10, power=80)
    with pytest.raises(InvalidInputError, match="difference <= discordant share"):
        mcnemar_power(0.2, 0.1, 100)
