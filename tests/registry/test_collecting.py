import json
import struct
from datetime import datetime, timedelta

import numpy as np
import pytest
from tests.registry.killed_runs import run_killed

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.collecting import GRACE, collect_garbage
from smallcraft.registry.content.disk import read_blob, write_new
from smallcraft.registry.state import State
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.trash import restore_from_trash
from smallcraft.registry.verify.registry import verify_registry


def digest_of(release, path):
    return next(file.digest for file in release.files if file.path == path)


def in_trash(registry):
    return {f"sha256:{path.name}" for path in registry.layout.trash.glob("*/*")}


def removed_in(collected):
    return {removed.content.digest for removed in collected.removed}


@pytest.fixture
def erased(registry, now):
    """`helpdesk@2` is to be erased."""
    registry.retire("helpdesk", 2, now=now, erase=True)
    return registry


def test_a_registry_without_garbage_is_left_as_it_is(registry, now):
    before = verify_registry(registry.root)
    collected = collect_garbage(registry, now=now)
    assert (collected.removed, collected.kept, collected.purged, collected.entry) == ((), (), (), None)
    assert verify_registry(registry.root).head == before.head
    assert not registry.layout.trash.exists()


def test_what_only_an_erased_release_had_goes_and_what_others_share_stays(registry, now):
    second = registry.read("helpdesk@2")
    registry.retire("helpdesk", 2, now=now, erase=True)
    collected = collect_garbage(registry, now=now)
    assert digest_of(second, "bundle/model.json") in removed_in(collected)
    assert second.manifest_digest in removed_in(collected)
    tokenizer = digest_of(second, "bundle/tokenizer.json")
    assert [(kept.of, kept.by) for kept in collected.kept if kept.content.digest == tokenizer] == [
        ("helpdesk@2", "helpdesk@1")
    ]
    assert {removed.why for removed in collected.removed} == {"of helpdesk@2, which was erased"}
    assert in_trash(registry) == removed_in(collected)
    assert collected.removed_bytes == sum(path.stat().st_size for path in registry.layout.trash.glob("*/*"))
    verify_registry(registry.root)
    for label in ("helpdesk@1", "helpdesk@3"):
        assert registry.read_file(registry.read(label), "bundle/tokenizer.json") == b'{"tokens":[]}'
    with pytest.raises(NotFoundError, match="its bytes were erased"):
        registry.read("helpdesk@2")


def test_the_log_says_what_went(erased, now):
    collected = collect_garbage(erased, now=now)
    entry = erased.log().entries[collected.entry - 1]
    assert entry.kind == "gc"
    document = json.loads(read_blob(erased.layout, entry.manifest, use="the list"))
    assert {digest for digest, _ in document["removed"]} == removed_in(collected)
    assert sum(size for _, size in document["removed"]) == collected.removed_bytes


def test_a_second_collection_finds_nothing(erased, now):
    collect_garbage(erased, now=now)
    before = verify_registry(erased.root)
    again = collect_garbage(erased, now=now)
    assert (again.removed, again.entry, again.purged) == ((), None, ())
    assert verify_registry(erased.root).head == before.head


def test_a_release_that_was_retired_but_not_erased_keeps_its_bytes(registry, now):
    registry.retire("helpdesk", 2, now=now)
    assert collect_garbage(registry, now=now).removed == ()
    assert registry.read("helpdesk@2").label == "helpdesk@2"


def test_looks_trials_and_lists_of_earlier_collections_are_kept(erased, now):
    collect_garbage(erased, now=now)
    erased.record_looks("helpdesk", [b'{"look":1}'], now=now)
    erased.record_trials("helpdesk", [b'{"trial":1}'], now=now)
    assert collect_garbage(erased, now=now).removed == ()
    assert erased.looks() == (b'{"look":1}',)
    verify_registry(erased.root)


def test_the_trash_is_deleted_when_its_grace_is_over(erased, now):
    collected = collect_garbage(erased, now=now)
    kept = collect_garbage(erased, now=now + GRACE)
    assert kept.purged == ()
    over = collect_garbage(erased, now=now + GRACE + timedelta(days=1))
    assert {content.digest for content in over.purged} == removed_in(collected)
    assert over.entry is None
    assert in_trash(erased) == set()
    verify_registry(erased.root)


