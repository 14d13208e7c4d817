from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.tlog.note import (
    COSIGNATURE,
    ED25519,
    Cosigner,
    Signer,
    Verifier,
    open_note,
    parse_verifier,
    sign_note,
)


def key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


LOG = Signer("example.com/log", key(1))
OTHER = Signer("example.com/other", key(2))
WITNESS = Cosigner("witness.example/w1", key(3), 1_679_315_147)
TEXT = "Two lines, one of them with a dash —\n\nand a blank one between.\n".encode()

texts = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"])).map(
    lambda text: text.encode() + b"\n"
)


@given(texts)
def test_a_note_opens_with_the_key_that_signed_it(text):
    note = open_note(sign_note(text, [LOG]), [OTHER.verifier, LOG.verifier])
    assert (note.text, note.signers) == (text, (LOG.verifier,))


@given(texts, st.data())
def test_an_altered_text_is_refused(text, data):
    other = data.draw(texts.filter(lambda value: value != text))
    note = sign_note(text, [LOG])
    with pytest.raises(IntegrityError, match=r"signature of 'example.com/log' \(key \w{8}\) does not fit"):
        open_note(other + note[len(text) :], [LOG.verifier])


@given(st.integers(32, 68 * 8 - 1))
def test_an_altered_signature_of_a_known_key_is_refused(bit):
    head, _, line = sign_note(TEXT, [LOG]).rpartition(b" ")
    raw = bytearray(base64.b64decode(line))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(IntegrityError, match="does not fit the note's text"):
        open_note(head + b" " + base64.b64encode(raw) + b"\n", [LOG.verifier])


def test_one_bad_signature_refuses_a_note_that_another_key_signed_well():
    note = sign_note(TEXT, [LOG]) + sign_note(b"another\n", [OTHER]).partition(b"\n\n")[2]
    assert open_note(note, [LOG.verifier]).signers == (LOG.verifier,)
    with pytest.raises(IntegrityError, match=r"signature of 'example.com/other'"):
        open_note(note, [LOG.verifier, OTHER.verifier])


def test_signatures_of_unknown_keys_are_ignored_and_kept():
    note = open_note(sign_note(TEXT, [LOG, OTHER, WITNESS]), [LOG.verifier])
    assert note.signers == (LOG.verifier,)
    assert [line.name for line in note.lines] == ["example.com/log", "example.com/other", WITNESS.name]
    assert note.lines[2].time_s == WITNESS.time_s


def test_a_key_that_signs_twice_counts_once():
    note = sign_note(TEXT, [LOG, LOG])
    assert open_note(note, [LOG.verifier]).signers == (LOG.verifier,)


def test_a_note_of_unknown_keys_alone_is_refused_with_both_named():
    message = r"wanted 'example.com/other' \(key \w{8}\), got 'example.com/log' \(key \w{8}\); get the"
    with pytest.raises(IntegrityError, match=message):
        open_note(sign_note(TEXT, [LOG]), [OTHER.verifier])
    with pytest.raises(IntegrityError, match=r"wanted none, got 'example.com/log'"):
        open_note(sign_note(TEXT, [LOG]), [])


def test_another_key_under_the_same_name_is_unknown():
    stranger = Signer(LOG.name, key(9))
    with pytest.raises(IntegrityError, match="no known key signed this note"):
        open_note(sign_note(TEXT, [stranger]), [LOG.verifier])


def test_a_cosignature_is_over_time_and_text():
    """C2SP tlog-cosignature: header line, time line, the note's text."""
    note = sign_note(TEXT, [WITNESS])
    raw = base64.b64decode(note.split(b" ")[-1])
    assert raw[:4] == WITNESS.verifier.key_id
    assert int.from_bytes(raw[4:12], "big") == 1_679_315_147
    key(3).public_key().verify(raw[12:], b"cosignature/v1\ntime 1679315147\n" + TEXT)
    assert open_note(note, [WITNESS.verifier]).signers == (WITNESS.verifier,)


