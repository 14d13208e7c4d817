import pytest

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.reaching import blob_name, contents_of, erased_releases, removed_blobs, users_of


def spoil(path):
    path.chmod(0o644)
    path.write_bytes(b"rotten")


def test_every_blob_of_a_sound_registry_has_a_user(registry):
    users = users_of(registry.layout, registry.log(), is_strict=True)
    assert set(users) == {f"sha256:{path.name}" for path in registry.layout.blobs.iterdir()}
    assert users == users_of(registry.layout, registry.log(), is_strict=False)


def test_a_shared_blob_names_each_release_that_needs_it_once(registry):
    users = users_of(registry.layout, registry.log(), is_strict=True)
    tokenizer = next(file for file in registry.read("1").files if file.path == "bundle/tokenizer.json")
    assert users[tokenizer.digest] == ["helpdesk@1", "helpdesk@2", "helpdesk@3"]


def test_looks_and_trials_are_users(registry, now):
    registry.record_looks("helpdesk", [b'{"look":1}'], now=now)
    registry.record_trials("helpdesk", [b'{"trial":1}'], now=now)
    users = users_of(registry.layout, registry.log(), is_strict=True)
    size = len(registry.log().entries)
    assert [f"entry {size - 1} (look)"] in users.values()
    assert [f"entry {size} (decision)"] in users.values()
    assert set(users) == {f"sha256:{path.name}" for path in registry.layout.blobs.iterdir()}


def test_a_rotten_manifest_is_refused_or_left_out_but_still_has_its_user(registry):
    stored = registry.find("helpdesk@2")
    spoil(registry.layout.blob(stored.model.content.digest))
    with pytest.raises(IntegrityError, match="the manifest of helpdesk@2"):
        users_of(registry.layout, registry.log(), is_strict=True)
    users = users_of(registry.layout, registry.log(), is_strict=False)
    assert users[stored.model.content.digest] == ["helpdesk@2"]
    weights = next(file for file in stored.files if file.path == "bundle/model.json")
    assert weights.digest not in users


def test_an_erased_release_needs_nothing_and_tells_what_it_had(registry, now):
    stored = registry.find("helpdesk@2")
    registry.retire("helpdesk", 2, now=now, erase=True)
    users = users_of(registry.layout, registry.log(), is_strict=True)
    assert all("helpdesk@2" not in whose for whose in users.values())
    (erased,) = erased_releases(registry.layout, registry.log())
    assert (erased.entry.label, erased.retired) == ("helpdesk@2", len(registry.log().entries))
    assert set(erased.contents) == {content for one in stored.manifests for content in contents_of(one)}
    assert removed_blobs(registry.layout, registry.log()) == {}


def test_an_erased_release_with_a_manifest_gone_tells_the_rest(registry, now):
    stored = registry.find("helpdesk@2")
    registry.retire("helpdesk", 2, now=now, erase=True)
    registry.layout.blob(stored.model.content.digest).unlink()
    (erased,) = erased_releases(registry.layout, registry.log())
    assert stored.attached[0].content in erased.contents
    assert stored.model.content not in erased.contents


def test_a_path_is_no_digest():
    assert blob_name("sha256:" + "a" * 64) == blob_name("a" * 64) == "a" * 64
    for digest in ("../log/checkpoint", "a" * 63, "sha256:" + "A" * 64, ""):
        with pytest.raises(InvalidInputError, match="64 hex digits"):
            blob_name(digest)
