"""`state.db`: what makes searching fast, which blobs were checked when, who is reading what. Derived.

SQLite in WAL mode. The log is the truth: a database that is behind is brought up, one that covers another
log, is damaged or gone is made anew, and nothing that is served or verified is ever taken from it.
Always: losing it loses nothing but the times of the last scrub, and the leases, whose blobs gc's grace
protects.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from smallcraft.canonical import digest_bytes
from smallcraft.errors import SmallcraftError
from smallcraft.registry.content.disk import DATABASE_NAMES
from smallcraft.registry.tlog.entry import Entry, encode_entry

ReadFacts = Callable[[Entry], Mapping[str, object]]

_FORMAT = 1
_WAIT_S = 10.0
_REFUSALS = frozenset(
    (
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    )
)
_SCHEMA = """
CREATE TABLE covered (format INTEGER, size INTEGER, last TEXT);
CREATE TABLE releases (
    number INTEGER PRIMARY KEY, name TEXT, version INTEGER, time TEXT, manifest TEXT, words TEXT
);
CREATE INDEX releases_by_name ON releases (name, version);
CREATE TABLE scrubbed (digest TEXT PRIMARY KEY, time TEXT);
CREATE TABLE leases (release TEXT, holder TEXT, until TEXT, PRIMARY KEY (release, holder));
"""


@dataclass(frozen=True)
class Found:
    """A release that a search found."""

    name: str
    version: int

    @property
    def label(self) -> str:
        """How people name it."""
        return f"{self.name}@{self.version}"


class State:
    """An open database; what is wrong with the file is repaired by making it anew.

    Attributes:
        was_rebuilt: True when a damaged or foreign file was replaced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.was_rebuilt = False

    def refresh(self, entries: Sequence[Entry], *, read_facts: ReadFacts) -> None:
        """Bring the releases up to a log.

        Args:
            entries: All of the log's, checked.
            read_facts: The facts of a put entry; called for those that are new here.

        Raises:
            SmallcraftError: The disk refused.
        """
        try:
            self._refresh(entries, read_facts)
        except SmallcraftError as error:
            if _is_refused(error.__cause__):
                raise
            self.remove()
            self.was_rebuilt = True
            self._refresh(entries, read_facts)

    def _refresh(self, entries: Sequence[Entry], read_facts: ReadFacts) -> None:
        with self._transaction() as database:
            size, last = _covered(database)
            if last != _mark(entries[:size]):
                database.execute("DELETE FROM releases")
                size = 0
            elif size == len(entries):
                return
            for number, entry in enumerate(entries[size:], start=size + 1):
                if entry.kind == "put":
                    _add_release(database, number, entry, read_facts(entry))
                elif entry.kind == "retire" and entry.erased:
                    # What was erased is not to be found in here either.
                    named = (entry.label, entry.name, entry.version)
                    database.execute("UPDATE releases SET words = ? WHERE name = ? AND version = ?", named)
            database.execute("DELETE FROM covered")
            database.execute("INSERT INTO covered VALUES (?, ?, ?)", (_FORMAT, len(entries), _mark(entries)))

    def find(self, words: str) -> tuple[Found, ...]:
        """Releases whose name, rung, decision, reason or settings hold every word, oldest first."""
        wanted = [f"%{_escaped(word)}%" for word in words.lower().split()]
        where = " AND ".join("words LIKE ? ESCAPE '\\'" for _ in wanted) or "1"
        with self._transaction() as database:
            query = f"SELECT name, version FROM releases WHERE {where} ORDER BY number"  # noqa: S608 - '?' only
            return tuple(Found(*row) for row in database.execute(query, wanted))

    def scrubbed(self) -> Mapping[str, str]:
        """When each blob was read and found sound, by digest."""
        with self._transaction() as database:
            return dict(database.execute("SELECT digest, time FROM scrubbed"))

    def note_scrubbed(self, digests: Iterable[str], *, now: datetime) -> None:
        """These blobs were read and are sound."""
        rows = [(digest, now.isoformat()) for digest in digests]
        with self._transaction() as database:
            database.executemany("INSERT OR REPLACE INTO scrubbed VALUES (?, ?)", rows)

    def lease(self, release: str, *, holder: str, until: datetime) -> None:
        """Keep gc from taking what a release needs until then; the same holder again moves the end."""
        with self._transaction() as database:
            row = (release, holder, until.isoformat())
            database.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", row)

    def leased(self, *, now: datetime) -> frozenset[str]:
        """Releases that somebody reads; leases that ended are forgotten."""
        with self._transaction() as database:
            rows = list(database.execute("SELECT release, until FROM leases"))
            return frozenset(release for release, until in rows if datetime.fromisoformat(until) > now)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            database = self._open()
        except sqlite3.DatabaseError as error:
            raise SmallcraftError(
                f"{self._path} cannot be written ({error}); free space or fix the folder's permissions: the "
                "log itself is whole"
            ) from error
        try:
            with database:
                yield database
        except sqlite3.DatabaseError as error:
            raise SmallcraftError(
                f"{self._path} is damaged or cannot be written ({error}); `smallcraft registry reindex` "
                "makes it anew from the log"
            ) from error
        finally:
            database.close()

    def _open(self) -> sqlite3.Connection:
        """The database, made anew where the file is none of ours, damaged or of another format."""
        if os.path.lexists(self._path) and not stat.S_ISREG(self._path.lstat().st_mode):
            self.remove()  # a link would be written through
        try:
            return _connect(self._path)
        except sqlite3.DatabaseError as error:
            if _is_refused(error):
                raise
            self.remove()
            self.was_rebuilt = True
            return _connect(self._path)

    def remove(self) -> None:
        """Delete the file; the next use makes it anew.

        Raises:
            SmallcraftError: It cannot be deleted.
        """
        try:
            for name in DATABASE_NAMES:
                (self._path.parent / name).unlink(missing_ok=True)
        except OSError as error:
            raise SmallcraftError(
                f"{self._path} must be a file of the registry's own, and cannot be replaced "
                f"({error.strerror}); move it away: the log itself is whole"
            ) from error


