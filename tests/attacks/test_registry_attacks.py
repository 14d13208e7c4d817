"""What someone with write access to a registry's files may try; each is named, none is served."""

import dataclasses
import json
import os
import shutil
from datetime import UTC, datetime

import pytest

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.checkpoint import checkpoint_of, encode_checkpoint
from smallcraft.registry.disk import Layout, read_log
from smallcraft.registry.log import encode_entry, parse_entry
from smallcraft.registry.manifest import build_index
from smallcraft.registry.store import Registry
from smallcraft.registry.verify import verify_registry

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def registry(tmp_path):
    made = Registry.create(tmp_path / "registry")
    for version in (1, 2, 3):
        files = {"bundle/model.onnx": b"weights %d" % version * 99, "card.md": b"# card"}
        made.publish("helpdesk", files, {"accuracy": 0.9 + version / 100}, now=NOW)
    return made


@pytest.fixture
def layout(registry):
    return Layout(registry.root)


def overwrite(path, data):
    path.chmod(0o644)
    path.write_bytes(data)


def weights_of(registry, layout, version):
    return layout.blob(registry.read(str(version)).files[0].digest)


def rewrite_log(layout, entries):
    """Store entries as the log, chain, checkpoint and index all made to fit."""
    raw = []
    for number, entry in enumerate(entries, start=1):
        before = digest_bytes(raw[-1]) if raw else None
        raw.append(encode_entry(dataclasses.replace(entry, prev_entry=before)))
        overwrite(layout.entry(number), raw[-1])
    overwrite(layout.checkpoint, encode_checkpoint(checkpoint_of(entries[0].origin, raw)))
    overwrite(layout.index, build_index(entries))


def test_a_truncated_blob_is_named_and_not_served(registry, layout):
    path = weights_of(registry, layout, 2)
    overwrite(path, path.read_bytes()[:400])
    with pytest.raises(IntegrityError, match=r"model.onnx of helpdesk@2.*the file has 400 bytes"):
        verify_registry(registry.root)
    with pytest.raises(IntegrityError, match=r"model.onnx of helpdesk@2"):
        registry.read_file(registry.read("2"), "bundle/model.onnx")


def test_replaced_weights_of_the_same_length_are_named_and_not_served(registry, layout):
    path = weights_of(registry, layout, 3)
    overwrite(path, bytes(path.stat().st_size))
    with pytest.raises(IntegrityError, match=r"model.onnx of helpdesk@3.*do not use it"):
        verify_registry(registry.root)
    with pytest.raises(IntegrityError, match=r"model.onnx of helpdesk@3"):
        registry.materialize(registry.read("3"), registry.root.parent / "copy")
    assert not (registry.root.parent / "copy").exists()


def test_weights_of_one_release_swapped_for_anothers_are_named(registry, layout):
    shutil.copy(weights_of(registry, layout, 1), registry.root.parent / "old")
    overwrite(weights_of(registry, layout, 3), (registry.root.parent / "old").read_bytes())
    with pytest.raises(IntegrityError, match=r"model.onnx of helpdesk@3"):
        verify_registry(registry.root)


def test_a_deleted_blob_is_named(registry, layout):
    weights_of(registry, layout, 1).unlink()
    with pytest.raises(IntegrityError, match=r"model.onnx of helpdesk@1\) is missing"):
        verify_registry(registry.root)


def test_a_link_in_place_of_a_blob_is_named_even_when_its_bytes_are_right(registry, layout):
    path = weights_of(registry, layout, 2)
    elsewhere = registry.root.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(IntegrityError, match=r"model.onnx of helpdesk@2\) is a link"):
        verify_registry(registry.root)
    with pytest.raises(IntegrityError, match="is a link"):
        registry.read_file(registry.read("2"), "bundle/model.onnx")


def test_a_folder_replaced_by_a_link_is_named(registry, layout):
    moved = registry.root.parent / "moved"
    layout.blobs.rename(moved)
    layout.blobs.symlink_to(moved)
    with pytest.raises(IntegrityError, match=r"blobs/sha256 does not belong here"):
        verify_registry(registry.root)


def test_a_pipe_in_place_of_a_blob_is_named_and_blocks_nobody(registry, layout):
    path = weights_of(registry, layout, 2)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(IntegrityError, match="is not a plain file"):
        verify_registry(registry.root)


def facts_blob(registry, layout, version):
    manifest = layout.blob(registry.read(str(version)).manifest_digest)
    return layout.blob(json.loads(manifest.read_bytes())["config"]["digest"])


def test_an_edited_metric_is_named_and_not_shown(registry, layout):
    path = facts_blob(registry, layout, 2)
    overwrite(path, path.read_bytes().replace(b"0.92", b"0.99"))
    with pytest.raises(IntegrityError, match="the facts of helpdesk@2"):
        verify_registry(registry.root)
    with pytest.raises(IntegrityError, match="the facts of helpdesk@2"):
        registry.read("2")


