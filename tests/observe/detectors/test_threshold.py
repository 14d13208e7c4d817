"""The plain rule: it fires where a value is above the threshold, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.observe.detectors.threshold import ThresholdDetector
from smallcraft.observe.quantities import WatchPlan

PLAN = WatchPlan(("kl", "shift", "kl"), np.array([0.5, 0.5, 0.0]), np.arange(3, dtype=np.uint64), 8.9)


@pytest.mark.parametrize(
    ("values", "fires"),
    [
        ([0.06, 0, 0], True),
        ([0.05, 0, 0], False),
        ([0, 9, 0], False),
        ([0, 0, 9], False),
        ([np.nan, 0, 0], False),
    ],
)
def test_it_fires_by_its_statistic_alone(values, fires):
    detector = ThresholdDetector(threshold=0.05)
    step = detector.judge({}, np.array(values, dtype=float), PLAN, bucket=0, at=3, is_frozen=False)
    assert (step.log_e >= PLAN.log_level) is fires
    assert step.began_at == 3


def test_it_says_that_it_has_no_evidence():
    assert not ThresholdDetector().has_evidence