def test_a_cosignature_at_another_time_is_refused():
    head, _, line = sign_note(TEXT, [WITNESS]).rpartition(b" ")
    raw = bytearray(base64.b64decode(line))
    raw[11] ^= 1
    with pytest.raises(IntegrityError, match=r"signature of 'witness.example/w1'"):
        open_note(head + b" " + base64.b64encode(raw) + b"\n", [WITNESS.verifier])


def test_a_cosignature_is_no_signature_of_the_same_key():
    as_log = Verifier(WITNESS.name, ED25519, WITNESS.verifier.public)
    assert not as_log.is_signed(TEXT, WITNESS.sign(TEXT))
    assert not Verifier(LOG.name, COSIGNATURE, LOG.verifier.public).is_signed(TEXT, LOG.sign(TEXT))
    assert not WITNESS.verifier.is_signed(TEXT, b"short")
    assert not WITNESS.verifier.is_signed(TEXT, b"\xff" + WITNESS.sign(TEXT)[1:])


@pytest.mark.parametrize("signer", [LOG, OTHER, WITNESS])
def test_a_verifier_key_reads_back_as_it_was(signer):
    assert parse_verifier(signer.vkey) == signer.verifier
    assert parse_verifier(signer.vkey).vkey == signer.vkey


@pytest.mark.parametrize(
    ("vkey", "message"),
    [
        ("", "must read name"),
        ("name", "must read name"),
        (LOG.vkey.replace("+", "+F", 1), "must read name"),
        (LOG.vkey[:-4], "must read name"),
        (LOG.vkey.replace("log", "l og"), "must read name"),
        ("\udcff" + LOG.vkey, "must read name"),
        (LOG.vkey.replace("log", "lag"), "does not agree with its own number: [0-9a-f]{8} is written"),
        ("a+00000000+" + base64.b64encode(b"\x02" + bytes(32)).decode(), "kind 1 .* or 4 .* got kind 2"),
    ],
)
def test_a_verifier_key_that_is_none_is_refused(vkey, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_verifier(vkey)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no blank line"),
        (b"text\n", "no blank line"),
        (b"text\n\n", "no blank line"),
        (b"text\n\nno mark\n", "is not a signature line"),
        ("text\n\n— a b\n".encode(), "is not a signature line"),
        ("text\n\n— a AAAAAA==\n".encode(), "is not a signature line"),
        ("text\n\n— a  AAAAAAAA\n".encode(), "is not a signature line"),
        (sign_note(TEXT, [LOG])[:-1], "no blank line"),
        (sign_note(TEXT, [LOG]).replace(b"lines", b"li\tes"), "control characters"),
        (sign_note(TEXT, [LOG]) + b"\xff\n", "UTF-8"),
        (b"text\n\n" + "— a AAAAAAAA\n".encode() * 101, "more than 100 signatures"),
        (b"x" * 1_000_001, "too long"),
    ],
)
def test_bytes_that_are_no_note_are_refused(data, message):
    with pytest.raises(IntegrityError, match=f"not a signed note: .*{message}"):
        open_note(data, [LOG.verifier])


@pytest.mark.parametrize("text", [b"", b"no newline", b"tab\there\n", b"\xff\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text):
    with pytest.raises(InvalidInputError, match="a note must be UTF-8 text"):
        sign_note(text, [LOG])


def test_a_note_needs_a_signer_with_a_name_that_can_be_read():
    with pytest.raises(InvalidInputError, match="at least one signer, got 0"):
        sign_note(TEXT, [])
    with pytest.raises(InvalidInputError, match="without spaces and '\\+', got 'my log'"):
        sign_note(TEXT, [Signer("my log", key(1))])


def test_no_repr_holds_a_private_key():
    assert "private" not in repr(LOG) + repr(WITNESS)
