"""The file: durable, whole or not at all, told from others."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from smallcraft.serve.state.database import (
    FILE_NAME,
    FORMAT,
    ForeignFormatError,
    check_pages,
    connect,
    connect_to_read,
    transaction,
)


@pytest.fixture
def database(tmp_path):
    with contextlib.closing(connect(tmp_path / FILE_NAME, is_new=True)) as opened:
        yield opened


def pragma(database: sqlite3.Connection, name: str):
    return database.execute(f"PRAGMA {name}").fetchone()[0]


def test_what_is_committed_survives_a_power_cut(database):
    assert (pragma(database, "journal_mode"), pragma(database, "synchronous")) == ("wal", 2)


def test_a_missing_file_is_made_only_when_asked(tmp_path):
    with pytest.raises(sqlite3.OperationalError):
        connect(tmp_path / FILE_NAME)
    assert not (tmp_path / FILE_NAME).exists()


def test_a_transaction_that_fails_leaves_nothing(database):
    def write_and_fail() -> None:
        with transaction(database):
            database.execute("INSERT INTO facts VALUES ('a', 'b')")
            raise KeyError("a")

    with pytest.raises(KeyError):
        write_and_fail()
    assert not database.in_transaction
    assert database.execute("SELECT count(*) FROM facts WHERE name = 'a'").fetchone() == (0,)


def test_a_reader_sees_what_was_committed_and_writes_nothing(database, tmp_path):
    with transaction(database):
        database.execute("INSERT INTO facts VALUES ('a', 'b')")
    with contextlib.closing(connect_to_read(tmp_path / FILE_NAME)) as reader:
        assert reader.execute("SELECT value FROM facts WHERE name = 'a'").fetchone() == ("b",)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM facts")


@pytest.mark.parametrize("open_again", [connect, connect_to_read])
def test_another_format_is_told_from_damage(database, tmp_path, open_again):
    database.execute("UPDATE facts SET value = ? WHERE name = 'format'", (str(FORMAT + 1),))
    with pytest.raises(ForeignFormatError, match=f"reads format {FORMAT} of the state, got {FORMAT + 1}"):
        open_again(tmp_path / FILE_NAME)


def test_damaged_pages_are_found(database, tmp_path):
    with transaction(database):
        database.executemany(
            "INSERT INTO refused VALUES (?, 'r')", [(f"{number:064d}",) for number in range(2000)]
        )
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 3000] = bytes(3000)
    path.write_bytes(content)
    with contextlib.closing(connect(path)) as damaged, pytest.raises(sqlite3.DatabaseError):
        check_pages(damaged)
