import os
import shutil
from dataclasses import replace

import pytest

from smallcraft.errors import IntegrityError, SmallcraftError
from smallcraft.registry import opening
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.keys.policy import policy_of
from smallcraft.registry.opening import Trust, open_log, read_policy, tile_reader
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.checkpoint import sign_checkpoint
from smallcraft.registry.tlog.note import Signer


@pytest.fixture
def stranger(tmp_path):
    """Somebody who never saw the log."""
    return Trust(tmp_path / "stranger")


def copied(registry, tmp_path):
    return Layout(shutil.copytree(registry.root, tmp_path / "copy"))


def put_back(old, registry):
    """The whole folder as it was in the copy."""
    shutil.rmtree(registry.root)
    shutil.copytree(old.root, registry.root)


def test_the_log_says_what_was_committed(registry):
    log = open_log(registry.layout, registry.trust)
    assert [entry.label for entry in log.entries if entry.kind == "put"] == [
        "helpdesk@1",
        "helpdesk@2",
        "helpdesk@3",
    ]
    assert log.checkpoint.size == len(log.entries) == len(log.raw)
    assert log.keys == (log.signer,)


def test_nothing_is_read_again_while_nothing_is_committed(registry, now):
    first = open_log(registry.layout, registry.trust)
    assert open_log(registry.layout, registry.trust, known=first) is first
    registry.publish("other", {"x.json": b"1"}, {}, now=now)
    second = open_log(registry.layout, registry.trust, known=first)
    assert second.entries[: len(first.entries)] == first.entries
    assert all(old is new for old, new in zip(first.entries, second.entries, strict=False))
    fresh = open_log(registry.layout, registry.trust)
    assert (second.raw, second.state) == (fresh.raw, fresh.state)


def test_how_the_log_stands_to_what_was_seen_is_told(registry, now, stranger):
    assert open_log(registry.layout, stranger).standing == "seen here for the first time"
    assert open_log(registry.layout, stranger).standing.startswith("the log is as it was")
    registry.publish("other", {"x.json": b"1"}, {}, now=now)
    assert "grew from 5 to 6 entries" in open_log(registry.layout, stranger).standing


def test_a_log_rolled_back_is_refused_by_who_saw_more_and_not_by_a_stranger(
    registry, now, tmp_path, stranger
):
    old = copied(registry, tmp_path)
    registry.publish("other", {"x.json": b"1"}, {}, now=now)
    registry.log()
    put_back(old, registry)
    with pytest.raises(IntegrityError, match=r"log/checkpoint: the log was rolled back: 6 entries"):
        Registry.open(registry.root).log()
    assert open_log(registry.layout, stranger).checkpoint.size == 5


def test_a_process_does_not_go_back_behind_what_it_saw_itself(registry, now, tmp_path):
    """Without any pin: the folder for it may be read-only."""
    known = registry.log()
    registry.publish("other", {"x.json": b"1"}, {}, now=now)
    newer = registry.log()
    elsewhere = Trust(tmp_path / "no-pins")
    old = copied(registry, tmp_path)
    old.checkpoint.chmod(0o644)
    old.checkpoint.write_bytes(known.note)
    with pytest.raises(IntegrityError, match="was rolled back"):
        open_log(old, elsewhere, known=newer)


def test_a_log_forked_under_the_same_key_is_refused(registry, now, tmp_path):
    twin = copied(registry, tmp_path)
    registry.publish("mine", {"x.json": b"1"}, {}, now=now)
    registry.log()
    other = Registry.open(twin.root, trust=Trust(tmp_path / "twin"))
    shutil.copytree(registry.trust.keyring.folder, tmp_path / "twin" / "keys")
    other.publish("yours", {"x.json": b"2"}, {}, now=now)
    with pytest.raises(IntegrityError, match="the log was forked: its first 6 entries"):
        open_log(twin, registry.trust)
    with pytest.raises(IntegrityError, match="the log was forked"):
        open_log(twin, Trust(tmp_path / "nobody"), known=registry.log())


def test_another_key_is_refused_by_who_saw_the_first(registry, tmp_path, stranger):
    log = registry.log()
    (tmp_path / "thief").mkdir()
    thief = Trust(tmp_path / "thief").keyring.log_signer(log.checkpoint.origin, create=True)
    rewritten = sign_checkpoint(log.checkpoint, thief)
    for path, data in (
        (registry.layout.checkpoint, rewritten),
        (registry.layout.policy, f"log {thief.vkey}\nquorum none\n".encode()),
    ):
        path.chmod(0o644)
        path.write_bytes(data)
    # its first entry names the key that signed before
    with pytest.raises(IntegrityError, match=r"the log says that .* is in force"):
        open_log(registry.layout, stranger)


