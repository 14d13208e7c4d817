"""Ranks among calm windows: the budget holds, and a shift is found."""

from __future__ import annotations

import numpy as np

from smallcraft.observe.detectors.conformal import LEAST_POOL, ConformalDetector, rules_of
from smallcraft.observe.quantities import WatchPlan
from smallcraft.stats.sequences.window_streams import LEAST_IN_BUCKET

DETECTOR = ConformalDetector()


def plan(*, buckets: int = 1, statistics: tuple[str, ...] = ("shift", "spread")) -> WatchPlan:
    m = len(statistics)
    return WatchPlan(
        statistics, np.full(m, 1 / m), np.arange(m, dtype=np.uint64), 8.9, buckets=buckets, cycle=buckets
    )


def test_unseen_values_are_bet_on_to_rise_and_shifts_to_do_either():
    assert rules_of(plan(statistics=("shift", "unseen"))).sides.tolist() == [0, 1]


def test_a_long_season_does_not_ask_for_more_memory_than_a_short_one():
    assert rules_of(plan(buckets=168)).memory * 168 < 4 * rules_of(plan()).memory


def test_it_needs_some_windows_of_each_place_of_the_season():
    memory, seasonal = DETECTOR.begin(plan(buckets=24)), plan(buckets=24)
    assert DETECTOR.windows_needed(memory, seasonal, bucket=5) == 24 * LEAST_IN_BUCKET + LEAST_POOL
    for at in range(24 * LEAST_IN_BUCKET):
        memory = DETECTOR.learn(memory, np.zeros(2), seasonal, bucket=at % 24, at=at)
    assert DETECTOR.windows_needed(memory, seasonal, bucket=5) == LEAST_POOL


def test_no_alarm_in_a_year_of_quiet_windows_and_one_soon_after_a_shift():
    rng, memory, used = np.random.default_rng(2), DETECTOR.begin(plan()), plan()
    for at in range(60):
        memory = DETECTOR.learn(memory, rng.normal(size=2), used, bucket=0, at=at)
    highest = -np.inf
    for at in range(60, 1060):
        step = DETECTOR.judge(memory, rng.normal(size=2), used, bucket=0, at=at, is_frozen=False)
        memory, highest = step.memory, max(highest, step.log_e)
    assert highest < used.log_level
    for at in range(1060, 1072):
        values = rng.normal(size=2) + np.array([-2.5, 0.0])
        step = DETECTOR.judge(memory, values, used, bucket=0, at=at, is_frozen=False)
        memory = step.memory
        if step.log_e >= used.log_level:
            break
    assert step.log_e >= used.log_level
    assert step.began_at in range(1057, 1063)


def test_nothing_is_learned_while_an_alarm_is_open():
    used = plan()
    memory = DETECTOR.begin(used)
    for at in range(60):
        memory = DETECTOR.learn(memory, np.zeros(2), used, bucket=0, at=at)
    after = DETECTOR.judge(memory, np.ones(2), used, bucket=0, at=60, is_frozen=True).memory
    np.testing.assert_array_equal(after["levels"], memory["levels"])
    np.testing.assert_array_equal(after["misses"], memory["misses"])
