import json
from dataclasses import replace
from datetime import timedelta

import pytest

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.collecting import collect_garbage
from smallcraft.registry.manifests.manifest import encode_manifest
from smallcraft.registry.reading import read_stored
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.verify.expecting import encode_removed, expected_blobs, removed_by
from smallcraft.registry.verify.registry import verify_registry


def expected_of(registry):
    return expected_blobs(registry.layout, registry.log(), registry.stored())


def test_every_stored_blob_is_expected_and_every_expected_one_stored(registry, now):
    registry.record_trials("helpdesk", [b"[1]"], now=now)
    registry.record_looks("helpdesk", [b"look\n"], now=now)
    stored = {f"sha256:{path.name}" for path in registry.layout.blobs.iterdir()}
    expected = expected_of(registry)
    assert set(expected) == stored
    assert not any(blob.may_be_gone for blob in expected.values())


def test_a_shared_blob_is_told_with_all_that_needs_it(registry):
    blob = expected_of(registry)[digest_bytes(b'{"tokens":[]}')]
    parts = [f"bundle/tokenizer.json of helpdesk@{version}" for version in (1, 2, 3)]
    assert blob.use == "; ".join(parts)


def test_a_few_uses_are_enough_to_tell(registry, now):
    for number in range(9):
        registry.publish("more", {"bundle/tokenizer.json": b'{"tokens":[]}'}, {"n": number}, now=now)
    blob = expected_of(registry)[digest_bytes(b'{"tokens":[]}')]
    assert blob.use.count(";") == 3


def test_what_an_erased_release_had_may_be_gone_once_an_entry_says_so(registry, now):
    model = registry.find("helpdesk@2").model.content.digest
    registry.retire("helpdesk", 2, now=now, erase=True)
    assert not any(blob.may_be_gone for blob in expected_of(registry).values())
    collect_garbage(registry, now=now + timedelta(hours=1))
    assert model in removed_by(registry.layout, registry.log())
    assert expected_of(registry)[model].may_be_gone
    verify_registry(registry.root)


def test_an_erased_release_that_is_gone_without_an_entry_is_named(registry, now):
    stored = registry.find("helpdesk@2")
    own = next(file for file in stored.files if file.path == "bundle/model.json")
    registry.retire("helpdesk", 2, now=now, erase=True)
    path = registry.layout.blob(own.digest)
    sound = path.read_bytes()
    path.unlink()
    with pytest.raises(
        IntegrityError, match=r"bundle/model.json of helpdesk@2, which was erased.* is missing"
    ):
        verify_registry(registry.root)
    path.write_bytes(sound)
    registry.layout.blob(stored.model.content.digest).unlink()
    with pytest.raises(IntegrityError, match=r"helpdesk@2, which no entry says was removed. is missing"):
        verify_registry(registry.root)


def test_a_release_published_again_after_its_erasure_needs_its_blobs(registry, now):
    registry.publish("a", {"bundle/x.json": b"[7]"}, {}, now=now)
    registry.retire("a", 1, now=now, erase=True)
    collect_garbage(registry, now=now)
    assert registry.publish("a", {"bundle/x.json": b"[7]"}, {}, now=now).version == 2
    verify_registry(registry.root)
    registry.layout.blob(digest_bytes(b"[7]")).unlink()
    with pytest.raises(IntegrityError, match=r"bundle/x.json of a@2.* is missing"):
        verify_registry(registry.root)


def test_a_digest_recorded_with_two_sizes_is_refused(registry, now):
    stored = registry.find("3")
    with registry.writing(now) as writer:
        value = json.loads(encode_manifest(stored.model.manifest))
        value["layers"][0]["size"] += 1
        manifest = writer.staging.add(canonical_json(value))
        put = replace(
            stored.entry,
            version=4,
            prev=stored.entry.manifest.digest,
            manifest=Content(manifest.digest, manifest.size_bytes),
            attestations=(),
        )
        writer.commit([put])
    releases = [registry.find(str(version)) for version in (1, 2, 3)]
    log = registry.log()
    releases.append(read_stored(registry.layout, log.state.put("helpdesk", 4).entry))
    with pytest.raises(IntegrityError, match=r"though both are sha256:.*do not serve either"):
        expected_blobs(registry.layout, log, releases)


def test_what_went_is_told_in_one_order():
    contents = [Content("sha256:b", 2), Content("sha256:a", 1)]
    assert encode_removed(contents) == encode_removed(contents[::-1])
    assert json.loads(encode_removed(contents))["removed"] == [["sha256:a", 1], ["sha256:b", 2]]
