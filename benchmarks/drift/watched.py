"""A release that is watched in a folder: rows become windows, windows are weighed, labels come late.

Leaves to others: which rows (`benchmarks.drift.census`, `benchmarks.drift.questions`).
Always: store, journal, watcher and review batches are the library's, on a disk; nothing is looked at before
its window is closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from smallcraft.data.profiles.keeping import RowKeeper
from smallcraft.data.profiles.kept import KeepLimits
from smallcraft.data.profiles.measuring import measure_rows
from smallcraft.data.profiles.packing import Seen
from smallcraft.data.profiles.profile import SliceName
from smallcraft.data.profiles.rows import Rows
from smallcraft.observe.alarms import Alarm, Closing, Ending
from smallcraft.observe.detectors import BUILTIN
from smallcraft.observe.group_risk import Labelled
from smallcraft.observe.journal import Journal
from smallcraft.observe.judging import WatchedRelease
from smallcraft.observe.reviewing import review_alarm
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.store import WindowStore
from smallcraft.observe.triggers import Action
from smallcraft.observe.watching import Watched, Watcher
from smallcraft.observe.window_rows import to_stored
from smallcraft.observe.windows import WindowName

PERSON = "Ada"


@dataclass
class WatchedFolder:
    """A release, its windows and its watcher; use it in a `with`.

    Attributes:
        release: What is watched.
        settings: As declared.
        folder: An empty one.
        seed: Draws the rows that are kept.
        paged: Alarms that somebody was woken for, in order.
    """

    release: WatchedRelease
    settings: WatchSettings
    folder: Path
    seed: int = 0
    paged: list[Alarm] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Open the journal."""
        self.store = WindowStore(self.folder / "windows")
        self.journal = Journal(self.folder / "journal")
        self._watcher = Watcher(
            self.release,
            self.journal,
            self.store,
            settings=self.settings,
            detector=BUILTIN[self.settings.detector],
            actions=self._actions(),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.journal.close()

    def close_window(self, at: int, rows: Rows) -> Watched:
        """Store the rows of a window, and look.

        Args:
            at: Number of the window since 1970.
            rows: As they were answered.
        """
        self.store_window(at, rows)
        return self.look()

    def look(self) -> Watched:
        """Weigh what was stored since the last look."""
        return self._watcher.look()

    def store_window(self, at: int, rows: Rows) -> None:
        """Store the rows of a window, and do not look yet.

        Args:
            at: Number of the window since 1970.
            rows: As they were answered.
        """
        name = WindowName(at * self.settings.window_s, self.settings.window_s, self.release.label)
        measured = measure_rows(rows, self.release.reference.measures)
        keeper = RowKeeper(KeepLimits(), rng=np.random.default_rng([self.seed, at]))
        kept = keeper.keep(SliceName(self.release.label), rows, measured.distances)
        self.store.append(to_stored(name, Seen(measured.profile, kept), (f"part-{at}",)))
        self.store.compact(name.month)

    def take_labels(self, at: int, labelled: Sequence[Labelled]) -> Watched:
        """Take in labels that came in a window.

        Args:
            at: Number of that window.
            labelled: Of windows before.
        """
        return self._watcher.take_labels(tuple(labelled), at_s=at * self.settings.window_s)

    def close_alarm(self, alarm: Alarm, at: int, *, accepted: bool) -> None:
        """Close an alarm by a person.

        Args:
            alarm: An open one.
            at: Number of the window it is closed in.
            accepted: Whether what is seen now is the new normal; else nothing had changed.
        """
        ending = Ending.ACCEPTED if accepted else Ending.FALSE
        closing = Closing(at * self.settings.window_s, PERSON, ending=ending)
        self._watcher.close_alarm(alarm.id, closing)

    def outcomes(self) -> Mapping[int, str]:
        """What each window led to, by its number."""
        return {each.start_s // self.settings.window_s: each.outcome for each in self.journal.weighed()}

    def _actions(self) -> dict[str, Action]:
        def review(alarm: Alarm) -> str:
            return review_alarm(alarm, self.store, folder=self.folder / "review", settings=self.settings)

        def page(alarm: Alarm) -> str:
            self.paged.append(alarm)
            return "woken"

        return {"review": review, "page": page}
