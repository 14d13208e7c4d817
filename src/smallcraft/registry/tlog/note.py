"""Signed notes: a text, a blank line, and a line for each signature (C2SP signed-note).

Holds the format and its two kinds of signature: Ed25519 over the text, and a witness's timestamped
cosignature over a checkpoint (C2SP tlog-cosignature, v1). What the text says belongs to `tlog.checkpoint`.
Always: a note opens only with a signature of a known key; unknown signatures are ignored, a bad one
of a known key refuses the note.
Covered: altered text, altered or foreign signatures, keys that share a name or a number.
Not covered: whether a key deserves trust (`keys.policy`), and when a text was signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from smallcraft.errors import IntegrityError, InvalidInputError

ED25519 = 0x01
COSIGNATURE = 0x04

_NOTE_LIMIT_BYTES = 1_000_000
_SIGNATURE_LIMIT = 100
_PUBLIC_BYTES = 32
_TIME_BYTES = 8
_KEY_ID = re.compile(r"[0-9a-f]{8}")
_MARK = "— "


class NoteSigner(Protocol):
    """Whoever can add a signature line to a note."""

    @property
    def name(self) -> str:
        """Name of the key."""

    @property
    def key_id(self) -> bytes:
        """Its four bytes."""

    def sign(self, text: bytes) -> bytes:
        """Signature over the note's text, without the key's four bytes."""


@dataclass(frozen=True)
class Verifier:
    """A public key under a name, for one kind of signature.

    Attributes:
        name: Of the key; for a log, its origin.
        kind: `ED25519` or `COSIGNATURE`.
        public: 32 bytes.
    """

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256 over name, newline, kind and public key."""
        return _key_id(self.name, self.kind, self.public)

    @property
    def vkey(self) -> str:
        """Text form: `name+hexid+base64`."""
        material = base64.b64encode(bytes([self.kind]) + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def is_signed(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's over the text."""
        if self.kind == COSIGNATURE:
            time, signature = signature[:_TIME_BYTES], signature[_TIME_BYTES:]
            if len(time) != _TIME_BYTES or time[0] > 0x7F:
                return False
            text = _cosigned(text, int.from_bytes(time, "big"))
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A log's private key under its name, which is the log's origin."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, ED25519, self.private.public_key().public_bytes_raw())

    @property
    def key_id(self) -> bytes:
        """As the verifier's."""
        return self.verifier.key_id

    @property
    def vkey(self) -> str:
        """Text form of the public half."""
        return self.verifier.vkey

    def sign(self, text: bytes) -> bytes:
        """Ed25519 over the text."""
        return self.private.sign(text)


@dataclass(frozen=True)
class Cosigner:
    """A witness's private key and the time it says it saw the checkpoint at.

    Attributes:
        name: Of the witness's key.
        private: Ed25519, for this witness alone: the signed text does not hold its name.
        time_s: POSIX seconds.
    """

    name: str
    private: Ed25519PrivateKey = field(repr=False)
    time_s: int

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, COSIGNATURE, self.private.public_key().public_bytes_raw())

    @property
    def key_id(self) -> bytes:
        """As the verifier's."""
        return self.verifier.key_id

    @property
    def vkey(self) -> str:
        """Text form of the public half."""
        return self.verifier.vkey

    def sign(self, text: bytes) -> bytes:
        """Time (8 bytes, big-endian), then Ed25519 over it and the text."""
        return self.time_s.to_bytes(_TIME_BYTES, "big") + self.private.sign(_cosigned(text, self.time_s))


@dataclass(frozen=True)
class SignatureLine:
    """One signature line as written.

    Attributes:
        name: Of the key.
        key_id: Four bytes.
        signature: What follows them.
    """

    name: str
    key_id: bytes
    signature: bytes

    @property
    def time_s(self) -> int:
        """POSIX seconds of a cosignature; means nothing for another kind."""
        return int.from_bytes(self.signature[:_TIME_BYTES], "big")


@dataclass(frozen=True)
class Note:
    """An opened note.

    Attributes:
        text: What was signed, final newline included.
        signers: Known keys whose signature was checked, in the note's order.
        lines: Every signature line, checked or unknown.
    """

    text: bytes
    signers: tuple[Verifier, ...]
    lines: tuple[SignatureLine, ...]


def parse_verifier(vkey: str) -> Verifier:
    """Read a verifier key's text form.

    Raises:
        InvalidInputError: It is not one, or of a kind this version does not know.
    """
    name, _, rest = vkey.partition("+")
    key_id, _, material = rest.partition("+")
    raw = _exact_base64(material)
    if not is_key_name(name) or not _KEY_ID.fullmatch(key_id) or raw is None or len(raw) != 1 + _PUBLIC_BYTES:
        raise InvalidInputError(
            f"a verifier key must read name+hexid+base64 with an Ed25519 key, got {vkey!r}; "
            "copy it whole from the log's owner"
        )
    if raw[0] not in {ED25519, COSIGNATURE}:
        raise InvalidInputError(
            f"a verifier key must be of kind 1 (Ed25519) or 4 (cosignature), got kind {raw[0]} in {vkey!r}"
        )
    verifier = Verifier(name, raw[0], raw[1:])
    if verifier.key_id.hex() != key_id:
        raise InvalidInputError(
            f"verifier key {vkey!r} does not agree with its own number: {key_id} is written, "
            f"{verifier.key_id.hex()} follows from name and key; copy it again from the log's owner"
        )
    return verifier


def is_key_name(name: str) -> bool:
    """Whether a key may bear this name: not empty, UTF-8, no space, control character or '+'."""
    is_clean = not any(c.isspace() or ord(c) < 0x20 or 0xD800 <= ord(c) < 0xE000 for c in name)
    return bool(name) and "+" not in name and is_clean


def sign_note(text: bytes, signers: Sequence[NoteSigner]) -> bytes:
    """The note over this text with a line for each signer.

    Raises:
        InvalidInputError: The text is not a note's text, or there is no signer.
    """
    if not signers or not text.endswith(b"\n") or not _is_plain(text):
        raise InvalidInputError(
            "a note must be UTF-8 text without control characters that ends in a newline, with at least "
            f"one signer, got {len(signers)} for {text[:40]!r}"
        )
    lines = [_signature_line(signer, text) for signer in signers]
    return text + b"\n" + "".join(lines).encode("utf-8")


def open_note(data: bytes, verifiers: Sequence[Verifier]) -> Note:
    """Read a note that at least one of these keys signed.

    Raises:
        IntegrityError: It is no note, no known key signed it, or a known key's signature is wrong.
    """
    text, lines = _split_note(data)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    signers: dict[tuple[str, bytes], Verifier] = {}
    for line in lines:
        verifier = known.get((line.name, line.key_id))
        if verifier is None or (line.name, line.key_id) in signers:
            continue
        if not verifier.is_signed(text, line.signature):
            raise IntegrityError(
                f"the signature of '{line.name}' (key {line.key_id.hex()}) does not fit the note's text: "
                "the text or the signature was altered; restore it from a copy"
            )
        signers[line.name, line.key_id] = verifier
    if not signers:
        raise IntegrityError(
            f"no known key signed this note: wanted {_names(known)}, got {_names(_ids(lines))}; "
            "get the right key from the log's owner, or do not use this log"
        )
    return Note(text, tuple(signers.values()), lines)


def _split_note(data: bytes) -> tuple[bytes, tuple[SignatureLine, ...]]:
    if len(data) > _NOTE_LIMIT_BYTES or not _is_plain(data):
        raise _not_a_note("it is too long, not UTF-8, or holds control characters")
    text, blank, tail = data.rpartition(b"\n\n")
    if not blank or not tail.endswith(b"\n"):
        raise _not_a_note("there is no blank line with signatures behind it")
    lines = tail.decode("utf-8").split("\n")[:-1]
    if len(lines) > _SIGNATURE_LIMIT:
        raise _not_a_note(f"it has more than {_SIGNATURE_LIMIT} signatures")
    return text + b"\n", tuple(_parsed_line(line) for line in lines)


def _parsed_line(line: str) -> SignatureLine:
    name, _, material = line.removeprefix(_MARK).partition(" ")
    raw = _exact_base64(material)
    if not line.startswith(_MARK) or not is_key_name(name) or raw is None or len(raw) < 5:
        raise _not_a_note(f"{line[:60]!r} is not a signature line")
    return SignatureLine(name, raw[:4], raw[4:])


def _signature_line(signer: NoteSigner, text: bytes) -> str:
    if not is_key_name(signer.name):
        raise InvalidInputError(
            f"a key's name must be without spaces and '+', got {signer.name!r}; write for example "
            "'example.com/log'"
        )
    material = base64.b64encode(signer.key_id + signer.sign(text)).decode("ascii")
    return f"{_MARK}{signer.name} {material}\n"


def _cosigned(text: bytes, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n".encode("ascii") + text


def _key_id(name: str, kind: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([kind]) + public).digest()[:4]


def _exact_base64(text: str) -> bytes | None:
    """The bytes, or None where the text is not their one base64 form."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if base64.b64encode(raw).decode("ascii") == text else None


def _is_plain(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not any(byte < 0x20 and byte != 0x0A for byte in data)


def _ids(lines: Sequence[SignatureLine]) -> list[tuple[str, bytes]]:
    return [(line.name, line.key_id) for line in lines]


def _names(keys: object) -> str:
    assert isinstance(keys, dict | list)
    return ", ".join(f"'{name}' (key {key_id.hex()})" for name, key_id in keys) or "none"


def _not_a_note(what: str) -> IntegrityError:
    return IntegrityError(f"this is not a signed note: {what}; restore it from a copy")
