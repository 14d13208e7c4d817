"""What is asked of what was watched: which alarm, a month beside its budget, whether the budget is kept.

Leaves to others: looking at what is new (`pipeline.watching.watch`).
Always: nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.observe.alarms import RECOVERY, Alarm
from smallcraft.observe.calibrating import Calibration, calibrate
from smallcraft.observe.digest import Digest, digest_month
from smallcraft.observe.journal import Journal
from smallcraft.observe.store import Wanted, WindowStore
from smallcraft.observe.window_rows import Window, over_segments, read_windows
from smallcraft.observe.windows import EVERYTHING, month_of
from smallcraft.pipeline.watching.watch import ProjectWatch

LAST = "last"
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def find_alarm(journal: Journal, name: str) -> Alarm:
    """An alarm by its id, or by a part of it; `last` is the newest.

    Args:
        journal: Open.
        name: Of the alarm.

    Raises:
        NotFoundError: There is no such alarm.
        InvalidInputError: Several are meant.
    """
    alarms = journal.alarms()
    if name == LAST:
        if not alarms:
            raise NotFoundError(
                "no alarm was raised yet; `smallcraft watch status` says where watching stands"
            )
        return alarms[-1]
    found = [alarm for alarm in alarms if alarm.id == name] or [one for one in alarms if name in one.id]
    if len(found) > 1:
        listed = ", ".join(alarm.id for alarm in found[-5:])
        raise InvalidInputError(f"'{name}' stands in the ids of {len(found)} alarms; name one of {listed}")
    return found[0] if found else journal.alarm(name)


def find_release(watching: ProjectWatch, name: str | None = None) -> str:
    """The release that is meant: where none is named, the one whose windows came last.

    Args:
        watching: Of the project.
        name: Such as `helpdesk@3`.

    Raises:
        NotFoundError: There are no windows, or none of that release.
    """
    labels = watching.store.releases()
    if not labels:
        raise NotFoundError(
            f"there are no windows in {watching.places.store} yet; serve a release with a [watch] section in "
            "smallcraft.toml, or watch files"
        )
    if name is not None and name not in labels:
        raise NotFoundError(f"there are no windows of '{name}'; there are those of {', '.join(labels)}")
    return name or max(labels, key=lambda label: watching.journal.last_weighed(label, EVERYTHING) or -1)


def digest_releases(watching: ProjectWatch, *, now_s: float, month: str | None = None) -> tuple[Digest, ...]:
    """A month's alarms beside the budget, of each release that had windows in it.

    Args:
        watching: Of the project.
        now_s: Wall time, seconds since 1970 UTC.
        month: Such as `2026-11`; None for the present one.

    Raises:
        InvalidInputError: That is no month.
    """
    wanted = month or month_of(now_s)
    if not _MONTH.fullmatch(wanted):
        raise InvalidInputError(f"a month is written like 2026-11, got '{wanted}'; leave it out for this one")
    alarms, digests = watching.journal.alarms(), []
    for label in watching.store.releases():
        weighed = [one for one in watching.journal.weighed(release=label) if month_of(one.start_s) == wanted]
        if weighed:
            found = digest_month(
                alarms,
                release=label,
                month=wanted,
                windows=len({one.start_s for one in weighed}),
                undecided=len({one.start_s for one in weighed if one.outcome == "undecided"}),
                budget=watching.settings.false_alarms_per_month,
            )
            digests.append(found)
    return tuple(digests)


def calibrate_release(watching: ProjectWatch, label: str, *, months: int, seed: int) -> Calibration:
    """Replay past windows of a release, drawn anew, and count alarms.

    Windows since an alarm that did not go away by itself are left out: what changed is not chance.

    Args:
        watching: Of the project.
        label: Such as `helpdesk@3`.
        months: How many to draw.
        seed: Of the draw.

    Raises:
        NotFoundError: The release has no reference.
        InvalidInputError: There are too few windows.
    """
    watcher, until_s = watching.watcher(label), _first_change(watching.journal, label)
    past = [
        watcher.reading(window)
        for window in whole_windows(watching.store, label, seconds=watching.settings.window_s)
        if until_s is None or window.name.end_s <= until_s
    ]
    return calibrate(past, watching.detector, watching.settings, months=months, seed=seed)


def whole_windows(store: WindowStore, label: str, *, seconds: int) -> Iterator[Window]:
    """Windows of a release as they were closed, all segments together, oldest first.

    Args:
        store: Of windows.
        label: Of the release.
        seconds: Length of the windows; others are passed over.
    """
    stored = read_windows(store, Wanted(release=label), with_late=False)
    mine = (window for window in stored if window.name.seconds == seconds)
    for _, several in groupby(mine, key=lambda window: window.name.start_s):
        yield over_segments(several)


def _first_change(journal: Journal, label: str) -> int | None:
    """Begin of the oldest alarm that did not go away by itself; None for none."""
    alarms = [alarm for alarm in journal.alarms() if alarm.release == label]
    began = [alarm.began_s for alarm in alarms if alarm.closing is None or alarm.closing.by != RECOVERY]
    return min(began, default=None)
