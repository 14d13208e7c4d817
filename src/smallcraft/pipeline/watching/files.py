"""A folder of files that is watched as a server is: rows by their time become windows of the store.

1. files that are not done yet are looked through: which windows that are over have they rows of
2. one after the other is read; rows that are not in the store yet are answered and measured
3. a window is stored as soon as every file that has rows of it was read, once for all of them
4. rows whose label is known are losses

Leaves to others: weighing windows (`observe.watching`), columns and answers (`pipeline.watching.rows`).
Always: rows of a file and a window count once, killed or not; a file may grow, and what was counted of it may
not change; a file that cannot be used is told, and the others go on.
Not covered: a file that is read while it is written; put it there whole.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from smallcraft.bundle.inputs import InputSpec
from smallcraft.bundle.runtime import Bundle
from smallcraft.canonical import digest_bytes
from smallcraft.data.formats import file_format, find_files, read_text_bytes
from smallcraft.data.load import read_source
from smallcraft.data.profiles.keeping import RowKeeper
from smallcraft.data.profiles.kept import KeepLimits
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.data.profiles.packing import Seen, merge_seen
from smallcraft.data.profiles.profile import SliceName
from smallcraft.data.profiles.rows import Rows
from smallcraft.errors import DataError
from smallcraft.observe.group_risk import Labelled
from smallcraft.observe.store import WindowStore
from smallcraft.observe.window_rows import to_stored
from smallcraft.observe.windows import WindowName, shown_time
from smallcraft.pipeline.baseline import Baseline
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.watching.files_done import FileDone, FilesDone
from smallcraft.pipeline.watching.rows import (
    NO_WINDOW,
    losses_of,
    rows_of_file,
    segments_of,
    time_column,
    typed_file,
    window_starts,
)

_DIGITS = 24


@dataclass(frozen=True)
class Asked:
    """Who answers the rows of files, and what they are measured by.

    Attributes:
        label: Of the release, in windows.
        spec: Columns that are read.
        measures: Of its reference.
        baseline: What it promised; None where losses are not watched.
        bundle: That is asked; None where answers stand in the files.
    """

    label: str
    spec: InputSpec
    measures: Measures
    baseline: Baseline | None
    bundle: Bundle | None = None


@dataclass(frozen=True)
class FilesRead:
    """What came of a look at the files.

    Attributes:
        windows: That were stored, oldest first.
        labelled: Rows whose label is known, of windows that are over.
        notes: What a person should know.
        refused: Files that cannot be used, with the reason.
        done: What is to be noted once everything above is safe.
    """

    windows: tuple[WindowName, ...] = ()
    labelled: tuple[Labelled, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    done: FilesDone = field(default_factory=FilesDone)


@dataclass(frozen=True)
class _File:
    """A file that is to be read.

    Attributes:
        name: Its path from the project's folder.
        windows: Begins of those that are over, of which it has rows.
        done: What is noted when it was read.
    """

    path: Path
    name: str
    windows: frozenset[int]
    done: FileDone


@dataclass(frozen=True)
class _Part:
    """One file's rows of one window.

    Attributes:
        name: Of the file and what its rows hold.
        typed: The rows.
        segments: Of each row.
    """

    name: str
    start_s: int
    typed: pl.DataFrame
    segments: Sequence[str]


def read_watched_files(
    config: Config, asked: Asked, store: WindowStore, *, done: FilesDone, now_s: float, weighed_s: int | None
) -> FilesRead:
    """Store the windows of files that are over.

    Args:
        config: The project, with `[watch] files`.
        asked: Who answers.
        store: Of windows.
        done: As noted at the last look.
        now_s: Wall time, seconds since 1970 UTC.
        weighed_s: Begin of the last window that was weighed; None for none.

    Raises:
        ConfigError: The files have no column of times.
        OSError: The disk refused; look again.
    """
    assert config.watch.files is not None
    time_column(config)
    look = _Look(config, asked, store)
    try:
        paths = find_files(config.resolve(config.watch.files))
    except DataError as error:
        return FilesRead(refused=(str(error),), done=done)
    files = [file for path in paths for file in look.find(path, done=done, now_s=now_s)]  # (1)
    look.read(sorted(files, key=lambda file: (min(file.windows, default=0), file.name)))  # (2) to (4)
    late = sum(weighed_s is not None and name.start_s <= weighed_s for name in look.stored)
    if late:
        look.notes.append(
            f"{late:,} windows came after the one from {shown_time(weighed_s or 0)} UTC was weighed; they "
            "are stored, and not weighed any more"
        )
    return FilesRead(
        tuple(sorted(look.stored)),
        tuple(look.labelled),
        tuple(look.notes),
        tuple(look.refused),
        replace(done, files={**done.files, **look.done}),
    )


class _Look:
    """One look at the files; what it found is in its attributes."""

    def __init__(self, config: Config, asked: Asked, store: WindowStore) -> None:
        self.stored: list[WindowName] = []
        self.labelled: list[Labelled] = []
        self.notes: list[str] = []
        self.refused: list[str] = []
        self.done: dict[str, FileDone] = {}
        self._config, self._asked, self._store = config, asked, store
        # What was measured of windows that a file which is not read yet has rows of, too.
        self._waiting: dict[WindowName, dict[str, Seen]] = {}

    def find(self, path: Path, *, done: FilesDone, now_s: float) -> Iterator[_File]:
        """The file, where it is to be read."""
        name = Path(os.path.relpath(path, self._config.folder)).as_posix()
        known, found = done.files.get(name), path.stat()
        if known is not None and known.is_same(path) and (known.again_s is None or now_s < known.again_s):
            return
        try:
            times = read_source(path, (time_column(self._config),), lists=None).frame
            starts = np.unique(window_starts(self._config, times, name))
        except DataError as error:
            if not _is_header_alone(path):
                self.refused.append(str(error))
            return
        starts = starts[starts != NO_WINDOW]
        is_over = starts + self._config.watch.window_s <= now_s
        again = starts[~is_over] + self._config.watch.window_s
        mark = FileDone(found.st_size, found.st_mtime_ns, int(again.min()) if len(again) else None)
        yield _File(path, name, frozenset(starts[is_over].tolist()), mark)

    def read(self, files: Sequence[_File]) -> None:
        """Read files in this order, and store their windows."""
        unread = Counter(start for file in files for start in file.windows)
        for file in files:
            try:
                for part in self._parts(file):
                    self._take(file, part)
            except DataError as error:
                self.refused.append(str(error))
            else:
                self.done[file.name] = file.done
            unread.subtract(file.windows)
            self._store_windows({start for start in file.windows if not unread[start]})
        for month in sorted({name.month for name in self.stored}):
            self._store.compact(month)

    def _parts(self, file: _File) -> Iterator[_Part]:
        """Its rows window by window, oldest first."""
        config, asked = self._config, self._asked
        source = read_source(file.path, None, lists=None)
        if source.broken:
            self.notes.append(
                f"{len(source.broken):,} records of {file.name} are no rows and were left out; the first: "
                f"{source.broken[0].reason}"
            )
        typed = typed_file(
            config, source.frame, asked.spec, source=file.name, has_answers=asked.bundle is None
        )
        starts = window_starts(config, source.frame, file.name)
        if lost := int((starts == NO_WINDOW).sum()):
            self.notes.append(f"{lost:,} of {typed.height:,} rows of {file.name} have no time; left out")
        segments = np.array(segments_of(config, source.frame, file.name), dtype=object)
        for start in sorted(file.windows):
            places = np.flatnonzero(starts == start)
            window = typed[places]
            yield _Part(f"{file.name}@{self._digest(window)}", start, window, segments[places].tolist())

    def _take(self, file: _File, part: _Part) -> None:
        """Measure what is not stored yet, and note losses."""
        names = {segment: self._name(part, segment) for segment in sorted(set(part.segments))}
        known = {name: self._store.parts_of(name) for name in names.values()}
        _refuse_changed(file, part, [other for parts in known.values() for other in parts])
        is_new = {segment: part.name not in known[name] for segment, name in names.items()}
        roles = self._config.roles()
        is_labelled = self._asked.baseline is not None and roles.label in part.typed.columns
        if not is_labelled and not any(is_new.values()):
            return
        rows = rows_of_file(
            self._config, part.typed, self._asked.spec, bundle=self._asked.bundle, source=file.name
        )
        keeper = self._keeper(part)
        for segment, name in names.items():
            if is_new[segment]:
                mine = rows.take(np.flatnonzero(np.array(part.segments) == segment))
                self._waiting.setdefault(name, {})[part.name] = self._measure(name, mine, keeper)
        # Also of windows that are stored: the journal knows which labels it has.
        if is_labelled and rows.answers is not None:
            assert self._asked.baseline is not None
            self.labelled += losses_of(
                part.typed,
                roles,
                rows.answers.labels,
                baseline=self._asked.baseline,
                items=[f"{part.name}/{part.start_s}/{row}" for row in range(rows.n)],
                starts=[part.start_s] * rows.n,
            )

    def _measure(self, name: WindowName, rows: Rows, keeper: RowKeeper | None) -> Seen:
        measured = measure_rows(rows, self._asked.measures)
        if keeper is None:
            return Seen(measured.profile)
        slice_name = SliceName(name.release, name.segment)
        return Seen(measured.profile, keeper.keep(slice_name, rows, measured.distances))

    def _keeper(self, part: _Part) -> RowKeeper | None:
        """Draws that no other part of the window has."""
        if not self._config.watch.keep_examples:
            return None
        seed = [self._config.seed, part.start_s, *part.name.encode()]
        return RowKeeper(KeepLimits(), rng=np.random.default_rng(seed))

    def _store_windows(self, starts: set[int]) -> None:
        for name in sorted(name for name in self._waiting if name.start_s in starts):
            by_part = self._waiting.pop(name)
            slice_name = SliceName(name.release, name.segment)
            seen = merge_seen({slice_name: each} for each in by_part.values())[slice_name]
            self._store.append(to_stored(name, seen, list(by_part)))
            self.stored.append(name)

    def _name(self, part: _Part, segment: str) -> WindowName:
        return WindowName(part.start_s, self._config.watch.window_s, self._asked.label, segment)

    def _digest(self, window: pl.DataFrame) -> str:
        """Of what is measured; a label may come later."""
        watch = self._config.watch
        given = (watch.prediction, watch.confidence) if self._asked.bundle is None else ()
        names = dict.fromkeys((*self._asked.spec.names, *filter(None, (*given, watch.segment))))
        counted = window.select([name for name in names if name in window.columns])
        return digest_bytes(counted.write_csv().encode())[7 : 7 + _DIGITS]


def _is_header_alone(path: Path) -> bool:
    """Whether nothing stands below the header, as in the export of an hour without rows."""
    try:
        kind = file_format(path)
    except DataError:
        return False
    if kind.name not in ("csv", "tsv"):
        return False
    _, _, rest = read_text_bytes(path, is_gzipped=kind.is_gzipped).strip().partition(b"\n")
    return not rest


def _refuse_changed(file: _File, part: _Part, known: Sequence[str]) -> None:
    for other in known:
        if other != part.name and other.rpartition("@")[0] == file.name:
            raise DataError(
                f"{file.path}: its rows from {shown_time(part.start_s)} UTC were counted and changed since; "
                "put them back as they were, and new ones into a file of their own"
            )
