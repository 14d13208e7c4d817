import dataclasses

import pytest
from tests.registry.proofs.conftest import Author, Published

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.proofs.needed import needed_blobs
from smallcraft.registry.proofs.two_logs import claimed_policies, open_copy
from smallcraft.registry.tlog.entry import Content, Entry, encode_entry


@pytest.fixture
def growing():
    return Published(Author(20261001))


def needed(published, folder):
    layout = Layout(published.write_registry(folder))
    return needed_blobs(layout, open_copy(layout, claimed_policies(layout)))


def retire(published, *, erased):
    entry = Entry(published.origin, "retire", "2026-10-04T00:00:00Z", "helpdesk", 1, erased=erased)
    published.entries.append(encode_entry(entry))


def test_manifests_attachments_files_and_documents_are_needed(growing, tmp_path):
    wanted = needed(growing, tmp_path)
    logged = [growing.manifest, growing.config, *growing.attachments, *growing.content.values()]
    assert {digest_bytes(data) for data in logged} < set(wanted)
    assert digest_bytes(b"look 0") in wanted
    assert all(content.size_bytes == len(growing.blobs[digest]) for digest, content in wanted.items())


def test_the_blobs_of_a_pack_are_needed(tmp_path):
    packed = Published(Author(20261001), packed=True)
    assert {digest_bytes(packed.pack_indexes[0])} < set(needed(packed, tmp_path))


def test_an_erased_release_needs_nothing_and_a_retired_one_everything(growing, tmp_path):
    before = needed(growing, tmp_path / "a")
    retire(growing, erased=False)
    assert needed(growing, tmp_path / "b") == before
    retire(growing, erased=True)
    left = needed(growing, tmp_path / "c")
    assert digest_bytes(growing.manifest) not in left
    assert digest_bytes(b"look 0") in left


@pytest.mark.parametrize("which", [0, 1])
def test_a_manifest_that_is_not_the_recorded_one_is_named(growing, tmp_path, which):
    victim = (growing.manifest, growing.attachments[0])[which]
    growing.blobs[digest_bytes(victim)] = victim.replace(b"smallcraft", b"smellcraft").replace(
        b"cncf", b"cnfc"
    )
    with pytest.raises(IntegrityError, match=f"{digest_bytes(victim)[7:]} .* does not match its record"):
        needed(growing, tmp_path)


def test_two_sizes_of_one_blob_are_refused(growing, tmp_path):
    growing.entries.append(
        encode_entry(
            dataclasses.replace(
                growing.other_entries()[2], manifest=Content(digest_bytes(growing.content["card.md"]), 5)
            )
        )
    )
    with pytest.raises(IntegrityError, match="another manifest says 11"):
        needed(growing, tmp_path)
