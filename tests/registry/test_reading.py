import json
from dataclasses import replace

import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.records import StoredFile
from smallcraft.registry.manifests.kinds import MODEL_TYPE, artifact_type
from smallcraft.registry.manifests.manifest import FileLayer, Manifest, encode_manifest, model_config
from smallcraft.registry.reading import read_attached, read_manifest, read_stored
from smallcraft.registry.tlog.entry import Content


def entry_of(registry, reference="2"):
    return registry.find(reference).entry


def store(registry, data):
    path = registry.layout.blob(digest_bytes(data))
    if not path.exists():
        path.write_bytes(data)
    return Content(digest_bytes(data), len(data))


def test_a_release_is_what_its_entry_names(registry):
    stored = read_stored(registry.layout, entry_of(registry))
    assert [attached.manifest.artifact_type for attached in stored.attached] == [
        artifact_type(kind) for kind in ("evaluation", "card", "signature")
    ]
    assert all(attached.manifest.subject == stored.model.content for attached in stored.attached)
    assert stored.read("card.md") == b"# helpdesk"
    assert stored.facts["accuracy"] == 0.92
    assert stored.release.manifest_digest == stored.entry.manifest.digest
    assert [file.path for file in stored.files] == sorted(stored.locations)


def test_a_file_that_is_not_there_is_refused_with_what_there_is(registry):
    with pytest.raises(
        NotFoundError, match=r"helpdesk@2 has no file 'modle.sig'; .* did you mean 'model.sig'"
    ):
        read_stored(registry.layout, entry_of(registry)).read("modle.sig")


@pytest.mark.parametrize("which", range(4))
def test_a_changed_manifest_is_named(registry, which):
    stored = registry.find("2")
    digest = stored.manifests[which].content.digest
    path = registry.layout.blob(digest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=rf"{path.name} .*helpdesk@2"):
        read_stored(registry.layout, stored.entry)


def test_an_old_release_under_a_new_name_is_refused(registry):
    replayed = replace(entry_of(registry), name="fresh", version=1, prev=None)
    with pytest.raises(IntegrityError, match=r"fresh@1 is the model that was released as 'helpdesk'"):
        read_stored(registry.layout, replayed)


def test_an_attachment_of_another_release_is_refused(registry):
    second, third = entry_of(registry, "2"), entry_of(registry, "3")
    swapped = replace(third, attestations=(second.attestations[0], *third.attestations[1:]))
    with pytest.raises(IntegrityError, match=r"of helpdesk@3 must be attached to"):
        read_stored(registry.layout, swapped)


def test_an_attachment_is_no_model_and_a_model_no_attachment(registry):
    entry = entry_of(registry)
    card = registry.find("2").attached[1].content
    with pytest.raises(IntegrityError, match=r"must be the manifest of a model, got application/vnd.small"):
        read_stored(registry.layout, replace(entry, manifest=card))
    with pytest.raises(IntegrityError, match="must be an attachment of a kind that is known"):
        read_attached(registry.layout, entry, entry.manifest.digest)


def test_a_file_in_another_part_than_its_path_says_is_refused(registry):
    """Weights that hide among the cards would be no part of the model that is signed for."""
    entry = entry_of(registry)
    file = StoredFile("bundle/more.json", digest_bytes(b"{}"), 2)
    hiding = Manifest(artifact_type("card"), (FileLayer(file),), subject=entry.manifest)
    content = store(registry, encode_manifest(hiding))
    with pytest.raises(IntegrityError, match=r"bundle/more.json of helpdesk@2 must be in"):
        read_stored(registry.layout, replace(entry, attestations=(content.digest,)))


def test_a_model_that_is_attached_to_something_is_none(registry):
    entry = entry_of(registry)
    config = store(registry, model_config("helpdesk", ()))
    odd = Manifest(MODEL_TYPE, (), config=config, subject=entry.manifest)
    content = store(registry, encode_manifest(odd))
    with pytest.raises(IntegrityError, match="must be the manifest of a model"):
        read_stored(registry.layout, replace(entry, manifest=content))


def test_a_manifest_with_another_size_than_recorded_is_refused(registry):
    content = registry.find("2").model.content
    for size in (content.size_bytes - 1, content.size_bytes + 1):
        with pytest.raises(IntegrityError, match="does not match its record"):
            read_manifest(registry.layout, Content(content.digest, size), use="x")


def test_facts_are_an_object(registry, now):
    with registry.writing(now) as writer:
        content = writer.staging.add(b"[]")
        file = FileLayer(StoredFile("facts.json", content.digest, content.size_bytes))
        model = entry_of(registry).manifest
        made = Manifest(artifact_type("evaluation"), (file,), subject=model)
        manifest = writer.staging.add(encode_manifest(made))
        last = entry_of(registry, "3")
        put = replace(
            last, version=4, prev=last.manifest.digest, manifest=model, attestations=(manifest.digest,)
        )
        writer.commit([put])
    stored = read_stored(registry.layout, registry.log().state.put("helpdesk", 4).entry)
    with pytest.raises(IntegrityError, match="the facts of helpdesk@4 must be a JSON object"):
        _ = stored.facts


def test_facts_are_read_as_they_are_stored(registry):
    stored = registry.find("2")
    assert json.loads(stored.read("facts.json")) == stored.facts
