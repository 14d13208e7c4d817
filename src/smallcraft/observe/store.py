"""The store of closed windows: Parquet files, a folder a month, written once and never changed.

How it is laid out: `2026-11/w-<start>-<revision>-<digest>.parquet` holds one window (a row a column) and the
names of the parts it was made of; what came late is a further revision. `compact` puts the small files of a
month into `2026-11/m-<digest>.parquet`, which names the windows' files it holds, and several of those into
one; then it deletes what it replaced. Rows stand by column, so that a few columns are read without the rest.
Leaves to others: parts of open windows (`observe.collecting`), what is in a blob (`data.profiles`).
Always: a file is whole or not there (written aside, synced, renamed); a part is in the store once; a window
that got late parts has a second row, and both are read; killing at any moment loses nothing and counts
nothing twice.
Not covered: two writers at once in one folder; there is one collector.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from smallcraft.canonical import digest_value
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.observe.windows import StoredWindow, WindowName, month_of

SCHEMA = {
    "release": pl.String,
    "segment": pl.String,
    "column": pl.String,
    "start_s": pl.Int64,
    "seconds": pl.Int64,
    "n": pl.Int64,
    "blob": pl.Binary,
    "parts": pl.String,
    "file": pl.String,
}
# Two days of hours: more small files make reading slow. So many put together are put together again.
COMPACT_FILES, COMPACT_AGAIN = 48, 8
_ALONE, _MONTH = "w-", "m-"
# A file past it is left as it is, so that a row is written a few times and not ever again.
_LARGE_BYTES = 64 << 20
# A column's month of hours; rows of others are not read.
_ROW_GROUP = 1024


@dataclass(frozen=True)
class Wanted:
    """Which windows to read; None is all.

    Attributes:
        since_s: Windows that begin at or after it.
        until_s: Windows that begin before it.
    """

    release: str | None = None
    segment: str | None = None
    since_s: int | None = None
    until_s: int | None = None
    columns: tuple[str, ...] | None = None


ALL_WINDOWS = Wanted()


@dataclass(frozen=True)
class WindowStore:
    """A folder of windows; made when the first one is written."""

    folder: Path

    def append(self, window: StoredWindow) -> bool:
        """Write a window down, or more of one that is there.

        Args:
            window: Closed; its parts decide whether it is new.

        Returns:
            Whether it was written; False when all its parts are in the store already.

        Raises:
            InvalidInputError: It is empty, or some of its parts are in the store and some are not; merge the
                new ones alone.
            OSError: The disk refused; nothing was written.
        """
        if not window.columns or not window.parts:
            raise InvalidInputError(
                f"window {window.name} has no columns or no parts; there is nothing to keep"
            )
        stored = self._scan_parts(window.name)
        known = frozenset(part for parts in stored for part in json.loads(parts))
        fresh = [part for part in window.parts if part not in known]
        if not fresh:
            return False
        if len(fresh) < len(window.parts):
            raise InvalidInputError(
                f"window {window.name} has parts that are stored already beside {fresh}; merge the"
                " new ones alone"
            )
        file = _alone_name(window, revision=len(stored))
        folder = self.folder / window.name.month
        _make_folder(folder)
        _write(_frame([(file, window)]), folder / file)
        return True

    def parts_of(self, name: WindowName) -> frozenset[str]:
        """Names of all parts that windows of this name were made of."""
        return frozenset(part for parts in self._scan_parts(name) for part in json.loads(parts))

    def read(self, wanted: Wanted = ALL_WINDOWS) -> Iterator[tuple[WindowName, tuple[StoredWindow, ...]]]:
        """Windows by begin, release and segment; each with its corrections, oldest first.

        Args:
            wanted: Which ones; a month is in memory at a time.
        """
        for month in self.months():
            if _is_outside(month, wanted):
                continue
            frame = self._scan([month], wanted, list(SCHEMA)).sort(
                "start_s", "seconds", "release", "segment", "file", "column"
            )
            for name, rows in itertools.groupby(frame.iter_rows(), key=_name_of):
                yield name, tuple(_windows(name, rows))

    def months(self) -> tuple[str, ...]:
        """Months that have windows, oldest first."""
        if not self.folder.is_dir():
            return ()
        return tuple(sorted(entry.name for entry in self.folder.iterdir() if entry.is_dir()))

    def releases(self) -> tuple[str, ...]:
        """Labels of all releases that have windows, in the order of their names."""
        found: set[str] = set()
        for month in self.months():
            for file in (self.folder / month).glob("*.parquet"):
                found.update(
                    _collect(pl.scan_parquet(file).select(pl.col("release").unique()), file)["release"]
                )
        return tuple(sorted(found))

    def rows_by_start(self, release: str) -> Mapping[int, int]:
        """Rows of each window of a release by its begin, all segments together; no column is read."""
        frame = self._scan(list(self.months()), Wanted(release=release), ["start_s", "n", "file"])
        rows = frame.unique(subset="file").group_by("start_s").agg(pl.col("n").sum()).sort("start_s")
        return dict(rows.iter_rows())

    def compact(self, month: str, *, at_least: int = COMPACT_FILES) -> bool:
        """Put the small files of a month into one; writes nothing for fewer than `at_least`.

        Returns:
            Whether files were put together.
        """
        fresh = [file for file in self._files(month) if file.name.startswith(_ALONE)]
        done = len(fresh) >= at_least
        if done:
            small = [
                file
                for file in self._files(month)
                if file.name.startswith(_MONTH) and file.stat().st_size < _LARGE_BYTES
            ]
            _put_in_one([*fresh, *small] if len(small) >= COMPACT_AGAIN - 1 else fresh)
        folder = self.folder / month
        for file in {*folder.glob("*.new"), *folder.glob("*.parquet")}.difference(self._files(month)):
            file.unlink(missing_ok=True)
        return done

    def _scan_parts(self, name: WindowName) -> list[str]:
        """Parts of each revision."""
        wanted = Wanted(name.release, name.segment, name.start_s, name.start_s + 1)
        columns = ["seconds", "parts", "file"]
        found = self._scan([name.month], wanted, columns, alone=f"{_ALONE}{name.start_s}-*.parquet")
        return found.filter(pl.col("seconds") == name.seconds).unique(subset="file")["parts"].to_list()

    def _files(self, month: str, alone: str = f"{_ALONE}*.parquet") -> list[Path]:
        """Files of a month whose rows are in no other one, those put together first."""
        folder = self.folder / month
        holds = {file: _held_by(file) for file in folder.glob(f"{_MONTH}*.parquet")}
        # The names of a file that was put together again are all in the other.
        together = [
            file
            for file, names in sorted(holds.items())
            if not any(names < others for others in holds.values())
        ]
        held = frozenset().union(*holds.values())
        return together + sorted(file for file in folder.glob(alone) if file.name not in held)

    def _scan(
        self,
        months: Sequence[str],
        wanted: Wanted,
        columns: list[str],
        *,
        alone: str = f"{_ALONE}*.parquet",
    ) -> pl.DataFrame:
        frames = [pl.DataFrame(schema={name: SCHEMA[name] for name in columns})]
        for month in months:
            for file in self._files(month, alone):
                lazy = pl.scan_parquet(file).filter(*_conditions(wanted)).select(columns)
                frames.append(_collect(lazy, file))
        return pl.concat(frames)


def put_together(windows: Iterable[StoredWindow]) -> tuple[str, ...]:
    """Names of the parts of several rows of one window, each once, sorted."""
    return tuple(sorted({part for window in windows for part in window.parts}))


def _conditions(wanted: Wanted) -> list[pl.Expr]:
    given = [
        None if wanted.release is None else pl.col("release") == wanted.release,
        None if wanted.segment is None else pl.col("segment") == wanted.segment,
        None if wanted.since_s is None else pl.col("start_s") >= wanted.since_s,
        None if wanted.until_s is None else pl.col("start_s") < wanted.until_s,
        None if wanted.columns is None else pl.col("column").is_in(list(wanted.columns)),
    ]
    return [condition for condition in given if condition is not None] or [pl.lit(value=True)]


def _is_outside(month: str, wanted: Wanted) -> bool:
    too_old = wanted.since_s is not None and month < month_of(wanted.since_s)
    return too_old or (wanted.until_s is not None and month > month_of(wanted.until_s))


def _alone_name(window: StoredWindow, *, revision: int) -> str:
    digest = digest_value([window.name, window.parts])
    return f"{_ALONE}{window.name.start_s}-{revision:06d}-{digest[7:31]}.parquet"


def _frame(windows: Sequence[tuple[str, StoredWindow]]) -> pl.DataFrame:
    rows = [
        (
            *(window.name.release, window.name.segment, column, window.name.start_s, window.name.seconds),
            *(window.n, blob, json.dumps(sorted(window.parts)), file),
        )
        for file, window in windows
        for column, blob in sorted(window.columns.items())
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _name_of(row: tuple[Any, ...]) -> WindowName:
    release, segment, _, start_s, seconds, *_ = row
    return WindowName(start_s, seconds, release, segment)


def _windows(name: WindowName, rows: Iterable[tuple[Any, ...]]) -> Iterator[StoredWindow]:
    """Rows of one window, each file's together."""
    for _, columns in itertools.groupby(rows, key=lambda row: row[-1]):
        found = list(columns)
        *_, n, _, parts, _ = found[0]
        yield StoredWindow(name, n, {row[2]: row[6] for row in found}, tuple(json.loads(parts)))


def _held_by(file: Path) -> frozenset[str]:
    """Names of the windows' files that were put into one."""
    return frozenset(_collect(pl.scan_parquet(file).select(pl.col("file").unique()), file)["file"])


def _put_in_one(files: Sequence[Path]) -> None:
    """Write the rows of several files beside them, by column; they are still there."""
    frames = [_collect(pl.scan_parquet(file).select(list(SCHEMA)), file) for file in files]
    frame = pl.concat(frames).sort("release", "segment", "column", "start_s", "file")
    names = frame["file"].unique().sort().to_list()
    _write(frame, files[0].parent / f"{_MONTH}{digest_value(names)[7:23]}.parquet")


def _collect(lazy: pl.LazyFrame, file: Path) -> pl.DataFrame:
    try:
        return lazy.collect()
    except pl.exceptions.PolarsError as error:
        raise IntegrityError(
            f"{file} is no file of windows ({str(error).splitlines()[0]}); move it away and go on without it"
        ) from error


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _sync(folder.parent)


def _write(frame: pl.DataFrame, path: Path) -> None:
    """Whole or not at all, and still there after a power cut."""
    aside = path.with_suffix(".new")
    with aside.open("wb") as stream:
        frame.write_parquet(stream, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
