"""Names of windows, and their places in a season."""

from __future__ import annotations

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.windows import BUCKETS, WindowName, month_of, season_bucket, shown_time

MONDAY_S = 4 * 86_400  # 1970-01-05


def test_a_window_begins_at_a_multiple_of_its_length():
    with pytest.raises(InvalidInputError, match="round the begin down"):
        WindowName(1, 3600, "a@1")


def test_a_window_ends_where_the_next_begins():
    assert WindowName(3600, 3600, "a@1").end_s == WindowName(7200, 3600, "a@1").start_s


@pytest.mark.parametrize(
    ("season", "bucket"), [(None, 0), ("hour_of_day", 5), ("day_of_week", 2), ("hour_of_week", 53)]
)
def test_a_window_stands_in_one_bucket_of_its_season(season, bucket):
    assert season_bucket(MONDAY_S + 2 * 86_400 + 5 * 3600, season) == bucket


@pytest.mark.parametrize("season", sorted(BUCKETS))
def test_a_week_visits_every_bucket(season):
    found = {season_bucket(MONDAY_S + hour * 3600, season) for hour in range(168)}
    assert found == set(range(BUCKETS[season]))


def test_an_unknown_season_is_refused():
    with pytest.raises(InvalidInputError, match="hour_of_day"):
        season_bucket(0, "month_of_year")


def test_times_are_shown_in_utc():
    assert (month_of(MONDAY_S), shown_time(MONDAY_S)) == ("1970-01", "1970-01-05 00:00")