def test_personal_data_goes_at_once_where_that_is_asked_for(registry, now):
    second = registry.read("helpdesk@2")
    registry.retire("helpdesk", 2, now=now, erase=True)
    collected = collect_garbage(registry, now=now, purge_erased=True)
    assert second.manifest_digest in removed_in(collected)
    assert in_trash(registry) == set()
    with pytest.raises(NotFoundError, match="has no blob"):
        restore_from_trash(registry, second.manifest_digest)
    verify_registry(registry.root)


def test_purging_reaches_what_lies_in_trash_and_quarantine_already(erased, now):
    collected = collect_garbage(erased, now=now)
    one = min(removed_in(collected)).removeprefix("sha256:")
    erased.layout.quarantine.mkdir()
    write_new(erased.layout.quarantine / one, b"rotten")
    purged = collect_garbage(erased, now=now, purge_erased=True).purged
    assert {content.digest for content in purged} == removed_in(collected)
    assert in_trash(erased) == set()
    assert not erased.layout.quarantine.exists()


def test_a_release_that_somebody_reads_is_spared_until_the_lease_ends(erased, now):
    State(erased.layout.database).lease("helpdesk@2", holder="a server", until=now + timedelta(hours=1))
    spared = collect_garbage(erased, now=now)
    assert spared.removed == ()
    assert "a reader of helpdesk@2" in {kept.by for kept in spared.kept}
    assert collect_garbage(erased, now=now + timedelta(hours=2)).removed != ()
    verify_registry(erased.root)


def test_a_leftover_that_is_a_blob_goes_and_anything_else_is_named_by_verify(registry, now):
    data = b"left by another tool"
    layout = registry.layout
    write_new(layout.blob(digest_bytes(data)), data)
    (leftover,) = collect_garbage(registry, now=now).removed
    assert (leftover.content, leftover.why) == (Content(digest_bytes(data), len(data)), "nothing names it")
    verify_registry(registry.root)
    write_new(layout.blobs / ("0" * 64), b"its name lies")
    write_new(layout.blobs / "notes.txt", b"mine")
    (layout.blobs / ("1" * 64)).symlink_to(layout.checkpoint)
    collected = collect_garbage(registry, now=now)
    assert collected.removed == ()
    assert collected.left == tuple(f"blobs/sha256/{name}" for name in ("0" * 64, "1" * 64, "notes.txt"))
    with pytest.raises(IntegrityError, match="does not belong here"):
        verify_registry(registry.root)


def test_a_live_release_that_cannot_be_read_stops_the_collection(erased, now):
    before = sorted(erased.layout.blobs.iterdir())
    manifest = erased.layout.blob(erased.read("helpdesk@3").manifest_digest)
    manifest.chmod(0o644)
    manifest.write_bytes(b"{}")
    with pytest.raises(IntegrityError, match="the manifest of helpdesk@3"):
        collect_garbage(erased, now=now)
    assert sorted(erased.layout.blobs.iterdir()) == before


def test_a_name_that_was_erased_can_be_published_and_erased_again(registry, now):
    second = registry.read("helpdesk@2")
    files = {
        file.path: registry.read_file(second, file.path)
        for file in second.files
        if file.path not in {"facts.json", "model.sig"}
    }
    registry.retire("helpdesk", 2, now=now, erase=True)
    collect_garbage(registry, now=now)
    fourth = registry.publish("helpdesk", files, second.facts, now=now)
    assert (fourth.label, fourth.manifest_digest) == ("helpdesk@4", second.manifest_digest)
    assert collect_garbage(registry, now=now).removed == ()
    verify_registry(registry.root)
    registry.retire("helpdesk", 4, now=now, erase=True)
    collected = collect_garbage(registry, now=now)
    assert second.manifest_digest in removed_in(collected)
    assert collected.entry is not None
    verify_registry(registry.root)


