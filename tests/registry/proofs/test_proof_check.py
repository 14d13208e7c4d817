import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.registry.proofs.conftest import Author, Published

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.keys.policy import encode_policy, policy_of
from smallcraft.registry.proofs.proof_bundle import write_proof
from smallcraft.registry.proofs.proof_check import REQUIRED, fingerprint_of_pem, verify_proof
from smallcraft.registry.tlog import proof as tlog_proof
from smallcraft.registry.tlog.checkpoint import sign_checkpoint
from smallcraft.registry.tlog.entry import encode_entry, parse_entry
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.tlog.tiles import TileLog


@pytest.fixture(scope="module")
def proof(published):
    return write_proof(published.material())


def test_a_proof_holds_step_by_step_and_says_what_it_proves(proof, published):
    report = verify_proof(
        proof, release="helpdesk@1", policy=published.policy, author_pem=published.author.public_pem
    )
    names = [step.name for step in report.steps]
    assert names == ["files", "checkpoint", "log", "release", "manifests", "digests", "author"]
    assert report.entry.label == "helpdesk@1"
    assert (report.checkpoint.size, report.vkey) == (7, published.signer.vkey)
    assert {file.path for file in report.files} == set(published.content)
    assert report.fingerprint == fingerprint_of_pem(published.author.public_pem)


def test_an_unsigned_release_is_proven_by_the_log_alone(author, published):
    proof = write_proof(Published(author, signed=False).material())
    assert verify_proof(proof).fingerprint is None
    with pytest.raises(IntegrityError, match="the author's signature is wanted"):
        verify_proof(proof, author_pem=published.author.public_pem)


def test_every_flipped_bit_of_every_file_is_refused(proof):
    for path, data in proof.items():
        if path == "VERIFY.md":
            continue
        places = range(len(data)) if len(data) < 120 else range(0, len(data), max(1, len(data) // 60))
        for place in places:
            changed = bytearray(data)
            changed[place] ^= 1 << place % 8
            with pytest.raises(IntegrityError):
                verify_proof({**proof, path: bytes(changed)})


@pytest.mark.parametrize("name", [*REQUIRED, "model.sig", "author.pem", "attachments/card.json"])
def test_a_missing_file_is_named(proof, name):
    files = {path: data for path, data in proof.items() if path != name}
    with pytest.raises(IntegrityError, match=r"missing|must be there both|is not there"):
        verify_proof(files)


def test_a_planted_attachment_is_refused_and_a_planted_stranger_is_not_read(proof, published):
    with pytest.raises(IntegrityError, match=r"planted\.json is sha256:.* does not name"):
        verify_proof({**proof, "attachments/planted.json": published.manifest})
    with pytest.raises(IntegrityError, match="belongs to no manifest"):
        verify_proof({**proof, f"packs/{'0' * 64}.json": b"{}"})
    assert verify_proof({**proof, "verify.go": b"package main"}).entry.label == "helpdesk@1"


def test_an_old_release_replayed_under_a_new_name_is_named(proof):
    with pytest.raises(IntegrityError, match="the proof is of helpdesk@1, wanted helpdesk@2"):
        verify_proof(proof, release="helpdesk@2")


def logged(published, entry):
    """The log's owner signs a log in which this entry stands instead."""
    entries = [*published.entries[: published.index], entry, *published.entries[published.index + 1 :]]
    appended = TileLog({}.__getitem__, 0).append(entries)
    log = TileLog(dict(appended.files).__getitem__, appended.size)
    checkpoint = sign_checkpoint(
        dataclasses.replace(checkpoint_of(published), root=appended.root), published.signer
    )
    return published.material(entry=entry, hashes=log.inclusion(published.index), checkpoint=checkpoint)


def checkpoint_of(published):
    return verify_proof(write_proof(published.material())).checkpoint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"name": "router"},
            "released as 'helpdesk', but the entry puts it as router@1: a release was replayed",
        ),
        ({"by": f"sha256:{'0' * 64}"}, "author.pem is not the key that the entry names"),
        ({"attestations": ()}, "which helpdesk@1 does not name"),
        ({"origin": "example.com/other"}, "of log 'example.com/other', the checkpoint is of"),
    ],
)
def test_an_entry_that_its_owner_logged_must_still_fit_what_it_puts(published, change, message):
    entry = dataclasses.replace(parse_entry(published.entries[published.index], number=5), **change)
    with pytest.raises(IntegrityError, match=message):
        write_proof(logged(published, encode_entry(entry)))


