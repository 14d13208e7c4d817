"""What may be declared, and the level that follows from the budget."""

from __future__ import annotations

import math

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.settings import WatchSettings


def test_the_level_is_windows_over_budget():
    settings = WatchSettings(window_s=3600, false_alarms_per_month=0.1)
    assert math.exp(settings.log_level) == pytest.approx(settings.windows_per_month / 0.1)
    assert WatchSettings(false_alarms_per_month=0.01).log_level > settings.log_level


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"window_s": 7000}, "divide a day"),
        ({"window_s": 0}, "divide a day"),
        ({"season": "month"}, "hour_of_day"),
        ({"season": "hour_of_day", "window_s": 86_400}, "day_of_week"),
        ({"false_alarms_per_month": 0}, "0.1 is one false alarm in ten months"),
        ({"false_alarms_per_month": 1e6}, "false_alarms_per_month"),
        ({"tolerance_sd": -1}, "tolerance_sd"),
        ({"columns": {"age": -1}}, "0 leaves a column out"),
        ({"triggers": ("mail",)}, "review, page, freeze"),
        ({"rows_for_review": 0}, "rows_for_review"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_remedy(given, said):
    with pytest.raises(InvalidInputError, match=said):
        WatchSettings(**given)
