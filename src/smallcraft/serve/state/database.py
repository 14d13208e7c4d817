"""The SQLite file of a server's state: opened so that what was committed survives a power cut.

Leaves to others: what is in it (`store`), what to do when it cannot be read (`opening`).
Always: WAL, synchronous=FULL; a transaction is whole or was not; foreign formats are told from damage.
Not covered: file systems without shared memory maps (network shares), where SQLite refuses WAL.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

FORMAT = 1
FILE_NAME = "rollouts.db"
COMPANIONS = ("", "-wal", "-shm")
_WAIT_S = 0.2
# Of `keys` those of the present rollout alone; `kind` is one of `store.KeyKind`.
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE lease (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), epoch INTEGER NOT NULL);
CREATE TABLE rollouts (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, body TEXT NOT NULL, digest TEXT NOT NULL
);
CREATE TABLE steps (
    rollout TEXT NOT NULL, step INTEGER NOT NULL, body TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (rollout, step)
) WITHOUT ROWID;
CREATE TABLE receipts (
    rollout TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (rollout, number)
) WITHOUT ROWID;
CREATE TABLE routers (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE keys (
    step INTEGER NOT NULL, kind TEXT NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (step, kind, key)
) WITHOUT ROWID;
CREATE TABLE refused (digest TEXT PRIMARY KEY, rollout TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO lease VALUES (1, 0)
"""


class ForeignFormatError(sqlite3.DatabaseError):
    """Stays inside this folder: the file is one that this version does not read."""


def connect(path: Path, *, is_new: bool = False) -> sqlite3.Connection:
    """Open the file.

    Args:
        path: The file; its folder exists.
        is_new: Whether it, and its tables, may be made; else a missing one is an error.

    Raises:
        sqlite3.Error: It cannot be opened, read or made, or is of another format.
    """
    mode = "rwc" if is_new else "rw"
    database = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_WAIT_S, isolation_level=None
    )
    try:
        if not is_new:
            # Before anything touches what may be somebody else's.
            check_format(database)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        if is_new:
            _make_tables(database)
            check_format(database)
    except sqlite3.Error:
        database.close()
        raise
    return database


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the file for reading, as another process than the server.

    Raises:
        sqlite3.Error: It cannot be opened or read, or is of another format.
    """
    database = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT_S, isolation_level=None
    )
    try:
        check_format(database)
    except sqlite3.Error:
        database.close()
        raise
    return database


def check_format(database: sqlite3.Connection) -> None:
    """Refuse a file of another format.

    Raises:
        sqlite3.Error: It is one, or no database.
    """
    row = database.execute("SELECT value FROM facts WHERE name = 'format'").fetchone()
    if row is None or row[0] != str(FORMAT):
        raise ForeignFormatError(f"this version reads format {FORMAT} of the state, got {row and row[0]}")


def check_pages(database: sqlite3.Connection) -> None:
    """Refuse a file whose pages are damaged.

    Raises:
        sqlite3.Error: They are.
    """
    found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(f"quick_check: {found}")


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Everything inside, or nothing.

    Raises:
        sqlite3.Error: Nothing was written.
    """
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
        database.execute("COMMIT")
    except BaseException:
        # A failed COMMIT, or a full disk, may have rolled back already.
        if database.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def snapshot(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Everything read inside is of one moment, whatever others write meanwhile.

    Raises:
        sqlite3.Error: The file cannot be read.
    """
    database.execute("BEGIN DEFERRED")
    try:
        yield database
    finally:
        # Nothing was written; a read that failed may have ended it already.
        if database.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")


def sync_folder(folder: Path) -> None:
    """Make new and renamed files of a folder survive a power cut.

    Raises:
        OSError: The disk refused.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_tables(database: sqlite3.Connection) -> None:
    with transaction(database):
        if database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            database.execute("INSERT INTO facts VALUES ('format', ?)", (str(FORMAT),))
