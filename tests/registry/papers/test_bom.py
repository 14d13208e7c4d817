from __future__ import annotations

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packageurl import PackageURL
from tests.registry.papers.samples import CREATED, HOSTILE, MANIFEST, decision_record, facts_of

from smallcraft.records import Release, StoredFile
from smallcraft.registry.papers.bom import render_bom, render_release_bom, serial_number

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def document(facts, **named):
    """The document, once the published schema has no fault to find."""
    written = render_bom(facts, **named)
    assert VALIDATOR.validate_str(written.decode("utf-8")) is None
    return json.loads(written)


def with_encoder():
    facts = facts_of()
    facts["bundle"]["files"].append({"path": "model.onnx", "digest": "sha256:" + "5" * 64, "size_bytes": 5})
    return facts


@pytest.mark.parametrize(
    "facts", [{}, facts_of(), with_encoder(), {**facts_of(), "decision_record": decision_record()}]
)
def test_the_published_schema_finds_no_fault(facts):
    assert document(facts)["specVersion"] == "1.6"


@settings(max_examples=20, deadline=None)
@example(word=HOSTILE)
@given(word=st.text(max_size=20))
def test_no_text_of_users_breaks_the_schema(word):
    card = dict.fromkeys(("license", "owner", "sensitive", "purpose", "caveats"), word)
    document({**facts_of(word), "card": card})


@pytest.mark.parametrize("key", sorted(facts_of()))
@pytest.mark.parametrize("value", [None, 3, "text", [None], {"x": None}])
def test_a_fact_of_an_unexpected_shape_never_breaks_the_schema(key, value):
    if key != "created" or value is None:
        document({**facts_of(), key: value})


def test_a_validator_that_finds_no_fault_finds_one_that_is_there():
    broken = json.loads(render_bom(facts_of()))
    broken["metadata"]["component"]["type"] = "model"
    assert VALIDATOR.validate_str(json.dumps(broken)) is not None


def test_the_serial_number_follows_from_the_manifest_alone():
    first, second = document(facts_of()), document({**facts_of(), "margin": 0.5})
    assert first["serialNumber"] == second["serialNumber"] == serial_number(MANIFEST)
    assert serial_number("sha256:" + "8" * 64) != serial_number(MANIFEST)
    assert "serialNumber" not in document({"name": "x"})


def test_the_only_time_is_the_releases():
    assert document(facts_of())["metadata"]["timestamp"] == CREATED
    assert render_bom(facts_of()) == render_bom(facts_of())


def test_every_file_of_the_bundle_stands_with_its_hash():
    files = (
        StoredFile("bundle/bundle.json", "sha256:" + "6" * 64, 12),
        StoredFile("card.md", "sha256:" + "7" * 64, 12),
    )
    release = Release("helpdesk", 3, MANIFEST, None, CREATED, files, facts_of())
    written = render_release_bom(release)
    assert VALIDATOR.validate_str(written.decode("utf-8")) is None
    [file] = json.loads(written)["metadata"]["component"]["components"]
    assert (file["name"], file["hashes"]) == (
        "bundle/bundle.json",
        [{"alg": "SHA-256", "content": "6" * 64}],
    )


def test_files_come_from_the_facts_where_none_are_given():
    [file] = document(facts_of())["metadata"]["component"]["components"]
    assert file["name"] == "bundle/m.npz"


def components(facts):
    return {component["bom-ref"]: component for component in document(facts)["components"]}


def test_libraries_have_package_urls_and_say_whether_a_bundle_needs_them():
    found = components(facts_of())
    assert {"library:numpy", "library:scikit-learn", "library:smallcraft"} <= found.keys()
    assert "library:onnx" not in found
    assert "library:python" not in found
    url = PackageURL.from_string(found["library:scikit-learn"]["purl"])
    assert (url.type, url.name, url.version) == ("pypi", "scikit-learn", "1.9.1")
    assert (found["library:numpy"]["scope"], found["library:scikit-learn"]["scope"]) == (
        "required",
        "excluded",
    )


def test_the_encoder_is_listed_only_where_the_bundle_holds_it():
    assert "backbone" not in components(facts_of())
    found = components(with_encoder())["backbone"]
    assert (found["purl"], found["version"]) == ("pkg:pypi/gt-encoder@0.1.0", "0.1.0")
    assert found["licenses"] == [{"license": {"id": "MIT"}}]


def test_an_encoder_of_the_hub_has_the_hubs_url():
    facts = with_encoder()
    facts["backbone"]["name"] = "hub:sentence-transformers/all-MiniLM-L6-v2"
    url = PackageURL.from_string(components(facts)["backbone"]["purl"])
    assert (url.type, url.namespace, url.name) == (
        "huggingface",
        "sentence-transformers",
        "all-MiniLM-L6-v2",
    )


def test_the_data_stands_with_license_digests_and_the_check_for_personal_data():
    facts = facts_of()
    facts["data"]["files"] = [{"path": "tickets.csv", "sha256": "a" * 64, "size_bytes": 9}]
    data = components(facts)["data"]
    assert data["licenses"] == [{"license": {"id": "CC-BY-4.0"}}]
    assert data["data"][0]["sensitiveData"] == ["no personal data ticket"]
    assert data["components"][0]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    digests = {p["name"]: p["value"] for p in data["properties"]}
    assert digests["smallcraft:digest of the cert split"] == "sha256:" + "3" * 64


def test_a_license_in_words_is_named():
    model = document({"name": "x", "card": {"license": "ask us"}})["metadata"]["component"]
    assert model["licenses"] == [{"license": {"name": "ask us"}}]


def test_the_model_rests_on_every_component():
    found = document(with_encoder())
    refs = {component["bom-ref"] for component in found["components"]}
    assert found["dependencies"][0] == {"ref": "model", "dependsOn": sorted(refs)}
