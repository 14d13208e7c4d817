"""When is a machine too noisy to measure time?"""

from __future__ import annotations

import pytest
from benchmarks.machine import NoiseFloor, measure_noise

QUIET = {"ratio": 1.0, "low": 0.99, "high": 1.01, "spread": 1.05, "waiting": 1.0}


@pytest.mark.parametrize(
    ("what", "is_noisy"),
    [
        ({}, False),
        ({"low": 1.001}, True),
        ({"high": 0.999}, True),
        ({"spread": 1.3}, True),
        ({"waiting": 1.2}, True),
    ],
)
def test_a_ratio_that_excludes_one_or_a_wide_spread_or_waiting_is_noise(what, is_noisy):
    floor = NoiseFloor(**(QUIET | what))
    assert floor.is_noisy is is_noisy
    assert floor.sentence().startswith("NOISY" if is_noisy else "quiet")


def test_the_bounds_of_a_real_comparison_contain_its_ratio():
    found = measure_noise()
    assert found.low <= found.ratio <= found.high
    assert found.spread >= 1