def safetensors(*layers):
    header, data = {}, b""
    for number, layer in enumerate(layers):
        raw = layer.tobytes()
        header[f"layer{number}"] = {
            "dtype": "F32",
            "shape": list(layer.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data


def test_bytes_that_a_recipe_of_another_release_needs_stay(tmp_path, now):
    rng = np.random.default_rng(7)
    first, second, third, new = (rng.normal(size=(512, 512)).astype(np.float32) for _ in range(4))
    registry = Registry.create(tmp_path / "registry")
    path = "bundle/model.safetensors"
    registry.publish("a", {path: safetensors(first, second, third)}, {"n": 1}, now=now)
    registry.publish("a", {path: safetensors(first, second, new)}, {"n": 2}, now=now)
    stored = registry.find("a@2")
    assert stored.locations[path].recipe is not None
    base = digest_of(registry.read("a@1"), path)
    registry.retire("a", 1, now=now, erase=True)
    collected = collect_garbage(registry, now=now, purge_erased=True)
    assert base not in removed_in(collected)
    assert [(kept.of, kept.by) for kept in collected.kept if kept.content.digest == base] == [("a@1", "a@2")]
    verify_registry(registry.root)
    assert registry.find("a@2").read(path) == safetensors(first, second, new)
    registry.retire("a", 2, now=now, erase=True)
    assert base in removed_in(collect_garbage(registry, now=now))
    verify_registry(registry.root)


def test_a_collection_can_be_undone_blob_by_blob(erased, now):
    collected = collect_garbage(erased, now=now)
    for removed in collected.removed:
        assert restore_from_trash(erased, removed.content.digest) == removed.content
    assert in_trash(erased) == set()
    verify_registry(erased.root)
    again = collect_garbage(erased, now=now)
    assert removed_in(again) == removed_in(collected)
    assert again.entry is None
    verify_registry(erased.root)


def test_a_negative_grace_and_a_time_without_a_zone_are_refused(registry, now):
    with pytest.raises(InvalidInputError, match="the grace must not be negative"):
        collect_garbage(registry, now=now, grace=timedelta(days=-1))
    with pytest.raises(InvalidInputError, match="must carry a time zone"):
        collect_garbage(registry, now=datetime(2026, 10, 1))


KILLED = """
from smallcraft.errors import IntegrityError
from smallcraft.registry.collecting import collect_garbage
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

NOW = datetime(2026, 10, 1, tzinfo=UTC)

def prepare(folder):
    registry = Registry.create(folder / "registry")
    for n in (1, 2):
        registry.publish("a", {"bundle/x.json": b"%d" % n, "bundle/y.json": b"[]"}, {"n": n}, now=NOW)
    registry.retire("a", 1, now=NOW, erase=True)

def act(folder):
    collect_garbage(Registry.open(folder / "registry"), now=NOW)

def settle(folder):
    registry = Registry.open(folder / "registry")
    moved = len(list(registry.layout.trash.glob("*/*")))
    logged = sum(entry.kind == "gc" for entry in registry.log().entries)
    try:
        verify_registry(registry.root)
        broken = None
    except IntegrityError as error:
        broken = str(error)
    collect_garbage(registry, now=NOW)
    verify_registry(registry.root)
    registry.read("a@2")
    return {
        "moved": moved,
        "logged": logged,
        "broken": broken,
        "moved_then": len(list(registry.layout.trash.glob("*/*"))),
        "logged_then": sum(entry.kind == "gc" for entry in registry.log().entries),
    }
"""


@pytest.fixture(scope="module", params=[3, pytest.param(1, marks=pytest.mark.slow)])
def killed(request, tmp_path_factory):
    """What is there after a collection was killed at every step, or at every third."""
    steps = run_killed(KILLED, tmp_path_factory.mktemp("killed"), every=request.param)
    assert len(steps) > 30 / request.param
    assert any(0 < step["moved"] < steps[-1]["moved"] for step in steps)
    return steps


def test_a_collection_killed_at_any_step_is_finished_by_the_next(killed):
    assert {step["logged_then"] for step in killed} == {1}
    assert len({step["moved_then"] for step in killed}) == 1


def test_nothing_moves_before_the_log_says_so(killed):
    assert all(step["logged"] for step in killed if step["moved"])


def test_a_registry_whose_collection_was_killed_verifies_at_once(killed):
    assert [step["broken"] for step in killed] == [None] * len(killed)
