import dataclasses

import pytest
from tests.registry.proofs.conftest import Published

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.manifests.manifest import encode_manifest, parse_manifest
from smallcraft.registry.proofs.material import read_attachments, read_model, recorded_files
from smallcraft.registry.tlog.entry import Content, parse_entry


@pytest.fixture
def entry(published):
    return parse_entry(published.entries[published.index], number=5)


def content_of(data):
    return Content(digest_bytes(data), len(data))


def parsed(data):
    return parse_manifest(data, digest=digest_bytes(data))


def test_files_of_the_model_its_attachments_and_its_packs_are_listed_by_path(author):
    packed = Published(author, packed=True)
    manifests = [parsed(data) for data in (packed.manifest, *packed.attachments)]
    files = recorded_files(manifests, packed.pack_indexes)
    every = {**packed.content, **packed.packed}
    assert {file.path: file.digest for file in files} == {p: digest_bytes(d) for p, d in every.items()}
    assert [file.path for file in files] == sorted(every)


def test_the_index_of_another_pack_is_refused(author):
    packed = Published(author, packed=True)
    manifest = parsed(packed.manifest)
    layer = dataclasses.replace(manifest.packs[0], pack=Content(digest_bytes(b"other"), 5))
    with pytest.raises(IntegrityError, match=r"speaks of sha256:.*, its manifest of sha256"):
        recorded_files([dataclasses.replace(manifest, packs=(layer,))], packed.pack_indexes)


def test_a_path_that_two_manifests_list_is_refused(published):
    manifest = parsed(published.manifest)
    with pytest.raises(IntegrityError, match=r"bundle/model\.onnx is listed by two manifests"):
        recorded_files([manifest, manifest], ())


def test_an_attachment_is_no_model(published, entry):
    card = published.attachments[1]
    with pytest.raises(IntegrityError, match="must be a model's, but its type is"):
        read_model(card, b"{}", dataclasses.replace(entry, manifest=content_of(card)))


def test_an_attachment_of_another_model_is_refused(published, entry):
    card = parsed(published.attachments[1])
    stolen = encode_manifest(dataclasses.replace(card, subject=content_of(b"another model")))
    entry = dataclasses.replace(entry, attestations=(digest_bytes(stolen),))
    with pytest.raises(IntegrityError, match=r"attachments/card\.json is attached to .* not to helpdesk@1"):
        read_attachments({"attachments/card.json": stolen}, entry)


def test_the_order_of_attachments_is_the_entrys(published, entry):
    named = {f"attachments/{n}.json": data for n, data in enumerate(reversed(published.attachments))}
    kinds = [manifest.artifact_type for manifest in read_attachments(named, entry)]
    assert kinds == [parsed(data).artifact_type for data in published.attachments]