def _is_refused(error: BaseException | None) -> bool:
    """Whether disk, rights or another process stood in the way, rather than what is in the file."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _REFUSALS


def _connect(path: Path) -> sqlite3.Connection:
    """Open and check; a foreign or older schema counts as damage."""
    database = sqlite3.connect(path, timeout=_WAIT_S)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA secure_delete = ON")
        if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            database.executescript(_SCHEMA)
        _require_whole(database)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def _require_whole(database: sqlite3.Connection) -> None:
    if database.execute("PRAGMA quick_check").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("its pages do not hold together")
    if _schema_of(database) != _own_schema():
        raise sqlite3.DatabaseError("its tables are not those of a registry")
    _covered(database)


def _schema_of(database: sqlite3.Connection) -> list[tuple[str, ...]]:
    return list(database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name"))


@cache
def _own_schema() -> list[tuple[str, ...]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.executescript(_SCHEMA)
        return _schema_of(database)


def _covered(database: sqlite3.Connection) -> tuple[int, str]:
    row = database.execute("SELECT format, size, last FROM covered").fetchone()
    if row is None:
        return 0, ""
    if row[0] != _FORMAT:
        raise sqlite3.DatabaseError(f"it has format {row[0]}")
    return int(row[1]), str(row[2])


def _add_release(
    database: sqlite3.Connection, number: int, entry: Entry, facts: Mapping[str, object]
) -> None:
    told = [facts.get(key) for key in ("chosen", "sentence", "metric", "because", "settings", "data")]
    words = " ".join((entry.label, *(json.dumps(fact, ensure_ascii=False) for fact in told if fact))).lower()
    assert entry.manifest is not None
    row = (number, entry.name, entry.version, entry.time, entry.manifest.digest, words)
    database.execute("INSERT OR REPLACE INTO releases VALUES (?, ?, ?, ?, ?, ?)", row)


def _mark(entries: Sequence[Entry]) -> str:
    """What tells another log's entries from these; nothing rests on it but a search."""
    return digest_bytes(encode_entry(entries[-1])) if entries else ""


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
