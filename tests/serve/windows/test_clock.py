"""Names of windows: aligned, each opened once, whatever the clock does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smallcraft.serve.windows.clock import WindowClock

HOUR = 3600


def test_a_window_begins_where_the_clock_does_and_is_an_hour():
    clock = WindowClock(HOUR, now_s=10 * HOUR + 1800.5)
    assert clock.start_s == 10 * HOUR
    assert clock.tick(11 * HOUR - 0.001) is None
    assert clock.tick(11 * HOUR) == 10 * HOUR
    assert clock.start_s == 11 * HOUR


def test_a_clock_that_is_set_back_finds_the_window_that_is_open():
    clock = WindowClock(HOUR, now_s=10 * HOUR + 3599)
    clock.tick(11 * HOUR + 1)
    # Over the border, and further than a window.
    for back in (10 * HOUR + 3599, 10 * HOUR + 5, 11 * HOUR + 2, 10 * HOUR):
        assert clock.tick(back) is None
        assert clock.start_s == 11 * HOUR
    assert clock.tick(12 * HOUR) == 11 * HOUR


def test_a_clock_that_jumps_ahead_closes_the_window_early():
    clock = WindowClock(HOUR, now_s=10 * HOUR + 5)
    assert clock.tick(30 * HOUR + 7) == 10 * HOUR
    assert clock.start_s == 30 * HOUR


def test_a_jump_that_is_corrected_goes_on_with_names_that_were_not_used():
    clock = WindowClock(HOUR, now_s=10 * HOUR)
    clock.tick(30 * HOUR)
    assert clock.tick(10 * HOUR + 60) is None
    assert clock.tick(11 * HOUR) == 30 * HOUR
    assert clock.start_s == 11 * HOUR


@given(st.lists(st.floats(-1e5, 1e6), min_size=1, max_size=40), st.sampled_from([1, 60, HOUR]))
def test_no_name_is_opened_twice_and_every_one_is_closed_but_the_last(times, seconds):
    clock = WindowClock(seconds, now_s=times[0])
    opened, closed = [clock.start_s], []
    for now_s in times[1:]:
        ended = clock.tick(now_s)
        if ended is not None:
            closed.append(ended)
            opened.append(clock.start_s)
    assert closed == opened[:-1]
    assert len(set(opened)) == len(opened)
    assert all(start % seconds == 0 for start in opened)