def test_the_users_own_policy_counts_and_not_the_logs_claim(registry, tmp_path):
    log = registry.log()
    sound = Trust(tmp_path / "a", policy=policy_of([log.signer]))
    assert open_log(registry.layout, sound).checkpoint == log.checkpoint
    other = Registry.create(tmp_path / "other").log().signer
    with pytest.raises(IntegrityError):
        open_log(registry.layout, Trust(tmp_path / "a", policy=policy_of([other])))


@pytest.mark.parametrize("data", [b"", b"log\n", b"quorum none\n", b"\0"])
def test_a_policy_that_is_none_is_named(registry, data):
    registry.layout.policy.chmod(0o644)
    registry.layout.policy.write_bytes(data)
    with pytest.raises(IntegrityError, match="policy"):
        Registry.open(registry.root).log()


def test_a_missing_policy_is_named(registry):
    registry.layout.policy.unlink()
    with pytest.raises(IntegrityError, match="log/policy is missing"):
        Registry.open(registry.root).log()
    with pytest.raises(IntegrityError, match="log/policy is missing"):
        read_policy(registry.layout)


def test_the_first_broken_entry_is_named_with_its_file(registry):
    bundle = next((registry.layout.log / "tile" / "entries").rglob("5"))
    data = bytearray(bundle.read_bytes())
    data[data.index(b"helpdesk", 2000)] ^= 1
    bundle.chmod(0o644)
    bundle.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"^log/tile/entries/000.p/5: entry \d does not match"):
        Registry.open(registry.root).log()


def test_entries_of_another_log_under_this_ones_checkpoint_are_refused(tmp_path, now):
    one, two = (Registry.create(tmp_path / name) for name in "ab")
    one.publish("x", {"x.json": b"1"}, {}, now=now)
    key = one.trust.keyring.log_signer(one.log().checkpoint.origin, create=False)
    forged = replace(one.log().checkpoint, origin=two.log().checkpoint.origin)
    signer = Signer(forged.origin, key.private)
    layout = one.layout
    for path, data in (
        (layout.checkpoint, sign_checkpoint(forged, signer)),
        (layout.policy, f"log {signer.vkey}\nquorum none\n".encode()),
    ):
        path.chmod(0o644)
        path.write_bytes(data)
    with pytest.raises(IntegrityError, match="its entries are of"):
        open_log(layout, Trust(tmp_path / "nobody"))


def test_a_reader_that_was_overtaken_reads_again(registry, now, monkeypatch):
    """It read the checkpoint, then a writer committed, dropped a tile and moved the pin."""
    reader, real = Registry.open(registry.root), opening.check_policy

    def overtaken(note, policy):
        monkeypatch.setattr(opening, "check_policy", real)
        registry.publish("other", {"x.json": b"1"}, {}, now=now)
        registry.log()
        return real(note, policy)

    monkeypatch.setattr(opening, "check_policy", overtaken)
    assert reader.log().checkpoint.size == 6


def test_a_checkpoint_that_never_holds_still_ends(registry, monkeypatch):
    turns = iter(range(1000))
    monkeypatch.setattr(opening, "_read_note", lambda layout: b"%d" % next(turns))
    with pytest.raises(IntegrityError, match=r"changed 100 times while it was read; wait"):
        open_log(registry.layout, registry.trust)


def test_a_tile_that_vanishes_is_looked_for_elsewhere(registry):
    read = tile_reader(registry.layout)
    with pytest.raises(FileNotFoundError):
        read("tile/0/000.p/2")
    link = registry.layout.tile("tile/0/001")
    link.symlink_to("/nowhere")
    with pytest.raises(IntegrityError, match=r"log/tile/0/001 is"):
        read("tile/0/001")


def test_pins_that_cannot_be_read_are_no_reason_to_trust(registry, monkeypatch):
    def refuse(self, origin):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("smallcraft.registry.keys.pins.Pins.read", refuse)
    with pytest.raises(SmallcraftError, match=r"cannot be read in .*SMALLCRAFT_CONFIG"):
        Registry.open(registry.root).log()


def test_a_folder_that_takes_no_pin_is_no_error(registry, stranger, monkeypatch):
    def refuse(self, pin):
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr("smallcraft.registry.keys.pins.Pins.write", refuse)
    assert open_log(registry.layout, stranger).checkpoint.size == 5
