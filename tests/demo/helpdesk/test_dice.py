import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.demo.helpdesk.dice import Dice

SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.integers(-50, 50), st.integers(0, 50))
def test_between_stays_between(seed, low, width):
    dice = Dice(seed, 0)
    assert all(low <= dice.between(low, low + width) <= low + width for _ in range(20))


@given(SEEDS, st.integers(0, 30))
def test_a_sample_holds_different_positions_of_its_items(seed, k):
    drawn = Dice(seed, 1).sample(range(30), k)
    assert len(set(drawn)) == k
    assert set(drawn) <= set(range(30))


def test_equal_seed_and_stream_give_equal_throws_and_another_stream_does_not():
    def throws(seed, stream):
        dice = Dice(seed, stream)
        return [dice.below(1000) for _ in range(50)]

    assert throws(7, 0) == throws(7, 0)
    assert throws(7, 0) != throws(7, 1)
    assert throws(7, 0) != throws(8, 0)


def test_the_first_throws_are_known():
    dice = Dice(7, 0)
    assert [dice.below(1000) for _ in range(5)] == [801, 952, 409, 795, 89]


def test_weights_are_kept_in_the_long_run():
    dice = Dice(3, 0)
    drawn = [dice.pick_weighted("abc", (1, 0, 3)) for _ in range(8000)]
    assert drawn.count("b") == 0
    assert drawn.count("c") / 8000 == pytest.approx(0.75, abs=0.02)


def test_an_early_pick_falls_linearly_with_the_position():
    dice = Dice(4, 0)
    drawn = [dice.pick_early(range(4)) for _ in range(16_000)]
    shares = [drawn.count(i) / 16_000 for i in range(4)]
    assert shares == pytest.approx([7 / 16, 5 / 16, 3 / 16, 1 / 16], abs=0.015)
