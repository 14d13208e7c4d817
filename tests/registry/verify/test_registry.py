"""Whatever is changed below a registry's root, verification names it."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.copies import Copy
from smallcraft.registry.verify.registry import tile_paths, verify_registry

STEPS = ["layout", "log", "copies", "releases", "signatures", "decisions", "blobs", "extra", "index"]


@pytest.fixture
def full(registry, now):
    """With one of everything that a registry may hold."""
    registry.record_trials("helpdesk", [b'{"rung":"fast"}'], now=now)
    registry.record_looks("helpdesk", [b"first look\n"], now=now)
    registry.set_alias("helpdesk", "stable", 3, now=now)
    registry.retire("helpdesk", 1, now=now)
    registry.rotate_key(now)
    return registry


def files_of(registry):
    """Every file that verification answers for."""
    aside = ("tmp", "trash", "quarantine", "state.db")
    found = [path for path in registry.root.rglob("*") if path.is_file()]
    return sorted(path for path in found if not path.relative_to(registry.root).as_posix().startswith(aside))


def is_named(message, path, registry):
    return path.relative_to(registry.root).as_posix() in message


def refused(registry):
    with pytest.raises(IntegrityError) as caught:
        verify_registry(registry.root)
    return str(caught.value)


def test_a_sound_registry_passes_in_numbered_steps(registry):
    report = verify_registry(registry.root)
    assert [step.name for step in report.steps] == STEPS
    counts = {step.name: step.count for step in report.steps}
    assert counts["blobs"] == len(list(registry.layout.blobs.iterdir()))
    assert counts["releases"] == counts["signatures"] == 3
    assert report.head == f"5:{report.root}"
    assert report.notes == ()


def test_another_author_is_no_error_and_is_told(registry, tmp_path, now):
    """Who has the log's key can let one in; whoever verifies is asked whether that was meant."""
    other = Path(shutil.copytree(registry.trust.folder, tmp_path / "other"))
    (other / "keys" / "author.pem").unlink()
    guest = Registry.open(registry.root, trust=Trust(other))
    guest.publish("helpdesk", {"bundle/model.json": b"[1]"}, {}, now=now)
    (note,) = verify_registry(registry.root).notes
    assert note.startswith("entry 6 lets another author sign releases: sha256:")


def test_an_empty_registry_passes(tmp_path):
    report = verify_registry(Registry.create(tmp_path / "r").root)
    assert report.head is not None
    assert report.head.startswith("0:")


