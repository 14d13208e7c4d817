import pytest
from tests.registry.proofs.conftest import Published, release_files

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.manifests.kinds import MODEL_TYPE
from smallcraft.registry.manifests.manifest import Manifest, encode_manifest
from smallcraft.registry.proofs.proof_bundle import write_proof
from smallcraft.registry.proofs.proof_check import verify_proof
from smallcraft.registry.proving import prove_release
from smallcraft.registry.store import Registry

OTHER_MODEL = encode_manifest(Manifest(MODEL_TYPE, ()))


def test_the_files_of_a_proof_are_those_that_strangers_tools_read(published):
    proof = write_proof(published.material())
    assert list(proof) == [
        "SHA256SUMS",
        "VERIFY.md",
        "attachments/card.json",
        "attachments/evaluation.json",
        "attachments/signature.json",
        "author.pem",
        "checkpoint",
        "checkpoint.sig",
        "checkpoint.txt",
        "config.json",
        "entry.json",
        "log.pem",
        "manifest.json",
        "model.sig",
        "policy",
        "release.tlog-proof",
    ]
    assert len(proof["checkpoint.sig"]) == 64
    assert proof["checkpoint"].startswith(proof["checkpoint.txt"] + b"\n")
    assert proof["release.tlog-proof"].endswith(proof["checkpoint"])


def test_equal_material_gives_equal_bytes(published):
    assert write_proof(published.material()) == write_proof(published.material())


def test_the_index_of_a_pack_is_part_of_the_proof(author):
    packed = Published(author, packed=True)
    proof = write_proof(packed.material())
    assert len([path for path in proof if path.startswith("packs/")]) == 1
    assert len(verify_proof(proof).files) == len(packed.content) + 30
    with pytest.raises(IntegrityError, match=r"the pack's index .* is not there"):
        write_proof(packed.material(pack_indexes=()))


def test_a_signature_goes_with_its_key(published):
    with pytest.raises(InvalidInputError, match="pass both or none"):
        write_proof(published.material(author_pem=None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: {"hashes": p.log.inclusion(0)}, "does not show entry 5"),
        (lambda p: {"index": 3}, "does not show entry 4"),
        (
            lambda p: {"manifest": encode_manifest(Manifest(MODEL_TYPE, ()))},
            "manifest.json is not the one that was recorded",
        ),
        (lambda p: {"config": b"{}"}, "config.json is not the one that was recorded"),
        (lambda p: {"attachments": p.attachments[1:]}, "the attachment .* is not there"),
        (lambda p: {"signature": b"{}"}, "model.sig is not the one that was recorded"),
        (lambda p: {"author_pem": b"no key"}, "author.pem cannot be read"),
    ],
)
def test_material_that_does_not_hold_together_is_not_written(published, change, message):
    with pytest.raises(IntegrityError, match=message):
        write_proof(published.material(**change(published)))


@pytest.mark.parametrize("version", [1, 2])
def test_what_a_registry_stores_makes_a_proof_that_holds(stored, trust, version):
    proof = prove_release(stored, f"helpdesk@{version}")
    policy = stored.layout.policy.read_bytes()
    author_pem = trust.keyring.author(create=False).public_pem
    report = verify_proof(proof, release=f"helpdesk@{version}", policy=policy, author_pem=author_pem)
    assert report.files == stored.read(f"helpdesk@{version}").files
    with pytest.raises(IntegrityError, match="another release was put in its place"):
        verify_proof(proof, release=f"helpdesk@{3 - version}")


def test_a_release_with_a_pack_is_proven_file_by_file(tmp_path, trust, now):
    registry = Registry.create(tmp_path / "many", trust=trust)
    registry.publish("helpdesk", release_files(1, many=1100), {}, now=now)
    proof = prove_release(registry, "helpdesk@1")
    assert any(path.startswith("packs/") for path in proof)
    assert len(verify_proof(proof).files) > 1100
