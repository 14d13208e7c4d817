from __future__ import annotations

import random
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError
from smallcraft.registry.tlog.checkpoint import Checkpoint, sign_checkpoint
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.tlog.proof import Proof, encode_proof, parse_proof, prove, verify_proof
from smallcraft.registry.tlog.tiles import TileLog

ORIGIN = "example.com/fancylog"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
STRANGER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32))
ENTRIES = [f"entry {number}".encode() for number in range(1, 301)]


def proven(index: int, size: int, signer: Signer = SIGNER) -> Proof:
    grown = TileLog({}.__getitem__, 0).append(ENTRIES[:size])
    log = TileLog(grown.files.__getitem__, size)
    return prove(log, index, checkpoint=sign_checkpoint(Checkpoint(ORIGIN, size, grown.root), signer))


@given(st.integers(1, 300), st.data(), st.none() | st.binary(max_size=50))
def test_a_proof_reads_back_and_verifies(size, data, extra):
    proof = replace(proven(data.draw(st.integers(0, size - 1)), size), extra=extra)
    assert parse_proof(encode_proof(proof)) == proof
    assert verify_proof(proof, ENTRIES[proof.index], [SIGNER.verifier]).size == size


def test_the_text_is_that_of_the_specification():
    proof = proven(2, 3)
    lines = encode_proof(replace(proof, extra=b"hello")).decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra aGVsbG8=", "index 2"]
    assert (len(lines[3]), lines[4:7]) == (44, ["", ORIGIN, "3"])
    alone = encode_proof(proven(0, 1)).decode().split("\n")
    assert alone[:4] == ["c2sp.org/tlog-proof@v1", "index 0", "", ORIGIN]


@given(st.data())
def test_every_altered_byte_is_refused(data):
    proof = proven(137, 300)
    text = encode_proof(proof)
    at = data.draw(st.integers(0, len(text) - 1))
    altered = text[:at] + bytes([text[at] ^ 1 << data.draw(st.integers(0, 7))]) + text[at + 1 :]
    with pytest.raises(IntegrityError, match=r"proof|note|signature|signed|checkpoint|log"):
        verify_proof(parse_proof(altered), ENTRIES[137], [SIGNER.verifier])


def test_a_proof_of_one_entry_is_none_of_another():
    with pytest.raises(IntegrityError, match="does not show entry 138 to be in the log of 300 entries"):
        verify_proof(proven(137, 300), ENTRIES[138], [SIGNER.verifier])
    with pytest.raises(IntegrityError, match="does not show entry 139"):
        verify_proof(replace(proven(137, 300), index=138), ENTRIES[137], [SIGNER.verifier])


def test_a_proof_under_a_strangers_checkpoint_is_refused():
    with pytest.raises(IntegrityError, match="no known key signed this note"):
        verify_proof(proven(137, 300, STRANGER), ENTRIES[137], [SIGNER.verifier])


def test_a_proof_does_not_move_to_another_checkpoint():
    proof = replace(proven(137, 300), checkpoint=proven(0, 299).checkpoint)
    with pytest.raises(IntegrityError, match="does not show entry 138"):
        verify_proof(proof, ENTRIES[137], [SIGNER.verifier])


def test_an_index_past_the_checkpoint_proves_nothing():
    rng = random.Random(1)
    proof = replace(proven(0, 1), index=5, hashes=(rng.randbytes(32),))
    with pytest.raises(IntegrityError, match="proves nothing"):
        verify_proof(proof, ENTRIES[0], [SIGNER.verifier])


TEXT = encode_proof(proven(2, 3))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"c2sp.org/tlog-proof@v1",
        TEXT.replace(b"@v1", b"@v2"),
        TEXT.replace(b"index 2", b"index 02"),
        TEXT.replace(b"index 2", b"index -2"),
        TEXT.replace(b"index 2", b"index two"),
        TEXT.replace(b"index 2\n", b""),
        TEXT.replace(b"index 2", b"extra AAA\nindex 2"),
        TEXT.replace(b"index 2", b"extra AAAA\nextra AAAA\nindex 2"),
        TEXT.replace(b"index 2\n", b"index 2\nAAAA\n"),
        TEXT.replace(b"index 2\n", b"index 2\n" + (b"A" * 43 + b"=\n") * 64),
        TEXT.replace(b"\n", b"\r\n"),
        b"\n" + TEXT,
    ],
)
def test_bytes_that_are_no_proof_are_refused(data):
    with pytest.raises(IntegrityError, match=r"not a proof of the form c2sp.org/tlog-proof@v1"):
        parse_proof(data)
