from dataclasses import replace
from datetime import UTC, datetime

import pytest

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.entry import Entry
from smallcraft.registry.verify.registry import verify_registry
from smallcraft.registry.writing import require_same_looks, timestamp


def test_the_first_change_names_the_keys_before_what_they_sign(tmp_path, now):
    registry = Registry.create(tmp_path / "r")
    registry.publish("a", {"x.json": b"1"}, {}, now=now)
    first, second, third = registry.log().entries
    assert (first.kind, first.role, first.key) == ("key", "log", registry.log().signer)
    assert (second.kind, second.role) == ("key", "author")
    assert (third.label, third.by) == ("a@1", registry.trust.keyring.author(create=False).fingerprint)


def test_entries_that_break_a_rule_of_order_change_nothing(registry, now):
    before = registry.log()
    with registry.writing(now) as writer:
        put = writer.log.entries[-1]
        skipping = replace(put, version=9)
        with pytest.raises(IntegrityError, match=r"must be helpdesk@4 after manifest .* got helpdesk@9"):
            writer.commit([skipping])
    assert Registry.open(registry.root).log().note == before.note
    verify_registry(registry.root)


def test_a_commit_says_the_numbers_of_its_entries_and_what_the_log_is_then(registry, now):
    size = registry.log().checkpoint.size
    with registry.writing(now) as writer:
        origin, time = writer.origin, writer.time
        moves = [
            Entry(origin, "alias", time, name="helpdesk", alias=alias, version=1) for alias in ("x", "y")
        ]
        assert writer.commit(moves) == (size + 1, size + 2)
        committed = writer.log
    opened = Registry.open(registry.root).log()
    assert (opened.note, opened.raw, opened.entries, opened.state) == (
        committed.note,
        committed.raw,
        committed.entries,
        committed.state,
    )
    assert committed.tiles.root() == opened.checkpoint.root


def test_a_change_that_derives_nothing_leaves_index_and_search_alone(registry, now):
    index, database = registry.layout.index, registry.layout.database
    before = index.stat().st_ino, database.read_bytes()
    registry.set_alias("helpdesk", "stable", 1, now=now)
    registry.record_trials("helpdesk", [b"[1]"], now=now)
    registry.record_looks("helpdesk", [b"look\n"], now=now)
    assert (index.stat().st_ino, database.read_bytes()) == before
    verify_registry(registry.root)


def test_a_time_is_told_in_utc_to_the_second():
    assert timestamp(datetime(2026, 10, 1, 12, 0, 0, 999999, tzinfo=UTC)) == "2026-10-01T12:00:00Z"
    with pytest.raises(InvalidInputError, match="must carry a time zone"):
        timestamp(datetime(2026, 10, 1, tzinfo=UTC).replace(tzinfo=None))


def test_a_ledger_may_be_ahead_of_the_log_and_not_behind():
    require_same_looks([b"a"], [b"a", b"b"])
    with pytest.raises(IntegrityError, match="the log holds 2 looks"):
        require_same_looks([b"a", b"b"], [b"a"])