def test_one_changed_byte_in_any_file_names_that_file(full):
    """First, last and middle bytes of every file; each kind of file is there."""
    for path in files_of(full):
        sound = path.read_bytes()
        path.chmod(0o644)
        for position in {0, len(sound) // 3, len(sound) - 1}:
            changed = bytearray(sound)
            changed[position] ^= 0x01
            path.write_bytes(changed)
            message = refused(full)
            assert is_named(message, path, full), message
        path.write_bytes(sound)
    verify_registry(full.root)


def test_every_changed_byte_of_the_small_files_is_seen(full):
    layout = full.layout
    for path in (layout.checkpoint, layout.policy, layout.oci_layout):
        sound = path.read_bytes()
        path.chmod(0o644)
        for position in range(len(sound)):
            changed = bytearray(sound)
            changed[position] ^= 0x04
            path.write_bytes(changed)
            message = refused(full)
            assert is_named(message, path, full), message
        path.write_bytes(sound)
    verify_registry(full.root)


def test_a_byte_more_or_less_in_any_file_names_that_file(full):
    for path in files_of(full):
        sound = path.read_bytes()
        path.chmod(0o644)
        for changed in (sound + b"\n", sound[:-1], b""):
            path.write_bytes(changed)
            message = refused(full)
            assert is_named(message, path, full), message
        path.write_bytes(sound)
    verify_registry(full.root)


def test_any_file_removed_is_named(full):
    for path in files_of(full):
        sound = path.read_bytes()
        path.unlink()
        message = refused(full)
        assert is_named(message, path, full), message
        path.write_bytes(sound)
    verify_registry(full.root)


@pytest.mark.parametrize(
    "name",
    [
        "readme.txt",
        "blobs/readme.txt",
        f"blobs/sha256/{'0' * 64}",
        "blobs/sha256/.hidden",
        "log/checkpoint.old",
        "log/tile/0/000.p/2",
        "log/tile/0/001",
        "log/tile/entries/000",
        "state.db.old",
    ],
)
def test_an_added_file_is_named(full, name):
    path = full.root / name
    path.write_bytes(b"planted")
    assert refused(full).startswith(f"{name} does not belong here") or name in refused(full)
    path.unlink()
    path.symlink_to(full.layout.checkpoint)
    assert name in refused(full)


def test_an_added_folder_is_named(full):
    (full.root / "blobs" / "sha512").mkdir()
    assert refused(full).startswith("blobs/sha512 does not belong here")


@pytest.mark.parametrize("part", ["blobs", "log", "log/tile"])
def test_a_folder_that_became_a_link_is_named(full, tmp_path, part):
    folder = full.root / part
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert part in refused(full)


def test_file_modes_and_what_is_aside_are_no_error(full):
    for path in files_of(full):
        path.chmod(0o600)
    for name in ("tmp/00000001", "trash/2026-10-01/x", "quarantine/y", "state.db-wal"):
        (full.root / name).parent.mkdir(parents=True, exist_ok=True)
        (full.root / name).write_bytes(b"whatever")
    full.layout.database.write_bytes(b"whatever")
    verify_registry(full.root)


def test_a_copy_without_empty_folders_passes_on_a_machine_without_pins(full, tmp_path):
    copy = shutil.copytree(full.root, tmp_path / "copy")
    (copy / "tmp").rmdir()
    (copy / "state.db").unlink()
    report = verify_registry(copy, trust=Trust(tmp_path / "stranger"))
    assert {step.name: step.detail for step in report.steps}["copies"] == "seen here for the first time"
    assert report.head == verify_registry(full.root).head


def test_no_registry_is_not_a_sound_one(tmp_path):
    with pytest.raises(NotFoundError, match="run `smallcraft build`"):
        verify_registry(tmp_path)


def test_a_copy_kept_elsewhere_shows_a_rollback(registry, now, tmp_path):
    old = shutil.copytree(registry.root, tmp_path / "old")
    registry.publish("helpdesk", {"bundle/x.json": b"1"}, {}, now=now)
    copy = Copy(registry.log().note, "card.md of helpdesk@4")
    stranger = Trust(tmp_path / "stranger")
    assert verify_registry(registry.root, trust=stranger, copies=[copy]).steps[2].count == 2
    with pytest.raises(IntegrityError, match=r"card.md of helpdesk@4: the log was rolled back: 6 entries"):
        verify_registry(old, trust=Trust(tmp_path / "other"), copies=[copy])


def test_a_copy_kept_elsewhere_shows_a_fork(registry, now, tmp_path):
    other = Registry.open(shutil.copytree(registry.root, tmp_path / "fork"), trust=Trust(tmp_path / "thief"))
    shutil.copytree(registry.trust.keyring.folder, tmp_path / "thief" / "keys")
    registry.publish("helpdesk", {"bundle/x.json": b"1"}, {}, now=now)
    copy = Copy(registry.log().note, "a copy")
    other.publish("helpdesk", {"bundle/x.json": b"2"}, {}, now=now)
    with pytest.raises(IntegrityError, match=r"a copy: the log was forked"):
        verify_registry(other.root, trust=Trust(tmp_path / "stranger"), copies=[copy])


def test_a_copy_of_another_log_is_refused(registry, tmp_path):
    other = Registry.create(tmp_path / "other")
    with pytest.raises(IntegrityError, match="no key of this log signed that checkpoint"):
        verify_registry(registry.root, copies=[Copy(other.log().note, "a copy")])


def test_a_deep_check_compares_a_pack_with_its_index(tmp_path, now):
    registry = Registry.create(tmp_path / "r")
    registry.publish("a", {f"bundle/{n}.json": b"%d" % n for n in range(1001)}, {}, now=now)
    assert verify_registry(registry.root, deep=True).head == verify_registry(registry.root).head


def test_a_clock_that_was_set_back_is_a_note(registry, now):
    registry.publish("helpdesk", {"bundle/x.json": b"1"}, {}, now=now - timedelta(days=1))
    report = verify_registry(registry.root)
    assert len(report.notes) == 1
    assert "a clock was set back" in report.notes[0]


def test_a_release_that_nobody_signed_is_refused(registry, now):
    third = registry.find("3")
    with registry.writing(now) as writer:
        unsigned = replace(
            third.entry,
            version=4,
            prev=third.entry.manifest.digest,
            attestations=third.entry.attestations[:1],
        )
        writer.commit([unsigned])
    assert "helpdesk@4 is not signed by its author" in refused(registry)


def test_an_old_release_in_place_of_a_new_one_is_refused(registry, now):
    """Its manifests and its signature are sound, but they speak of another version."""
    first, third = registry.find("1"), registry.find("3")
    with registry.writing(now) as writer:
        replayed = replace(first.entry, version=4, prev=third.entry.manifest.digest)
        writer.commit([replayed])
    assert "helpdesk@4 carries the signature of helpdesk@1" in refused(registry)


def test_a_blob_under_another_ones_name_is_named(registry):
    one, other = (registry.layout.blob(digest_bytes(data)) for data in (b"# helpdesk", b'{"tokens":[]}'))
    one.chmod(0o644)
    one.write_bytes(other.read_bytes())
    assert one.name in refused(registry)


def test_an_index_that_names_a_retired_release_is_refused(full):
    before = full.layout.index.read_bytes()
    full.layout.index.chmod(0o644)
    full.layout.index.write_bytes(before.replace(b"helpdesk@2", b"helpdesk@1"))
    message = refused(full)
    assert message.startswith("index.json: expected the index of the log's 2 live releases")
    assert "`smallcraft registry reindex`" in message


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_536, 65_537, 70_000])
def test_the_tiles_of_a_log_follow_from_its_size(size):
    paths = tile_paths(size)
    entries = [path for path in paths if path.startswith("tile/entries/")]
    assert len(entries) == -(-size // 256)
    assert len([path for path in paths if path.startswith("tile/0/")]) == -(-size // 256)
    assert len([path for path in paths if path.startswith("tile/1/")]) == -(-(size // 256) // 256)
    assert len([path for path in paths if ".p/" in path and "entries" in path]) == (size % 256 > 0)
