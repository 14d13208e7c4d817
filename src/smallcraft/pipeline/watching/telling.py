"""Where watching stands: each release's last window, what is open, and what would settle the rest.

Leaves to others: looking (`pipeline.watching.watch`), how it is shown (`cli.show_watch`).
Always: what was not weighed is told as such; only alarms that are open and not known to be benign fail a
script.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smallcraft.canonical import plain
from smallcraft.observe.alarm_form import alarm_form
from smallcraft.observe.alarms import Alarm, HarmVerdict
from smallcraft.observe.journal import Journal
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.store import WindowStore
from smallcraft.observe.windows import EVERYTHING


@dataclass(frozen=True)
class ReleaseStatus:
    """Where one release stands.

    Attributes:
        release: Such as `helpdesk@3`.
        windows: That were weighed.
        last_start_s: Begin of the last one, seconds since 1970 UTC; None before the first.
        outcome: Of that one: `quiet`, `alarm`, `undecided`, `recovered`, `empty`; None before the first.
        needs: What an undecided one lacks; empty for others.
        log_e: Logarithm of the evidence now; None where there is none.
        open_alarms: How many nobody closed.
    """

    release: str
    windows: int
    last_start_s: int | None
    outcome: str | None
    needs: str
    log_e: float | None
    open_alarms: int


@dataclass(frozen=True)
class WatchStatus:
    """Where a project stands.

    Attributes:
        releases: That have windows.
        alarms: All of them, oldest first.
        budget: False alarms a month.
        log_level: Logarithm of the evidence that raises an alarm.
        unwatched: Label to the reason that its windows are not weighed.
        refused: Files that cannot be used, with the reason.
    """

    releases: tuple[ReleaseStatus, ...]
    alarms: tuple[Alarm, ...]
    budget: float
    log_level: float
    unwatched: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """2 with an open alarm that is not benign, 1 with a refused file, 3 before an alarm is possible."""
        is_open = [alarm for alarm in self.alarms if alarm.is_open]
        if any(alarm.harm.verdict is not HarmVerdict.BENIGN for alarm in is_open):
            return 2
        if self.refused:
            return 1
        return 0 if self._is_watched() else 3

    def _is_watched(self) -> bool:
        """Whether an alarm is possible for whatever answers now; a release that answered before is done."""
        models = {_model(release.release) for release in self.releases}
        if not models or any(_model(label) not in models for label in self.unwatched):
            return False
        last = {model: max(map(_last, self._of(model))) for model in models}
        now = [release for release in self.releases if _last(release) == last[_model(release.release)]]
        return all(release.outcome not in (None, "undecided") for release in now)

    def _of(self, model: str) -> list[ReleaseStatus]:
        return [release for release in self.releases if _model(release.release) == model]

    def as_json(self) -> dict[str, Any]:
        """For scripts; its schema is `docs/schemas/watch.json`."""
        return {
            "format": 1,
            "releases": plain(self.releases),
            "alarms": [alarm_form(alarm) for alarm in self.alarms],
            "budget": self.budget,
            "log_level": self.log_level,
            "unwatched": dict(self.unwatched),
            "refused": list(self.refused),
        }


def tell_watch(
    journal: Journal,
    store: WindowStore,
    settings: WatchSettings,
    *,
    unwatched: Mapping[str, str],
    refused: tuple[str, ...] = (),
) -> WatchStatus:
    """Where a project stands.

    Args:
        journal: Open.
        store: Of its windows.
        settings: As declared.
        unwatched: Of the last look.
        refused: Of the last look.
    """
    alarms = journal.alarms()
    return WatchStatus(
        tuple(_release(journal, alarms, label) for label in store.releases() if label not in unwatched),
        alarms,
        settings.false_alarms_per_month,
        settings.log_level,
        unwatched,
        refused,
    )


def _model(label: str) -> str:
    return label.partition("@")[0]


def _last(release: ReleaseStatus) -> int:
    return -1 if release.last_start_s is None else release.last_start_s


def _release(journal: Journal, alarms: tuple[Alarm, ...], label: str) -> ReleaseStatus:
    weighed = [one for one in journal.weighed(release=label) if one.segment == EVERYTHING]
    last = weighed[-1] if weighed else None
    return ReleaseStatus(
        release=label,
        windows=len(weighed),
        last_start_s=None if last is None else last.start_s,
        outcome=None if last is None else last.outcome,
        needs="" if last is None else last.needs,
        log_e=None if last is None else last.log_e,
        open_alarms=sum(alarm.is_open and alarm.release == label for alarm in alarms),
    )
