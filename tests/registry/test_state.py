import sqlite3
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import SmallcraftError
from smallcraft.registry.state import State
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.entry import Content, Entry
from smallcraft.registry.verify.registry import verify_registry

NOW = datetime(2026, 10, 1, tzinfo=UTC)
ENTRIES = [
    Entry("o", "put", "2026-10-01T12:00:00Z", "a", n, Content(digest_bytes(b"%d" % n), 1)) for n in (1, 2, 3)
]


def facts_of(entry):
    return {"chosen": f"rung-{entry.version}", "sentence": "100% of a_b\\c", "because": None}


def refreshed(path, entries=ENTRIES):
    state = State(path)
    state.refresh(entries, read_facts=facts_of)
    return state


def labels(state, words):
    return [found.label for found in state.find(words)]


def test_find_finds_every_word_in_any_fact(tmp_path):
    state = refreshed(tmp_path / "state.db")
    assert labels(state, "RUNG-2") == ["a@2"]
    assert labels(state, "a@3 rung-3") == ["a@3"]
    assert labels(state, "rung-1 rung-2") == []
    assert labels(state, "") == ["a@1", "a@2", "a@3"]


def test_words_are_taken_as_they_are(tmp_path):
    state = refreshed(tmp_path / "state.db")
    assert len(labels(state, "100%")) == 3
    assert labels(state, "1%0") == []
    assert labels(state, "aab") == []
    assert labels(state, "'; DROP TABLE releases; --") == []


def test_only_what_is_new_is_read(tmp_path):
    read = []

    def reading(entry):
        read.append(entry.version)
        return facts_of(entry)

    state = State(tmp_path / "state.db")
    for entries in (ENTRIES[:1], ENTRIES[:1], ENTRIES):
        state.refresh(entries, read_facts=reading)
    assert read == [1, 2, 3]


def test_a_database_of_another_log_is_made_anew(tmp_path):
    refreshed(tmp_path / "state.db")
    other = [Entry("p", "put", "2026-10-01T12:00:00Z", "b", 1, Content(digest_bytes(b"x"), 1))]
    assert labels(refreshed(tmp_path / "state.db", other), "") == ["b@1"]
    # and one that is ahead, as after a rollback that was allowed
    assert labels(refreshed(tmp_path / "state.db", []), "") == []


def damage(data, number):
    """A byte, an end, a page, the header: something else each time, the same in each run."""
    dice = np.random.default_rng(number)
    changed = bytearray(data)
    at = int(dice.integers(len(data)))
    if number % 4 == 0:
        changed[at] ^= 1 << int(dice.integers(8))
    elif number % 4 == 1:
        del changed[at:]
    elif number % 4 == 2:
        changed[at : at + 500] = dice.bytes(500)
    else:
        changed[at % 100] = int(dice.integers(256))
    return bytes(changed)


def test_a_damaged_database_is_never_an_error(tmp_path):
    path = tmp_path / "state.db"
    refreshed(path)
    sound, rebuilt = path.read_bytes(), 0
    for number in range(120):
        path.write_bytes(damage(sound, number))
        state = refreshed(path)
        assert len(state.find("a@")) <= 3
        rebuilt += state.was_rebuilt
    assert rebuilt > 20


@pytest.mark.parametrize(
    "schema",
    [
        "CREATE TABLE covered (format INTEGER, size INTEGER, last TEXT)",
        "CREATE TABLE notes (text TEXT)",
        "CREATE TABLE covered (x INTEGER); CREATE TABLE releases (y TEXT)",
    ],
)
def test_a_foreign_database_is_replaced(tmp_path, schema):
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as foreign:
        foreign.executescript(schema)
    foreign.close()
    state = refreshed(path)
    assert state.was_rebuilt
    assert labels(state, "rung-2") == ["a@2"]


def test_a_database_of_another_format_is_replaced(tmp_path):
    path = tmp_path / "state.db"
    refreshed(path)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE covered SET format = 99")
    database.close()
    state = refreshed(path)
    assert state.was_rebuilt
    assert labels(state, "rung-2") == ["a@2"]


def test_a_link_in_its_place_is_not_written_through(tmp_path):
    (tmp_path / "diary").write_bytes(b"dear diary")
    (tmp_path / "state.db").symlink_to(tmp_path / "diary")
    assert labels(refreshed(tmp_path / "state.db"), "rung-2") == ["a@2"]
    assert (tmp_path / "diary").read_bytes() == b"dear diary"


def test_a_folder_in_its_place_is_told(tmp_path):
    (tmp_path / "state.db").mkdir()
    with pytest.raises(SmallcraftError, match="move it away: the log itself is whole"):
        refreshed(tmp_path / "state.db")


def test_a_lease_ends_when_it_says(tmp_path):
    state = State(tmp_path / "state.db")
    state.lease("a@1", holder="serve-1", until=NOW + timedelta(hours=1))
    state.lease("a@2", holder="serve-1", until=NOW + timedelta(hours=1))
    state.lease("a@2", holder="serve-2", until=NOW + timedelta(hours=3))
    assert state.leased(now=NOW) == {"a@1", "a@2"}
    assert state.leased(now=NOW + timedelta(hours=2)) == {"a@2"}
    state.lease("a@2", holder="serve-2", until=NOW)
    assert state.leased(now=NOW + timedelta(hours=2)) == frozenset()


def test_what_was_scrubbed_when_is_kept(tmp_path):
    state = State(tmp_path / "state.db")
    state.note_scrubbed(["sha256:a", "sha256:b"], now=NOW)
    state.note_scrubbed(["sha256:a"], now=NOW + timedelta(days=1))
    later = (NOW + timedelta(days=1)).isoformat()
    assert state.scrubbed() == {"sha256:a": later, "sha256:b": NOW.isoformat()}


def spoil_bytes(path):
    path.write_bytes(b"SQLite format 3\0 and then nothing of the kind" * 99)


def spoil_folder(path):
    path.unlink(missing_ok=True)
    path.mkdir()


@pytest.mark.parametrize(
    "spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b""), spoil_bytes, spoil_folder]
)
def test_nothing_that_is_published_or_read_needs_the_database(registry, now, spoil):
    spoil(registry.layout.database)
    again = Registry.open(registry.root)
    assert again.read("3").version == 3
    assert again.publish("helpdesk", {"bundle/x.json": b"1"}, {}, now=now).version == 4
    assert [release.version for release in Registry.open(registry.root).releases()] == [1, 2, 3, 4]
    if registry.layout.database.is_dir():
        registry.layout.database.rmdir()
    verify_registry(registry.root)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY])
def test_a_database_that_cannot_be_written_stands_in_no_ones_way(registry, now, monkeypatch, code):
    """It is left as it is, since nothing in it is wrong, and brought up another time."""

    def refuse(path):
        error = sqlite3.OperationalError("attempt to write a readonly database")
        error.sqlite_errorcode = code
        raise error

    before = registry.layout.database.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("smallcraft.registry.state._connect", refuse)
        assert registry.publish("helpdesk", {"bundle/x.json": b"1"}, {"chosen": "late"}, now=now).version == 4
        assert registry.read("4").version == 4
        with pytest.raises(SmallcraftError, match="the log itself is whole"):
            State(registry.layout.database).find("late")
    assert registry.layout.database.read_bytes() == before
    state = State(registry.layout.database)
    state.refresh(registry.log().entries, read_facts=lambda entry: {"chosen": "late"})
    assert labels(state, "helpdesk@4 late") == ["helpdesk@4"]
