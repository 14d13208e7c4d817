"""Settings of windows: what cannot be done is refused with its name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.serve.windows.settings import WindowSettings, check_windows, read_windows, write_windows

USUAL = WindowSettings(Path("/somewhere"))


@pytest.mark.parametrize(
    "settings", [None, USUAL, replace(USUAL, references=Path("/there"), segment="region")]
)
def test_settings_are_read_as_they_were_written(settings):
    assert read_windows(json.loads(json.dumps(write_windows(settings)))) == settings


def test_the_usual_settings_are_fine():
    check_windows(USUAL)
    check_windows(replace(USUAL, seconds=7 * 86_400))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": 7}, "divides a day, or whole days, got 7 s; write 3600"),
        ({"seconds": 0}, "divides a day"),
        ({"most_segments": 0}, "must be 1 or more, got 0"),
        ({"rows_per_second": 0}, "must be 1 or more"),
        ({"flush_s": 0.0}, "flush_s must be above 0"),
        ({"seconds": 1, "flush_s": 2.0}, "at most a window's 1 s, got 2.0"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(change, message):
    with pytest.raises(InvalidInputError, match=message):
        check_windows(replace(USUAL, **change))
