"""What is watched and how: the declared `[watch]` as values, and what follows from them.

Leaves to others: reading the project file (`pipeline`).
Always: the level is derived from the budget; nobody states a threshold of evidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from smallcraft.errors import InvalidInputError
from smallcraft.observe.windows import BUCKETS

TRIGGERS = ("review", "page", "freeze")
# The mean length of a month.
MONTH_S = 30.436875 * 86_400
_LONGEST_S = 7 * 86_400


@dataclass(frozen=True)
class WatchSettings:
    """How a release is watched.

    Attributes:
        window_s: Length of a window in seconds; a day is a multiple of it, or it of a day.
        season: `hour_of_day`, `day_of_week`, `hour_of_week`, or None.
        false_alarms_per_month: The budget B, over all columns, statistics and segments together.
        tolerance_sd: Shifts below it do not matter, in standard deviations of the reference.
        columns: Weight of each column, where importance goes; those not named weigh 1, the projections of
            an embedding together. 0 leaves one out.
        detector: Name in `observe/detectors`.
        triggers: What happens on an alarm: `review`, `page`, `freeze`.
        rows_for_review: Size of a review batch.
        has_segments: Whether segments are watched each by itself too; the budget is shared with them.
        seed: Of the ranks that ties are broken by, and of the random rows of a batch.
    """

    window_s: int = 3600
    season: str | None = None
    false_alarms_per_month: float = 0.1
    tolerance_sd: float = 0.05
    columns: Mapping[str, float] = field(default_factory=dict)
    detector: str = "conformal"
    triggers: tuple[str, ...] = ("review",)
    rows_for_review: int = 200
    has_segments: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        _check_time(self)
        if not 0 < self.false_alarms_per_month < self.windows_per_month:
            raise InvalidInputError(
                f"false_alarms_per_month must lie between 0 and the {self.windows_per_month:.0f} windows of a"
                f" month, got {self.false_alarms_per_month}; 0.1 is one false alarm in ten months"
            )
        if self.tolerance_sd < 0 or not math.isfinite(self.tolerance_sd):
            raise InvalidInputError(
                f"tolerance_sd must be at least 0, got {self.tolerance_sd}; 0.05 is usual"
            )
        bad = {name: weight for name, weight in self.columns.items() if not 0 <= weight < math.inf}
        if bad:
            raise InvalidInputError(
                f"weights of columns must be at least 0, got {bad}; 0 leaves a column out"
            )
        unknown = [trigger for trigger in self.triggers if trigger not in TRIGGERS]
        if unknown:
            raise InvalidInputError(f"triggers are {', '.join(TRIGGERS)}, got {', '.join(unknown)}")
        if self.rows_for_review < 1:
            raise InvalidInputError(f"rows_for_review must be at least 1, got {self.rows_for_review}")

    @property
    def windows_per_month(self) -> float:
        """T, the number of windows in a month of mean length."""
        return MONTH_S / self.window_s

    @property
    def log_level(self) -> float:
        """Logarithm of `c = T/B`, which the evidence must reach.

        >>> round(math.exp(WatchSettings(false_alarms_per_month=0.1).log_level))
        7305
        """
        return math.log(self.windows_per_month / self.false_alarms_per_month)


def _check_time(settings: WatchSettings) -> None:
    window_s = settings.window_s
    if not 1 <= window_s <= _LONGEST_S or (86_400 % window_s and window_s % 86_400):
        raise InvalidInputError(
            f"a window must divide a day, or be one or several days up to a week, got"
            f" {window_s} s; 1h is usual"
        )
    if settings.season is not None and settings.season not in BUCKETS:
        raise InvalidInputError(
            f"season is one of {', '.join(BUCKETS)}, got {settings.season!r}; leave it out for none"
        )
    if settings.season in ("hour_of_day", "hour_of_week") and window_s > 3600:
        raise InvalidInputError(
            f"season {settings.season} wants windows of an hour or less, got {window_s} s; take day_of_week"
        )
