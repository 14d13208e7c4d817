"""`[watch]` of the project file: what is watched in production, how, and what an alarm sets off.

Leaves to others: what the settings do (`observe.settings`, `serve.windows.settings`), the columns of files
that are watched (`pipeline.watching.rows`).
Always: what is not said here has the guardrail's own default; a section that was read can be watched by.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from smallcraft.errors import ConfigError, InvalidInputError
from smallcraft.observe.detectors import BUILTIN as DETECTORS
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.webhooks import Webhook
from smallcraft.pipeline.sections import Column, Fraction, Positive, Section
from smallcraft.plugins import find_plugin
from smallcraft.serve.windows.settings import WindowSettings

_DEFAULT = WatchSettings()
_FLUSH_S = 5.0
_SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
Weight = Annotated[float, Field(ge=0)]
Trigger = Literal["review", "page", "freeze"]


def _known_detector(name: str) -> str:
    find_plugin("detectors", name, DETECTORS)
    return name


class WatchSection(Section):
    """How production is watched."""

    window: Annotated[
        str, Field(pattern=r"^[1-9][0-9]*[smhd]$", description="a length of time such as 30m or 1h")
    ] = "1h"
    season: Literal["none", "hour_of_day", "day_of_week", "hour_of_week"] = "none"
    false_alarms_per_month: Positive = _DEFAULT.false_alarms_per_month
    tolerance_sd: Weight = _DEFAULT.tolerance_sd
    columns: dict[Column, Weight] = Field(default_factory=dict)
    detector: Annotated[str, AfterValidator(_known_detector)] = _DEFAULT.detector
    triggers: tuple[Trigger, ...] = ("review",)
    rows_for_review: Annotated[int, Field(ge=1)] = _DEFAULT.rows_for_review
    harm_tolerance: Fraction = 0.02
    segment: Column | None = None
    keep_examples: bool = True
    webhook: str | None = None
    files: str | None = None
    reference: str | None = None
    time: Column | None = None
    prediction: Column | None = None
    confidence: Column | None = None

    @model_validator(mode="after")
    def _can_be_watched_by(self) -> WatchSection:
        try:
            self.settings(seed=0)
            if self.webhook is not None:
                Webhook(self.webhook)
        except InvalidInputError as error:
            raise ConfigError(str(error)) from error
        if "page" in self.triggers and self.webhook is None:
            raise ConfigError('trigger "page" wants an address to post to; add webhook = "https://..."')
        return self

    @model_validator(mode="after")
    def _files_stand_together(self) -> WatchSection:
        for name in ("reference", "time", "prediction", "confidence"):
            if getattr(self, name) is not None and self.files is None:
                raise ConfigError(
                    f'{name} is about the files that are watched, and there are none; add files = "in/*.csv"'
                    ", or take it out: a server's answers are known without it"
                )
        if self.confidence is not None and self.prediction is None:
            raise ConfigError("confidence is that of predictions; add prediction = the column that has them")
        if self.prediction is not None and self.reference is None:
            raise ConfigError(
                "predictions that stand in files are held against those of a file from before; "
                'add reference = "before.csv", with the same columns'
            )
        return self

    @property
    def window_s(self) -> int:
        """Length of a window in seconds."""
        return int(self.window[:-1]) * _SECONDS[self.window[-1]]

    @property
    def season_name(self) -> str | None:
        """The season; None for none."""
        return None if self.season == "none" else self.season

    def settings(self, *, seed: int) -> WatchSettings:
        """What a guardrail is told.

        Args:
            seed: Of the project.
        """
        return WatchSettings(
            window_s=self.window_s,
            season=self.season_name,
            false_alarms_per_month=self.false_alarms_per_month,
            tolerance_sd=self.tolerance_sd,
            columns=self.columns,
            detector=self.detector,
            triggers=self.triggers,
            rows_for_review=self.rows_for_review,
            has_segments=self.segment is not None,
            seed=seed,
        )

    def windows(self, folder: Path, *, references: Path, seed: int) -> WindowSettings:
        """What a server that feeds windows is told.

        Args:
            folder: Where windows are written.
            references: Where the references of what is served are.
            seed: Of the project.
        """
        return WindowSettings(
            folder=folder,
            seconds=self.window_s,
            segment=self.segment,
            references=references,
            keep_examples=self.keep_examples,
            seed=seed,
            flush_s=min(_FLUSH_S, self.window_s),
        )
