"""What every detector keeps to, whatever it does."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.observe.detectors import BUILTIN
from smallcraft.observe.quantities import WatchPlan
from smallcraft.observe.statistics import CATEGORY, NUMERIC, TAILS

NAMES = ("shift", "kl", "tilt")
PLAN = WatchPlan(
    statistics=NAMES,
    weights=np.full(3, 1 / 3),
    names=np.arange(1, 4, dtype=np.uint64),
    log_level=8.0,
    buckets=2,
    cycle=2,
    seed=7,
)


@pytest.fixture(params=sorted(BUILTIN))
def detector(request):
    return BUILTIN[request.param]


def learned(detector, n: int = 80):
    memory, rng = detector.begin(PLAN), np.random.default_rng(0)
    for at in range(n):
        memory = detector.learn(memory, rng.normal(size=3), PLAN, bucket=at % 2, at=at)
    return memory


def judge(detector, memory, values, *, at=100, is_frozen=False):
    return detector.judge(memory, values, PLAN, bucket=at % 2, at=at, is_frozen=is_frozen)


def test_its_name_is_its_key(detector):
    assert BUILTIN[detector.name] is detector


def test_it_judges_statistics_that_there_are(detector):
    assert detector.statistics
    assert detector.statistics <= {*NUMERIC, *TAILS, *CATEGORY}


def test_it_can_judge_once_it_learned(detector):
    assert detector.windows_needed(learned(detector), PLAN, bucket=0) == 0
    assert detector.windows_needed(detector.begin(PLAN), PLAN, bucket=0) >= 0


def test_the_same_window_is_judged_the_same(detector):
    memory, values = learned(detector), np.array([0.3, 0.02, 0.1])
    first, second = (judge(detector, memory, values) for _ in range(2))
    assert first.log_e == second.log_e
    assert first.log_es.tolist() == second.log_es.tolist()


def test_a_large_change_has_more_evidence_than_none(detector):
    memory = learned(detector)
    large, none = (judge(detector, memory, values) for values in (np.full(3, 9.0), np.zeros(3)))
    assert large.log_e > none.log_e
    assert large.log_es.shape == (3,)


def test_what_was_not_measured_is_no_evidence(detector):
    step = judge(detector, learned(detector), np.full(3, np.nan))
    assert step.log_e < PLAN.log_level
    assert not np.isnan(step.log_es).any()


def test_a_judged_window_changes_nothing_that_went_in(detector):
    memory = learned(detector)
    before = {name: value.copy() for name, value in memory.items()}
    judge(detector, memory, np.full(3, 2.0))
    for name, value in before.items():
        np.testing.assert_array_equal(memory[name], value)


def test_restarting_leaves_no_evidence_and_all_that_was_learned(detector):
    memory = learned(detector)
    moved = judge(detector, memory, np.full(3, 9.0), is_frozen=True).memory
    fresh, again = (
        judge(detector, each, np.zeros(3), at=101) for each in (memory, detector.restart(moved, PLAN))
    )
    assert again.log_e == pytest.approx(fresh.log_e, abs=1.0)
    assert detector.windows_needed(detector.restart(moved, PLAN), PLAN, bucket=0) == 0


def test_what_a_detector_knows_are_arrays(detector):
    memory = judge(detector, learned(detector), np.zeros(3)).memory
    assert all(isinstance(value, np.ndarray) for value in memory.values())
