import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.meter.bits import (
    adaptive_bound,
    bits_of_choices,
    bits_of_passes,
    bits_of_rounded,
    default_max_bits,
    wear_of,
)


@given(st.integers(1, 10**6), st.floats(0, 1000), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_bound_is_hoeffding_at_first_and_grows_with_bits(n, bits, delta):
    assert adaptive_bound(n, 0, delta=delta) == pytest.approx(math.sqrt(math.log(2 / delta) / (2 * n)))
    assert adaptive_bound(n, bits + 1, delta=delta) > adaptive_bound(n, bits, delta=delta)


@pytest.mark.parametrize("n", [50, 1000, 40_000])
def test_the_default_limit_lets_the_bound_grow_threefold_whatever_n(n):
    grown = adaptive_bound(n, default_max_bits(0.1), delta=0.1)
    assert grown == pytest.approx(3 * adaptive_bound(n, 0, delta=0.1))


def test_a_choice_among_the_best_of_many_stays_inside_the_bound():
    rng, n = np.random.default_rng(4), 400
    # The best of 2 ** 8 models that guess: eight bits of selection.
    best = rng.binomial(n, 0.5, size=(500, 256)).max(axis=1) / n
    assert np.mean(best - 0.5 > adaptive_bound(n, 8, delta=0.05)) <= 0.05
    assert np.mean(best - 0.5 > adaptive_bound(n, 0, delta=0.05)) > 0.5


def test_pass_or_fail_answers_cost_the_log_of_their_patterns():
    assert bits_of_passes(10, 10) == pytest.approx(10)
    assert bits_of_passes(10, 1) == pytest.approx(math.log2(11))
    assert bits_of_passes(3, 99) == pytest.approx(3)


def test_rounded_numbers_cost_the_log_of_their_grid():
    assert bits_of_rounded(2) == pytest.approx(math.log2(101))
    assert bits_of_rounded(2, numbers=3) == pytest.approx(3 * math.log2(101))


def test_values_out_of_range_are_refused():
    with pytest.raises(InvalidInputError, match="one of at least 1, got 0"):
        bits_of_choices(0)
    with pytest.raises(InvalidInputError, match="got 0 and 1"):
        adaptive_bound(0, 1)
    with pytest.raises(InvalidInputError, match="delta must be a fraction"):
        default_max_bits(5)


@given(st.integers(1, 10**5), st.floats(0, 100), st.floats(0.001, 1))
def test_an_answer_is_worn_exactly_when_its_bound_exceeds_half_the_margin(n, bits, margin):
    wear = wear_of(n, bits, margin=margin)
    assert wear.bound == adaptive_bound(n, bits)
    assert wear.is_worn == (wear.bound > margin / 2) == bool(wear.sentence)
    assert adaptive_bound(wear.rows_needed, bits) <= margin / 2 + 1e-12
    assert wear.rows_needed == 1 or adaptive_bound(wear.rows_needed - 1, bits) > margin / 2 - 1e-12


def test_a_worn_set_is_told_from_one_that_was_always_too_small():
    assert wear_of(1000, 0, margin=0.1).sentence == ""
    worn = wear_of(1000, 20, margin=0.1)
    assert worn.sentence == "the bound 0.094 exceeds half the margin, 0.050: refresh cert when you can"
    small = wear_of(1000, 0, margin=0.02)
    assert small.sentence == (
        "the bound 0.043 exceeds half the margin, 0.010: so did that of the first look at 1,000 rows "
        "(0.043); it takes 18,445 rows"
    )
    with pytest.raises(InvalidInputError, match="margin must be above 0, got 0"):
        wear_of(1000, 0, margin=0)
