from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.tlog.checkpoint import Checkpoint, open_checkpoint, parse_text, sign_checkpoint
from smallcraft.registry.tlog.note import Cosigner, Signer, parse_verifier, sign_note

ORIGIN = "example.com/registry"
LOG = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32), 9)

checkpoints = st.builds(
    Checkpoint, st.just(ORIGIN), st.integers(0, 10**15 - 1), st.binary(min_size=32, max_size=32)
)

TEXT = b"example.com/registry\n1048577\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"


@given(checkpoints)
def test_a_checkpoint_reads_back_as_it_was(checkpoint):
    note = sign_checkpoint(checkpoint, LOG, [WITNESS])
    assert open_checkpoint(note, [LOG.verifier]) == checkpoint
    assert parse_text(checkpoint.text) == checkpoint


def test_the_text_is_that_of_the_specification():
    checkpoint = parse_text(TEXT)
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, 1048577)
    assert checkpoint.root_digest.startswith("sha256:000102030405")
    assert checkpoint.text == TEXT


@given(checkpoints, checkpoints)
def test_another_state_under_the_same_signature_is_refused(signed, shown):
    signature = sign_checkpoint(signed, LOG).partition(b"\n\n")[2]
    note = shown.text + b"\n" + signature
    if signed != shown:
        with pytest.raises(IntegrityError, match="does not fit the note's text"):
            open_checkpoint(note, [LOG.verifier])


def test_a_witness_alone_makes_no_checkpoint():
    note = sign_note(TEXT, [WITNESS])
    with pytest.raises(IntegrityError, match=f"of log '{ORIGIN}', but 'witness.example/w1' signed it"):
        open_checkpoint(note, [LOG.verifier, WITNESS.verifier])


def test_another_trusted_log_cannot_speak_for_this_one():
    other = Signer("example.com/other", LOG.private)
    with pytest.raises(IntegrityError, match="it belongs to another log"):
        open_checkpoint(sign_note(TEXT, [other]), [LOG.verifier, other.verifier])


def test_a_cosigner_of_the_logs_name_cannot_speak_for_it():
    mask = Cosigner(ORIGIN, WITNESS.private, 9)
    with pytest.raises(IntegrityError, match="it belongs to another log"):
        open_checkpoint(sign_note(TEXT, [mask]), [mask.verifier])


def test_while_a_key_is_handed_over_both_open_it():
    new = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))
    note = sign_checkpoint(parse_text(TEXT), new, [LOG])
    for vkey in (new.vkey, LOG.vkey):
        assert open_checkpoint(note, [parse_verifier(vkey)]).size == 1048577


def test_a_log_signs_under_its_own_name_only():
    with pytest.raises(InvalidInputError, match="must be signed by the key of that name, got 'other'"):
        sign_checkpoint(parse_text(TEXT), Signer("other", LOG.private))
    with pytest.raises(InvalidInputError, match="root of 32 bytes, got 1 and 31"):
        sign_checkpoint(Checkpoint(ORIGIN, 1, bytes(31)), LOG)
    with pytest.raises(InvalidInputError, match="visible ASCII"):
        sign_checkpoint(Checkpoint("a\n1", 1, bytes(32)), LOG)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        TEXT[:-1],
        TEXT + b"extension\n",
        TEXT.replace(b"1048577", b"01048577"),
        TEXT.replace(b"1048577", b"-1"),
        TEXT.replace(b"1048577", b"1e3"),
        TEXT.replace(b"Hh8=", b"Hh9="),
        TEXT.replace(b"Hh8=", b"Hh8"),
        TEXT.replace(b"AAEC", b""),
        TEXT.replace(b"example.com/", b"example com/"),
        TEXT.replace(b"example", "éxample".encode()),
    ],
)
def test_a_text_that_no_log_writes_is_refused(text):
    with pytest.raises(IntegrityError, match=r"this (is not a )?checkpoint.*; restore it from a copy"):
        parse_text(text)
