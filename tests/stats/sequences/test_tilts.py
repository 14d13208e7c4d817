import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.stats.sequences.tilts import power_tilt, shift_tilt, smooth_masses, step_tilt, stretch_tilt

COUNTS = st.lists(st.integers(0, 50), min_size=12, max_size=12).map(np.array)
SLOW = st.floats(0.005, 0.6)
MAKERS = {
    "step": lambda masses, slow: step_tilt(masses, slow, factor=2.5),
    "power": lambda masses, slow: power_tilt(masses, slow, growth=1.3),
    "stretch": lambda masses, slow: stretch_tilt(masses, slow, bins=2.5),
    "shift": lambda masses, _: shift_tilt(masses, 1.7),
}


@given(COUNTS, SLOW, st.sampled_from(sorted(MAKERS)))
def test_every_tilt_rises_and_leaves_no_bin_impossible(counts, slow, kind):
    tilt = MAKERS[kind](smooth_masses(counts), slow)
    assert tilt.shape == counts.shape
    assert (np.diff(tilt) >= 0).all()
    assert tilt.min() >= 0.05 - 1e-12


@given(COUNTS, SLOW, st.sampled_from(["step", "power"]))
def test_steps_and_powers_keep_the_total(counts, slow, kind):
    masses = smooth_masses(counts)
    assert masses @ MAKERS[kind](masses, slow) == pytest.approx(1, abs=1e-9)


@given(COUNTS)
def test_masses_are_shares_and_none_is_nil(counts):
    masses = smooth_masses(counts)
    assert masses.sum() == pytest.approx(1)
    assert masses.min() > 0


def test_a_step_multiplies_what_is_above_its_quantile():
    masses = np.full(100, 0.01)
    tilt = step_tilt(masses, 0.05, factor=3.0)
    assert tilt[-5:].tolist() == [3.0] * 5
    assert tilt[:-5] == pytest.approx(np.full(95, 0.85 / 0.95))


def test_a_tail_never_takes_the_whole():
    masses = np.full(10, 0.1)
    assert masses[5:] @ step_tilt(masses, 0.5, factor=10.0)[5:] == pytest.approx(0.8)
    assert step_tilt(np.array([0.05, 0.95]), 0.5, factor=3.0).tolist() == [1.0, 1.0]


def test_a_shift_is_the_law_of_moved_values_where_that_rises():
    masses = 0.5 ** np.arange(1, 13)
    masses[-1] = masses[-2]
    tilt = shift_tilt(masses, 1.0)
    # Half as many values in each bin as in the one before: moved by one, each has twice as many.
    assert tilt[1:-2] == pytest.approx(np.full(9, 2.0))
    assert tilt[0] == 0.05


def test_a_stretched_tail_empties_the_bins_where_it_began_and_pools_them_with_what_stays():
    masses = np.full(20, 0.05)
    tilt = stretch_tilt(masses, 0.25, bins=2.0)
    assert tilt[15:17] == pytest.approx([15 / 17, 15 / 17])
    assert tilt[:15] == pytest.approx(np.full(15, 15 / 17))
    assert tilt[17:19].min() >= 1.0
    # What would be pushed over the last value's edge stays in its bin.
    assert masses[:-1] @ tilt[:-1] == pytest.approx(masses[:-1].sum())


def test_before_anything_was_seen_all_bins_are_alike():
    assert np.ptp(smooth_masses(np.zeros(30, int))) == 0
