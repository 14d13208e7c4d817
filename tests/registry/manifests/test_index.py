import json

from smallcraft.canonical import digest_bytes
from smallcraft.registry.manifests.index import Named, build_index
from smallcraft.registry.tlog.entry import Content


def named(name, data):
    return Named(name, "application/x", Content(digest_bytes(data), len(data)), "2026-10-01T12:00:00Z")


def test_the_index_lists_every_manifest_by_its_name_in_the_order_given():
    index = json.loads(build_index([named("a@2", b"m2"), named("a@2-card", b"card"), named("a@1", b"m1")]))
    manifests = index["manifests"]
    names = [each["annotations"]["org.opencontainers.image.ref.name"] for each in manifests]
    assert names == ["a@2", "a@2-card", "a@1"]
    assert [each["digest"] for each in manifests] == [digest_bytes(d) for d in (b"m2", b"card", b"m1")]


def test_the_index_is_one_of_oci_even_when_it_is_empty():
    assert json.loads(build_index(())) == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [],
    }
