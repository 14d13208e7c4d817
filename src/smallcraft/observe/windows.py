"""Windows as they are stored: what was seen of one release and segment in one time slice, a blob a column.

Leaves to others: what is in a blob (`data.profiles`), files (`observe.store`).
Always: two windows of one slice add up only when no part is in both; a part counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from smallcraft.errors import InvalidInputError

EVERYTHING = "all"


@dataclass(frozen=True, slots=True, order=True)
class WindowName:
    """Which slice: windows of one name are about the same rows.

    Attributes:
        start_s: Begin, in whole seconds since 1970 UTC; a multiple of `seconds`.
        seconds: Length.
        release: Such as `helpdesk@3`.
        segment: Value of the segment column; `all` where there is none.
    """

    start_s: int
    seconds: int
    release: str
    segment: str = EVERYTHING

    def __post_init__(self) -> None:
        if self.seconds < 1 or self.start_s % self.seconds:
            raise InvalidInputError(
                f"a window begins at a multiple of its length, got {self.start_s} s with {self.seconds} s;"
                " round the begin down"
            )

    @property
    def end_s(self) -> int:
        """The first second that is no longer in it."""
        return self.start_s + self.seconds

    @property
    def month(self) -> str:
        """Of its begin, in UTC, such as `2026-11`."""
        return month_of(self.start_s)


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """One window, or a later correction of one.

    Attributes:
        name: Which slice.
        n: Rows that were seen.
        columns: Blob of each column's profile.
        parts: Names of the parts that were merged into it, sorted; what makes it count once.
    """

    name: WindowName
    n: int
    columns: Mapping[str, bytes]
    parts: tuple[str, ...]


def month_of(time_s: float) -> str:
    """The month in UTC that a time lies in.

    >>> month_of(0)
    '1970-01'
    """
    return datetime.fromtimestamp(time_s, tz=UTC).strftime("%Y-%m")


def shown_time(time_s: float) -> str:
    """A time as people read it, in UTC.

    >>> shown_time(3600)
    '1970-01-01 01:00'
    """
    return datetime.fromtimestamp(time_s, tz=UTC).strftime("%Y-%m-%d %H:%M")


def season_bucket(start_s: int, season: str | None) -> int:
    """Which place of the season a window stands in.

    Args:
        start_s: Its begin, seconds since 1970 UTC.
        season: `hour_of_day`, `hour_of_week`, `day_of_week`, or None for no season.

    Raises:
        InvalidInputError: Another season.

    >>> season_bucket(3600, "hour_of_day"), season_bucket(3600, None)
    (1, 0)
    """
    if season is None:
        return 0
    if season not in BUCKETS:
        raise InvalidInputError(f"season is one of {', '.join(BUCKETS)}, got {season!r}; or leave it out")
    moment = datetime.fromtimestamp(start_s, tz=UTC)
    if season == "hour_of_day":
        return moment.hour
    return moment.weekday() if season == "day_of_week" else moment.weekday() * 24 + moment.hour


BUCKETS: Mapping[str, int] = {"hour_of_day": 24, "hour_of_week": 168, "day_of_week": 7}
CYCLES_S: Mapping[str, int] = {"hour_of_day": 86_400, "hour_of_week": 604_800, "day_of_week": 604_800}