def test_an_entry_of_another_kind_proves_no_release(published):
    with pytest.raises(IntegrityError, match="must put a release, but is of kind 'key'"):
        write_proof(
            published.material(entry=published.entries[0], index=0, hashes=published.log.inclusion(0))
        )


def test_a_log_that_the_reader_does_not_trust_is_refused(proof, published):
    stranger = Signer("example.com/registry", Ed25519PrivateKey.from_private_bytes(b"s" * 32))
    with pytest.raises(IntegrityError, match="no known key signed"):
        verify_proof(proof, policy=encode_policy(policy_of([stranger.vkey])))
    with pytest.raises(InvalidInputError, match="line 1 of the policy"):
        verify_proof(proof, policy=b"trust me\n")


def test_a_stolen_name_with_another_key_is_refused_though_the_proof_agrees_with_itself(author, published):
    thief = Published(author)
    checkpoint = checkpoint_of(thief)
    thief.signer = Signer(thief.origin, Ed25519PrivateKey.from_private_bytes(b"t" * 32))
    thief.policy = encode_policy(policy_of([thief.signer.vkey]))
    thief.checkpoint = sign_checkpoint(checkpoint, thief.signer)
    forged = write_proof(thief.material())
    assert verify_proof(forged).entry.label == "helpdesk@1"
    with pytest.raises(IntegrityError, match="no known key signed"):
        verify_proof(forged, policy=published.policy)


def test_an_author_that_the_reader_does_not_trust_is_refused(proof):
    with pytest.raises(IntegrityError, match="not the key that you trust"):
        verify_proof(proof, author_pem=Author(77).public_pem)
    with pytest.raises(InvalidInputError, match="public key in PEM expected"):
        verify_proof(proof, author_pem=b"")


def test_a_policy_of_the_proof_that_names_another_log_is_refused(proof, published):
    other = Signer("example.com/registry", Ed25519PrivateKey.from_private_bytes(b"o" * 32))
    files = {**proof, "policy": encode_policy(policy_of([other.vkey]))}
    with pytest.raises(IntegrityError, match="policy does not name"):
        verify_proof(files, policy=published.policy)
    with pytest.raises(IntegrityError, match="policy cannot be read"):
        verify_proof({**proof, "policy": b"\x00"})


def test_a_proof_over_another_checkpoint_than_the_one_beside_it_is_refused(proof, published):
    parsed = tlog_proof.parse_proof(proof["release.tlog-proof"])
    line = parsed.checkpoint.rindex("—".encode())
    note = parsed.checkpoint + parsed.checkpoint[line:].replace(b"example.com", b"example.org")
    changed = tlog_proof.encode_proof(dataclasses.replace(parsed, checkpoint=note))
    with pytest.raises(IntegrityError, match="over another checkpoint"):
        verify_proof({**proof, "release.tlog-proof": changed})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda sums: sums + b"0" * 64 + b"  planted\n", "says, but no manifest does: 0"),
        (lambda sums: b"".join(sums.splitlines(keepends=True)[1:]), "leaves out"),
        (lambda sums: b"".join(reversed(sums.splitlines(keepends=True))), "not in the order"),
    ],
)
def test_sums_that_differ_from_the_manifests_are_refused(proof, change, message):
    with pytest.raises(IntegrityError, match=message):
        verify_proof({**proof, "SHA256SUMS": change(proof["SHA256SUMS"])})
