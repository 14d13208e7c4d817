"""What a release looks like as an MLflow model."""

from __future__ import annotations

import yaml

from smallcraft.registry.mlflow.packing import MODEL_FILE, model_file, tags_of, write_folder
from smallcraft.registry.proofs.proof_check import verify_proof
from smallcraft.registry.proving import prove_release


def bytes_below(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_same_release_gives_the_same_bytes_wherever_it_is_written(released, name, tmp_path):
    stored, proof = released.find(f"{name}@1"), prove_release(released, f"{name}@1")
    one = bytes_below(write_folder(stored, proof, tmp_path / "one"))
    assert one == bytes_below(write_folder(stored, proof, tmp_path / "two"))
    assert {path.partition("/")[0] for path in one} == {MODEL_FILE, "release", "proof"}
    assert {path for path in one if path.startswith("release/")} == {
        f"release/{file.path}" for file in stored.files
    }


def test_mlmodel_is_yaml_that_names_our_loader_and_the_release(released, name):
    report = verify_proof(prove_release(released, f"{name}@2"))
    told = yaml.safe_load(model_file(report))
    assert told["flavors"]["python_function"] == {"loader_module": "smallcraft.registry.mlflow.loading"}
    assert told["flavors"]["smallcraft"]["release"] == f"{name}@2"
    assert told["flavors"]["smallcraft"]["digest"] == released.read(f"{name}@2").manifest_digest


def test_a_release_without_a_bundle_offers_no_function(registry, now):
    bare = registry.publish("notes", {"card.md": b"# notes"}, {}, now=now)
    report = verify_proof(prove_release(registry, bare.label))
    assert list(yaml.safe_load(model_file(report))["flavors"]) == ["smallcraft"]


def test_tags_are_what_the_proof_says(released, name):
    proof = prove_release(released, f"{name}@2")
    tags = tags_of(verify_proof(proof), proof).named
    log = released.log()
    assert tags["smallcraft.release"] == f"{name}@2"
    assert tags["smallcraft.log"] == "example.com/models"
    assert log.entries[int(tags["smallcraft.log_index"])].label == f"{name}@2"
    assert tags["smallcraft.checkpoint"].encode() == log.note
    assert tags["smallcraft.inclusion_proof"].encode() == proof["release.tlog-proof"]