def test_an_edited_metric_stored_under_its_own_digest_is_named(registry, layout):
    """The blob is renamed to fit and the manifest is edited to name it."""
    release = registry.read("2")
    edited = canonical_json({"accuracy": 0.99})
    layout.blob(digest_bytes(edited)).write_bytes(edited)
    manifest = layout.blob(release.manifest_digest)
    value = json.loads(manifest.read_bytes())
    value["config"].update(digest=digest_bytes(edited), size=len(edited))
    overwrite(manifest, canonical_json(value))
    with pytest.raises(IntegrityError, match="the manifest of helpdesk@2"):
        verify_registry(registry.root)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_deleted_entry_is_named(registry, layout, number):
    layout.entry(number).unlink()
    with pytest.raises(IntegrityError, match=f"log/entries/0000000{number}.json"):
        verify_registry(registry.root)
    with pytest.raises(IntegrityError, match=f"log/entries/0000000{number}.json"):
        registry.releases()


def test_a_dropped_last_entry_under_the_old_checkpoint_is_named(registry, layout):
    layout.entry(3).unlink()
    overwrite(layout.index, build_index(read_log_until(layout, 2)))
    with pytest.raises(IntegrityError, match=r"00000003.json: .*covers 3 entries, but entry 3"):
        verify_registry(registry.root)


def read_log_until(layout, size):
    """Entries of a log whose checkpoint no longer fits."""
    return [parse_entry(layout.entry(n).read_bytes(), number=n) for n in range(1, size + 1)]


def test_a_checkpoint_put_back_to_an_older_one_is_named(registry, layout):
    entries = read_log(layout).raw
    older = checkpoint_of("smallcraft.local/registry", entries[:2])
    overwrite(layout.checkpoint, encode_checkpoint(older))
    with pytest.raises(IntegrityError, match=r"00000003.json: .*put back to an older one"):
        verify_registry(registry.root)
    with pytest.raises(IntegrityError, match="put back to an older one"):
        registry.publish("helpdesk", {"a.json": b"1"}, {}, now=NOW)


def test_reordered_entries_are_named_from_the_first(registry, layout):
    second, third = layout.entry(2).read_bytes(), layout.entry(3).read_bytes()
    overwrite(layout.entry(2), third)
    overwrite(layout.entry(3), second)
    with pytest.raises(IntegrityError, match=r"00000002.json: entry 2 does not match"):
        verify_registry(registry.root)


def test_a_moved_version_number_is_named(registry, layout):
    path = layout.entry(2)
    overwrite(path, path.read_bytes().replace(b'"version":2', b'"version":9'))
    with pytest.raises(IntegrityError, match=r"00000002.json: entry 2 does not match"):
        verify_registry(registry.root)


def test_a_moved_version_number_is_named_even_with_the_chain_made_to_fit(registry, layout):
    entries = [*read_log(layout).entries]
    entries[1] = dataclasses.replace(entries[1], version=9)
    rewrite_log(layout, entries)
    with pytest.raises(IntegrityError, match=r"00000002.json: entry 2 must be helpdesk@2"):
        verify_registry(registry.root)


def test_a_version_pointed_at_another_manifest_is_named_with_the_chain_made_to_fit(registry, layout):
    """The next version still says what came before it."""
    entries = [*read_log(layout).entries]
    first = entries[0]
    entries[1] = dataclasses.replace(
        entries[1], manifest_digest=first.manifest_digest, manifest_size=first.manifest_size
    )
    rewrite_log(layout, entries)
    with pytest.raises(IntegrityError, match=r"00000003.json: entry 3 must be helpdesk@3"):
        verify_registry(registry.root)


@pytest.mark.parametrize(
    "name",
    [
        "extra.txt",
        "blobs/sha256/" + "0" * 64,
        "blobs/sha256/.hidden",
        "blobs/other",
        "log/policy",
        "log/entries/00000001.json.bak",
        "log/entries/1.json",
        "log/entries/00000000.json",
    ],
)
def test_an_extra_file_is_named(registry, name):
    (registry.root / name).write_bytes(b"planted")
    with pytest.raises(IntegrityError, match=f"{name} does not belong here"):
        verify_registry(registry.root)


def test_an_extra_folder_is_named(registry):
    (registry.root / "blobs" / "sha512").mkdir()
    with pytest.raises(IntegrityError, match="blobs/sha512 does not belong here"):
        verify_registry(registry.root)


def test_an_extra_entry_is_named(registry, layout):
    layout.entry(4).write_bytes(layout.entry(3).read_bytes())
    with pytest.raises(IntegrityError, match=r"00000004.json: .*an entry was planted"):
        verify_registry(registry.root)


def test_an_index_that_points_elsewhere_is_named(registry, layout):
    entries = read_log(layout).entries
    overwrite(layout.index, build_index([entries[0], entries[0], entries[0]]))
    with pytest.raises(IntegrityError, match=r"index.json: expected the index"):
        verify_registry(registry.root)


def test_a_whole_older_copy_is_not_detected_and_its_head_tells(registry, tmp_path):
    """Not covered, as the headers say: only a head kept elsewhere tells the copies apart."""
    shutil.copytree(registry.root, tmp_path / "older")
    registry.publish("helpdesk", {"a.json": b"1"}, {}, now=NOW)
    older, newer = verify_registry(tmp_path / "older"), verify_registry(registry.root)
    assert older.head != newer.head
