"""`smallcraft watch`: windows that are over are collected, weighed, told; alarms closed, labels taken in.

1. what servers wrote, or files hold, becomes windows of the store
2. the windows of each release are weighed against its reference
3. labels that are known are weighed as losses
4. alarms set off what `[watch]` says: a batch to label, a page, a rollout that freezes

Leaves to others: the guardrail and its alarms (`observe`), where things are (`pipeline.watching.project`),
what is asked of the past (`pipeline.watching.past`).
Always: killed anywhere, the next look goes on; a release without a reference is told and not watched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from smallcraft.canonical import digest_value
from smallcraft.errors import ConfigError, NotFoundError
from smallcraft.observe.alarms import Alarm, Closing, Ending
from smallcraft.observe.collecting import Collected, collect
from smallcraft.observe.detectors import BUILTIN
from smallcraft.observe.group_risk import Labelled
from smallcraft.observe.journal import Journal
from smallcraft.observe.judging import WatchedRelease
from smallcraft.observe.quantities import Detector
from smallcraft.observe.store import WindowStore
from smallcraft.observe.watching import Watched, Watcher
from smallcraft.observe.windows import EVERYTHING
from smallcraft.pipeline.baseline import Baseline
from smallcraft.pipeline.config import FILE_NAME, Config, load_config
from smallcraft.pipeline.usual_release import usual_reference
from smallcraft.pipeline.watching.actions import WatchActions
from smallcraft.pipeline.watching.files import FilesRead, read_watched_files
from smallcraft.pipeline.watching.files_done import read_done, write_done
from smallcraft.pipeline.watching.project import WatchPlaces, baseline_of_release, watched_release
from smallcraft.pipeline.watching.reference import FilesReference, reference_of_files
from smallcraft.pipeline.workspace import open_registry
from smallcraft.plugins import find_plugin

Clock = Callable[[], float]
_ANEW = "[watch] was changed, so guardrails begin anew; windows, alarms and labels stay"
# For a page to arrive, where nobody looks again soon.
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Looked:
    """What a look at a project led to.

    Attributes:
        windows: How many were stored.
        releases: Label to what was weighed, raised, closed and could not be told.
        unwatched: Label to the reason that its windows are not weighed.
        notes: What a person should know: damaged parts, rows without a time.
        refused: Files that cannot be used, with the reason and the remedy.
    """

    windows: int = 0
    releases: Mapping[str, Watched] = field(default_factory=dict)
    unwatched: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def raised(self) -> tuple[Alarm, ...]:
        """Alarms that are new, of all releases."""
        return tuple(alarm for found in self.releases.values() for alarm in found.raised)

    @property
    def closed(self) -> tuple[Alarm, ...]:
        """Alarms that recovery closed."""
        return tuple(alarm for found in self.releases.values() for alarm in found.closed)


class ProjectWatch:
    """Watches one project; use it in a `with`.

    Args:
        project: Its folder, or the project file.
        clock: Wall time, seconds since 1970 UTC.
        state: The server's folder, whose rollout an alarm may freeze; None for the usual one.

    Raises:
        ConfigError: The project file says something not understood.
        IntegrityError: The journal is damaged.
    """

    def __init__(self, project: Path, *, clock: Clock = time.time, state: Path | None = None) -> None:
        self.config: Config = load_config(project)
        self.places = WatchPlaces(self.config.folder)
        self.settings = self.config.watch.settings(seed=self.config.seed)
        self.store = WindowStore(self.places.store)
        self.journal = Journal(self.places.root)
        self._project, self._clock = project, clock
        self._actions = WatchActions(
            project,
            self.places,
            self.store,
            settings=self.settings,
            webhook=self.config.watch.webhook,
            clock=clock,
            state=state,
        )
        self._watchers: dict[str, Watcher] = {}
        self._files: FilesReference | None = None

    def look(self) -> Looked:
        """Weigh what is new.

        Raises:
            ConfigError: Nothing says what to watch.
            IntegrityError: Stored bytes are damaged.
            OSError: The disk refused; look again.
        """
        if "watch" not in self.config.model_fields_set:
            raise ConfigError(
                f"{self.config.folder / FILE_NAME} has no [watch] section, so no windows are written; add "
                "one, even an empty one, and serve a release or name files in it"
            )
        with self.places.locked():
            return self._look()

    @property
    def detector(self) -> Detector:
        """The one that is declared."""
        return find_plugin("detectors", self.settings.detector, BUILTIN)

    def take_labels(self, label: str, rows: tuple[Labelled, ...]) -> Watched:
        """Take in labels of answers that a release gave.

        Args:
            label: Such as `helpdesk@3`.
            rows: Those that were taken in before are passed over.

        Raises:
            NotFoundError: The release has no reference.
            InvalidInputError: It has no baseline.
        """
        return self.watcher(label).take_labels(rows, at_s=int(self._clock()))

    def close_alarm(self, alarm: Alarm, *, by: str, because: str, ending: Ending) -> Alarm:
        """Close an alarm by a person.

        Args:
            alarm: Open.
            by: Who.
            because: Why.
            ending: What it was about.

        Raises:
            NotFoundError: Its release is not there any more.
            InvalidInputError: It is closed already.
        """
        closing = Closing(int(self._clock()), by, because, ending)
        return self.watcher(alarm.release).close_alarm(alarm.id, closing)

    def settle(self, *, within_s: float = _PATIENCE_S) -> Mapping[str, str]:
        """Wait for pages under way, and note those that arrived.

        Returns:
            Trigger to the reason that it did not go through.
        """
        if not self._actions.wait(timeout_s=within_s):
            return {"page": f"the receiver took nothing within {within_s:g} s"}
        failed: dict[str, str] = {}
        for watcher in self._watchers.values():
            failed |= watcher.tell()
        return failed

    def of_files(self) -> FilesReference:
        """What files are held against, read once.

        Raises:
            ConfigError: Windows were held against another file before.
            Errors: Those of `reference_of_files`.
        """
        if self._files is None:
            found = reference_of_files(self.config, self._project)
            found.check_kept(read_done(self.places.root).reference)
            self._files = found
        return self._files

    def baseline(self, label: str) -> Baseline:
        """What a release promised of its losses.

        Raises:
            NotFoundError: There is no such release, or it promised nothing.
            IntegrityError: A stored byte is not what was recorded.
        """
        if self.config.watch.files is not None and self.of_files().release.label == label:
            found = self.of_files().asked.baseline
        else:
            found = baseline_of_release(open_registry(self._project).find(label))
        if found is None:
            raise NotFoundError(
                f"{label} says nothing of how often it is wrong, so losses cannot be held against it; build "
                "and release it again"
            )
        return found

    def watcher(self, label: str) -> Watcher:
        """Of one release.

        Raises:
            NotFoundError: It has no reference.
            IntegrityError: A stored byte is not what was recorded.
        """
        if label not in self._watchers:
            self._watchers[label] = Watcher(
                self._watched(label),
                self.journal,
                self.store,
                settings=self.settings,
                detector=self.detector,
                actions=self._actions.by_trigger,
            )
        return self._watchers[label]

    def close(self) -> None:
        """Give up pages under way, and close the journal."""
        self._actions.close()
        self.journal.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _look(self) -> Looked:
        is_anew = self.journal.begin_anew(digest_value(self._declared()))
        files = self._read_files()
        collected = self._collect()
        releases: dict[str, Watched] = {}
        unwatched: dict[str, str] = {}
        for label in self.store.releases():
            try:
                releases[label] = self.watcher(label).look()
            except NotFoundError as error:
                unwatched[label] = str(error)
        if files.labelled:
            label = self.of_files().release.label
            releases[label] = _both(releases[label], self._take_by_window(label, files.labelled))
        if self.config.watch.files is not None:
            # Last, so that a kill before it loses nothing: files are read again, and count once.
            write_done(self.places.root, files.done)
        return Looked(
            windows=len(files.windows) + len(collected.windows),
            releases=releases,
            unwatched=unwatched,
            notes=(*(_ANEW,) * is_anew, *files.notes, *collected.damaged),
            refused=files.refused,
        )

    def _declared(self) -> Mapping[str, object]:
        """What a guardrail rests on: evidence under other settings says nothing under these."""
        chosen = asdict(self.settings)
        for name in ("triggers", "rows_for_review"):
            del chosen[name]
        return {**chosen, "harm_tolerance": self.config.watch.harm_tolerance}

    def _read_files(self) -> FilesRead:
        if self.config.watch.files is None:
            return FilesRead()
        if self._files is not None and self._is_replaced(self._files):
            self._files = None
        files = self.of_files()
        done = replace(read_done(self.places.root), reference=files.digest)
        return read_watched_files(
            self.config,
            files.asked,
            self.store,
            done=done,
            now_s=self._clock(),
            weighed_s=self.journal.last_weighed(files.release.label, EVERYTHING),
        )

    def _collect(self) -> Collected:
        if self.config.watch.files is not None or not self.places.parts.is_dir():
            return Collected(())
        return collect(self.places.parts, self.store, now_s=self._clock())

    def _is_replaced(self, files: FilesReference) -> bool:
        """Whether another release is the usual one by now."""
        if files.asked.bundle is None:
            return False
        registry = open_registry(self._project)
        usual = registry.find(usual_reference(registry, self._project))
        return usual.entry.label != files.release.label

    def _watched(self, label: str) -> WatchedRelease:
        if self.config.watch.files is not None and self.of_files().release.label == label:
            return self.of_files().release
        stored, watch = open_registry(self._project).find(label), self.config.watch
        return watched_release(stored, tolerance=watch.harm_tolerance, season=watch.season_name)

    def _take_by_window(self, label: str, rows: tuple[Labelled, ...]) -> Watched:
        """Labels of files, window by window, as they would have come."""
        by_start: dict[int, list[Labelled]] = {}
        for row in rows:
            by_start.setdefault(row.start_s, []).append(row)
        told, watcher = Watched(), self.watcher(label)
        for start, some in sorted(by_start.items()):
            at_s, is_last = start + self.settings.window_s, start == max(by_start)
            told = _both(told, watcher.take_labels(tuple(some), at_s=at_s, judges=is_last))
        return told


def _both(one: Watched, other: Watched) -> Watched:
    return Watched(
        (*one.weighed, *other.weighed),
        (*one.raised, *other.raised),
        (*one.closed, *other.closed),
        {**one.failed, **other.failed},
    )
