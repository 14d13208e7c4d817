import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.records import StoredFile
from smallcraft.registry.manifests import manifest as module
from smallcraft.registry.manifests.kinds import EMPTY_CONTENT, MODEL_TYPE, artifact_type
from smallcraft.registry.manifests.manifest import (
    FileLayer,
    Manifest,
    PackLayer,
    check_paths,
    encode_manifest,
    model_config,
    named_in_config,
    parse_manifest,
    parse_object,
)
from smallcraft.registry.tlog.entry import Content

PARTS = st.text("abcXYZ019-_. é", min_size=1, max_size=8).filter(lambda part: part not in {".", ".."})
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


def content(data):
    return Content(digest_bytes(data), len(data))


def layer(path, recipe=None):
    return FileLayer(StoredFile(path, digest_bytes(path.encode()), len(path)), recipe)


def model(*paths, **more):
    return Manifest(MODEL_TYPE, tuple(layer(path) for path in sorted(paths)), config=content(b"c"), **more)


def parsed(data):
    return parse_manifest(data, digest=digest_bytes(data))


FORMS = {
    "files": model("bundle/model.onnx", "bundle/tokenizer.json"),
    "attached": Manifest(artifact_type("card"), (layer("card.md"),), subject=content(b"model")),
    "recipes": Manifest(
        MODEL_TYPE,
        (layer("bundle/a.bin"), layer("bundle/b.bin", content(b"recipe"))),
        blocks=(content(b"base"), content(b"new")),
        config=content(b"c"),
    ),
    "packs": Manifest(
        MODEL_TYPE,
        (layer("bundle/large.bin"),),
        packs=(PackLayer(content(b"pack"), content(b"index")),),
        config=content(b"c"),
    ),
    "a pack alone": Manifest(
        MODEL_TYPE, (), packs=(PackLayer(content(b"pack"), content(b"index")),), config=content(b"c")
    ),
    "nothing": Manifest(MODEL_TYPE, (), config=content(b"c")),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_manifest_reads_back_as_built(form):
    assert parsed(encode_manifest(FORMS[form])) == FORMS[form]


@pytest.mark.parametrize("form", FORMS)
def test_every_blob_that_is_needed_is_a_layer_or_the_config(form):
    """A tool that copies what the document names has copied the release."""
    value = json.loads(encode_manifest(FORMS[form]))
    named = {(each["digest"], each["size"]) for each in (value["config"], *value["layers"])}
    needed = {(blob.digest, blob.size_bytes) for blob in FORMS[form].blobs}
    assert needed <= named
    assert named - needed <= {(EMPTY_CONTENT.digest, EMPTY_CONTENT.size_bytes)}


def test_a_manifest_has_the_fields_oci_and_modelpack_ask_for():
    value = json.loads(encode_manifest(model("bundle/model.onnx")))
    assert value["schemaVersion"] == 2
    assert value["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert value["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    described = value["layers"][0]
    assert described["annotations"] == {"org.cncf.model.filepath": "bundle/model.onnx"}
    assert described["mediaType"] == "application/vnd.cncf.model.weight.v1.raw"
    assert value["config"]["mediaType"] == "application/vnd.cncf.model.config.v1+json"


def test_an_attachment_names_its_subject_and_has_the_empty_config():
    value = json.loads(encode_manifest(FORMS["attached"]))
    assert value["subject"]["digest"] == digest_bytes(b"model")
    assert value["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"


def test_the_order_files_are_given_in_does_not_matter():
    files = tuple(map(layer, ("a.json", "b.json", "bundle/c.npz")))
    one, other = Manifest(MODEL_TYPE, files), Manifest(MODEL_TYPE, files[::-1])
    assert encode_manifest(one) == encode_manifest(other)


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\\b", "a\nb", "a\x00b", "\u202ea"],
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


def test_a_path_given_twice_is_refused():
    with pytest.raises(InvalidInputError, match="given twice"):
        encode_manifest(Manifest(MODEL_TYPE, (layer("a"), layer("a"))))


def test_a_manifest_that_could_not_be_read_again_is_not_written(monkeypatch):
    monkeypatch.setattr(module, "LARGEST_BYTES", 600)
    with pytest.raises(InvalidInputError, match=r"at most 600 bytes, got .* for 3 files; store many small"):
        encode_manifest(model("a", "b", "c"))


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.pop("config"),
        lambda v: v.update(mediaType="application/x"),
        lambda v: v["layers"][0].update(digest="md5:0"),
        lambda v: v["layers"][0].update(size=-1),
        lambda v: v["layers"][0].update(size=True),
        lambda v: v["layers"][0]["annotations"].update({"org.cncf.model.filepath": "../x"}),
        lambda v: v.update(layers=3),
    ],
)
def test_a_malformed_manifest_is_refused(change):
    value = json.loads(encode_manifest(model("a.json")))
    change(value)
    with pytest.raises(IntegrityError, match=r"manifest sha256:.* cannot be read"):
        parsed(canonical_json(value))


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(extra=1),
        lambda v: v["layers"].append(v["layers"][0] | {"annotations": {"org.cncf.model.filepath": "0"}}),
        lambda v: v["layers"][0]["annotations"].update(note="x"),
        lambda v: v["layers"][0].update(mediaType="application/vnd.cncf.model.doc.v1.raw"),
    ],
)
def test_a_manifest_in_another_form_is_refused(change):
    """One value has one form: nothing can hide in a manifest."""
    value = json.loads(encode_manifest(model("a.json")))
    change(value)
    with pytest.raises(IntegrityError, match="is not in the form a registry writes"):
        parsed(canonical_json(value))
    with pytest.raises(IntegrityError, match="is not in the form a registry writes"):
        parsed(encode_manifest(model("a.json")) + b"\n")


@pytest.mark.parametrize("size", ["-1", "1.5", "", "01", "9" * 17])
def test_a_recipes_file_has_a_whole_size(size):
    value = json.loads(encode_manifest(FORMS["recipes"]))
    value["layers"][1]["annotations"]["org.smallcraft.file.size"] = size
    with pytest.raises(IntegrityError, match="a size in bytes expected"):
        parsed(canonical_json(value))


def test_the_config_binds_the_model_to_its_name():
    data = model_config("helpdesk", [content(b"1")])
    assert named_in_config(data, digest=digest_bytes(data)) == "helpdesk"


@pytest.mark.parametrize("data", [b"{}", b'{"descriptor":3}', b'{"descriptor":{"name":3}}'])
def test_a_config_without_a_name_is_refused(data):
    with pytest.raises(IntegrityError, match="names no release"):
        named_in_config(data, digest="sha256:0")


def test_a_key_given_twice_is_refused():
    with pytest.raises(IntegrityError, match=r"the facts cannot be read .a key stands twice"):
        parse_object(b'{"accuracy":0.5,"accuracy":0.9}', what="the facts")


@pytest.mark.parametrize("data", [b"[]", b"3", b"null"])
def test_what_must_be_an_object_is_one(data):
    with pytest.raises(IntegrityError, match="must be a JSON object"):
        parse_object(data, what="the facts")


def test_what_is_no_json_is_refused():
    with pytest.raises(IntegrityError, match="the facts cannot be read"):
        parse_object(b"[" * 100_000, what="the facts")
