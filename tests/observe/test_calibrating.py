"""Calibration: months drawn from the past, with the alarms that they would have raised."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.calibrating import calibrate, draw_windows
from smallcraft.observe.detectors import BUILTIN
from smallcraft.observe.detectors.threshold import ThresholdDetector
from smallcraft.observe.quantities import Quantity, Reading
from smallcraft.observe.settings import WatchSettings
from smallcraft.records import Outcome

HOUR = 3600
QUANTITIES = (Quantity("age", "shift"), Quantity("age", "kl"))
# Days of four windows make months short.
SETTINGS = WatchSettings(window_s=6 * HOUR, false_alarms_per_month=0.1)


def past(n: int, *, window_s: int = 6 * HOUR) -> list[Reading]:
    rng = np.random.default_rng(1)
    return [
        Reading(at * window_s, 0, 100, dict(zip(QUANTITIES, rng.normal(size=2).tolist(), strict=True)))
        for at in range(n)
    ]


def test_the_guardrail_holds_its_budget_and_says_what_dummies_would_do():
    found = calibrate(past(240), BUILTIN["conformal"], SETTINGS, months=6)
    # 0.6 alarms are allowed in six months.
    assert found.outcome is not Outcome.FAIL
    assert found.alarms <= 2
    assert (found.always_fires, found.never_fires) == (122.0, 0.0)
    assert found.interval.low <= found.alarms_per_month <= found.interval.high
    assert f"{found.alarms} alarms in 6 months" in found.sentence


def test_a_rule_that_fires_by_chance_breaks_it():
    found = calibrate(past(240), ThresholdDetector(threshold=2.0), SETTINGS, months=3)
    assert found.outcome is Outcome.FAIL
    assert found.alarms_per_month > 1


def test_the_seed_decides_the_draw():
    drawn = [
        draw_windows(past(100), 50, settings=SETTINGS, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_blocks_stay_together_and_windows_follow_each_other():
    values = past(200)
    drawn = draw_windows(values, 100, settings=SETTINGS, rng=np.random.default_rng(0))
    assert [each.start_s for each in drawn] == [at * 6 * HOUR for at in range(1, 101)]
    places = [next(at for at, each in enumerate(values) if each.values == found.values) for found in drawn]
    together = sum(second == first + 1 for first, second in itertools.pairwise(places))
    assert together > 80


def test_a_block_keeps_its_place_in_the_season():
    settings = WatchSettings(season="hour_of_day")
    hours = [Reading(at * HOUR, at % 24, 100, {QUANTITIES[0]: float(at)}) for at in range(24 * 5)]
    drawn = draw_windows(hours, 100, settings=settings, rng=np.random.default_rng(0))
    steps = {(second.bucket - first.bucket) % 24 for first, second in itertools.pairwise(drawn)}
    assert steps == {1}


def test_a_short_past_is_refused():
    with pytest.raises(InvalidInputError, match="at least 48"):
        calibrate(past(10), BUILTIN["conformal"], SETTINGS)
