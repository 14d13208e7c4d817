"""Requests a second, lately."""

from __future__ import annotations

import pytest

from smallcraft.serve.rollout.traffic import TrafficRate


def watch(rate: TrafficRate, *, seconds: range, each: int) -> None:
    for second in seconds:
        rate.add(each)
        rate.tick(float(second))


def test_a_rate_is_unknown_until_it_was_watched_for_some_seconds():
    rate = TrafficRate(0.0)
    watch(rate, seconds=range(1, 5), each=100)
    assert rate.per_second(4.0) is None
    watch(rate, seconds=range(5, 6), each=100)
    assert rate.per_second(5.0) == pytest.approx(100.0)


def test_only_the_last_minute_counts():
    rate = TrafficRate(0.0)
    watch(rate, seconds=range(1, 300), each=1000)
    watch(rate, seconds=range(300, 400), each=10)
    assert rate.per_second(399.0) == pytest.approx(10.0, rel=0.03)


def test_silence_is_a_rate_of_nothing():
    rate = TrafficRate(0.0)
    watch(rate, seconds=range(1, 100), each=0)
    assert rate.per_second(99.0) == 0.0


def test_a_clock_that_jumps_back_begins_the_watch_anew():
    rate = TrafficRate(1000.0)
    watch(rate, seconds=range(1001, 1050), each=10)
    rate.tick(3.0)
    assert rate.per_second(3.0) is None
