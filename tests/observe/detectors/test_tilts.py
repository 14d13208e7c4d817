"""Evidence of rows adds up window by window, of columns by their weights."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.observe.detectors.tilts import TiltsDetector
from smallcraft.observe.quantities import WatchPlan

PLAN = WatchPlan(("kl", "tilt", "tilt"), np.array([0.5, 0.3, 0.2]), np.arange(3, dtype=np.uint64), 8.9)


def test_evidence_adds_up_and_other_numbers_count_for_nothing():
    detector = TiltsDetector()
    memory = detector.begin(PLAN)
    for at in range(3):
        step = detector.judge(memory, np.array([99.0, 2.0, np.nan]), PLAN, bucket=0, at=at, is_frozen=False)
        memory = step.memory
    level = np.log(np.exp(2) + np.exp(4) + np.exp(6))
    assert step.log_e == pytest.approx(np.log(0.6 * np.exp(level) + 0.4 * 3), rel=1e-9)
    assert int(np.argmax(step.log_es)) == 1
    assert step.began_at == 0


def test_nothing_to_add_up_is_no_evidence():
    plan = WatchPlan(("kl",), np.ones(1), np.zeros(1, dtype=np.uint64), 8.9)
    detector = TiltsDetector()
    step = detector.judge(detector.begin(plan), np.array([50.0]), plan, bucket=0, at=0, is_frozen=False)
    assert step.log_e < 8.9
