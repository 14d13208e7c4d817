import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.records import StoredFile
from smallcraft.registry.log import append_entry, empty_log
from smallcraft.registry.manifest import (
    build_index,
    build_manifest,
    check_paths,
    media_type_of,
    parse_facts,
    parse_manifest,
)

FACTS = {"facts_digest": digest_bytes(b"{}"), "facts_size": 2}
PARTS = st.text("abcXYZ019-_. é", min_size=1, max_size=8).filter(lambda part: part not in {".", ".."})
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


def stored(*paths):
    return tuple(StoredFile(p, digest_bytes(p.encode()), len(p)) for p in sorted(paths))


def test_a_manifest_reads_back_as_built():
    files = stored("bundle/model.onnx", "bundle/tokenizer.json", "card.md")
    data = build_manifest(files, **FACTS)
    manifest = parse_manifest(data, digest=digest_bytes(data))
    assert manifest.files == files
    assert (manifest.facts_digest, manifest.facts_size) == (FACTS["facts_digest"], 2)


def test_a_manifest_has_the_fields_oci_and_modelpack_ask_for():
    value = json.loads(build_manifest(stored("bundle/model.onnx"), **FACTS))
    assert value["schemaVersion"] == 2
    assert value["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert value["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    layer = value["layers"][0]
    assert layer["annotations"] == {"org.cncf.model.filepath": "bundle/model.onnx"}
    assert layer["mediaType"] == "application/vnd.cncf.model.weight.v1.raw"
    assert value["config"].keys() == layer.keys() - {"annotations"}


def test_the_order_files_are_given_in_does_not_matter():
    files = stored("a.json", "b.json", "bundle/c.npz")
    assert build_manifest(files, **FACTS) == build_manifest(files[::-1], **FACTS)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("bundle/weights.safetensors", "application/vnd.cncf.model.weight.v1.raw"),
        ("bundle/tokenizer.json", "application/vnd.cncf.model.weight.config.v1.raw"),
        ("card.md", "application/vnd.cncf.model.doc.v1.raw"),
        ("report.html", "application/vnd.cncf.model.doc.v1.raw"),
        ("data/train.parquet", "application/vnd.cncf.model.dataset.v1.raw"),
        ("decision.json", "application/vnd.smallcraft.decision.v1+json"),
        ("evidence/cert/ngram.json", "application/vnd.smallcraft.evidence.v1+json"),
        ("Odd Name.json", "application/vnd.cncf.model.weight.config.v1.raw"),
    ],
)
def test_a_files_kind_follows_from_its_path(path, kind):
    assert media_type_of(path) == kind


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\\b", "a\nb", "a\x00b", "‮a"],
)
def test_a_path_that_could_leave_its_folder_is_refused(path):
    with pytest.raises(InvalidInputError, match=r"write for example 'bundle/model.onnx'"):
        check_paths([path])


def test_a_path_that_is_also_a_folder_is_refused():
    with pytest.raises(InvalidInputError, match="'a/b' cannot be a file and the folder of 'a/b/c'"):
        check_paths(["a/b", "a/b/c"])


def test_an_endless_path_is_refused():
    with pytest.raises(InvalidInputError, match="at most 400 characters"):
        check_paths(["a" * 401])


@given(path=PATHS)
def test_an_accepted_path_stays_below_its_folder(path, tmp_path_factory):
    check_paths([path])
    root = tmp_path_factory.getbasetemp().resolve()
    assert (root / path).resolve().is_relative_to(root)


def test_a_release_without_files_or_with_one_twice_is_refused():
    with pytest.raises(InvalidInputError, match="at least one file"):
        build_manifest([], **FACTS)
    with pytest.raises(InvalidInputError, match="given twice"):
        build_manifest([*stored("a"), *stored("a")], **FACTS)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.pop("config"),
        lambda v: v.update(artifactType="application/x"),
        lambda v: v["layers"][0].update(digest="md5:0"),
        lambda v: v["layers"][0].update(size=-1),
        lambda v: v["layers"][0].update(size=True),
        lambda v: v["layers"][0]["annotations"].update({"org.cncf.model.filepath": "../x"}),
        lambda v: v.update(layers=3),
    ],
)
def test_a_malformed_manifest_is_refused(change):
    value = json.loads(build_manifest(stored("a.json"), **FACTS))
    change(value)
    with pytest.raises(IntegrityError, match=r"manifest sha256:.* cannot be read"):
        parse_manifest(json.dumps(value).encode(), digest=digest_bytes(b""))


def test_a_key_given_twice_is_refused():
    with pytest.raises(IntegrityError, match="a key stands twice"):
        parse_facts(b'{"accuracy":0.5,"accuracy":0.9}', digest=digest_bytes(b""))


def test_facts_that_are_no_object_are_refused():
    with pytest.raises(IntegrityError, match="must be a JSON object"):
        parse_facts(b"[]", digest=digest_bytes(b""))


def test_the_index_lists_every_release_by_its_label():
    log = empty_log()
    for manifest in (b"m1", b"m2"):
        log = append_entry(log, "a", manifest=manifest, created="2026-10-01T12:00:00Z")
    manifests = json.loads(build_index(log.entries))["manifests"]
    names = [m["annotations"]["org.opencontainers.image.ref.name"] for m in manifests]
    assert names == ["a@1", "a@2"]
    assert [m["digest"] for m in manifests] == [digest_bytes(b"m1"), digest_bytes(b"m2")]
