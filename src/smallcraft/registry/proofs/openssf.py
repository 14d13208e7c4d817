"""OpenSSF model signatures (v1.0), made from digests that are already known: no file is read again.

A signature is a Sigstore bundle with a DSSE envelope around an in-toto statement that lists each file with
its SHA-256, signed by an author's P-256 key. `model_signing verify key` accepts it.
Leaves to others: where keys live (`registry.keys`), which files a release has, hashing them.
Always: bytes in, bytes out; equal files in equal order give an equal statement; the files given and the files
signed must be the same, one too many is refused as one too few is.
Covered: a changed, added, removed or renamed file, another author's key, an edited statement or signature.
Not covered: signatures by certificate or through Sigstore's own service; who the author is (compare the key).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.manifests.kinds import SIGNATURE_PATH

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"

# What `model_signing` leaves out unless told otherwise: such a file could never be verified.
IGNORED_PATHS = (".git", ".gitattributes", ".github", ".gitignore", SIGNATURE_PATH)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-f]{64}")


class SigningAuthor(Protocol):
    """Who signs: an author's key, wherever it lives."""

    @property
    def public_pem(self) -> bytes:
        """The public key, SubjectPublicKeyInfo as PEM."""

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256 over `data`, as DER."""


@dataclass(frozen=True)
class SignedFiles:
    """What a signature says: the model's name (for people only) and each path with its `sha256:` digest."""

    name: str
    digests: Mapping[str, str]


def sign_files(files: Mapping[str, str], *, name: str, author: SigningAuthor) -> bytes:
    """Sign a directory of which only paths and digests are known.

    Args:
        files: Path below the directory, `/` between names, to `sha256:<hex>`; not the signature itself.
        name: How people call the model; not checked by any verifier.
        author: Signs the statement.

    Returns:
        The bytes of `model.sig`.

    Raises:
        InvalidInputError: No file, a malformed digest, or a path that verifiers leave out.

    Source:
        OpenSSF Model Signing v1.0; DSSE v1.0.0, protocol.md; Sigstore bundle v0.3.
    """
    _check_files(files)
    payload = canonical_json(_statement(files, name))
    envelope = {
        "payload": _to_base64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": "", "sig": _to_base64(author.sign(_signed_bytes(payload)))}],
    }
    hint = _key_hint(_load_key(author.public_pem))
    material = {"publicKey": {"hint": hint}, "tlogEntries": []}
    return canonical_json(
        {"mediaType": BUNDLE_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
    )


def verify_signature(bundle: bytes, files: Mapping[str, str], public_pem: bytes) -> None:
    """Check that an author signed exactly these files.

    Args:
        bundle: The bytes of `model.sig`.
        files: Path to `sha256:<hex>` of every file there is, but for the signature.
        public_pem: The author's public key, from a place that is trusted.

    Raises:
        IntegrityError: Another key signed, the signature does not fit, or names the first file that differs.
        InvalidInputError: The public key is not a P-256 key.
    """
    signed = read_signature(bundle, public_pem).digests
    for path in sorted(signed.keys() | files.keys()):
        if path not in files:
            raise IntegrityError(
                f"{path} was signed by the author, but is not there; do not use the model, "
                "fetch it again from its source"
            )
        if path not in signed:
            raise IntegrityError(
                f"{path} is there, but was not signed by the author; remove it or do not use the model"
            )
        if signed[path] != files[path]:
            raise IntegrityError(
                f"{path} is not the file that the author signed: expected {signed[path]}, got {files[path]}; "
                "do not use the model, fetch it again from its source"
            )


def read_signature(bundle: bytes, public_pem: bytes) -> SignedFiles:
    """The files that a signature lists, once the signature itself was checked.

    Raises:
        IntegrityError: Another key signed, the signature does not fit, or it is not in the format.
        InvalidInputError: The public key is not a P-256 key.
    """
    key = _load_key(public_pem)
    try:
        return _read_statement(_open_envelope(_parse(bundle), key))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        reason = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else str(error)
        raise IntegrityError(
            f"{SIGNATURE_PATH} is not an OpenSSF model signature v1.0 ({reason}); do not use the model, "
            "fetch it again from its source"
        ) from error


def _statement(files: Mapping[str, str], name: str) -> dict[str, object]:
    # By the parts of the path, as `model_signing` orders them: the root digest depends on the order.
    ordered = sorted(files, key=lambda path: path.split("/"))
    resources = [
        {"algorithm": "sha256", "digest": files[path].removeprefix("sha256:"), "name": path}
        for path in ordered
    ]
    root = _root_digest(resource["digest"] for resource in resources)
    serialization_used = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": list(IGNORED_PATHS),
    }
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"serialization": serialization_used, "resources": resources},
    }


def _open_envelope(bundle: dict[str, Any], key: ec.EllipticCurvePublicKey) -> bytes:
    """The payload, whose signature holds."""
    _expect("media type", bundle["mediaType"], BUNDLE_TYPE)
    # Older signers leave the hint out; the signature decides, the hint gives the better message.
    hint = bundle["verificationMaterial"]["publicKey"].get("hint")
    if hint is not None and hint != _key_hint(key):
        raise IntegrityError(
            f"{SIGNATURE_PATH} was made with another key: expected the key {_key_hint(key)}, it names "
            f"{hint}; ask the author for their public key"
        )
    envelope = bundle["dsseEnvelope"]
    _expect("payload type", envelope["payloadType"], PAYLOAD_TYPE)
    _expect("number of signatures", len(envelope["signatures"]), 1)
    payload = _from_base64(envelope["payload"])
    signature = _from_base64(envelope["signatures"][0]["sig"])
    try:
        key.verify(signature, _signed_bytes(payload), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise IntegrityError(
            f"the signature in {SIGNATURE_PATH} does not fit its statement: one of them was changed, or "
            "another key signed; do not use the model, fetch it again from its source"
        ) from error
    return payload


def _read_statement(payload: bytes) -> SignedFiles:
    statement = _parse(payload)
    _expect("statement type", statement["_type"], STATEMENT_TYPE)
    _expect("predicate type", statement["predicateType"], PREDICATE_TYPE)
    _expect("number of subjects", len(statement["subject"]), 1)
    method = statement["predicate"]["serialization"]
    _expect("method", (method["method"], method["hash_type"]), ("files", "sha256"))
    digests: dict[str, str] = {}
    for resource in statement["predicate"]["resources"]:
        path, digest = resource["name"], resource["digest"]
        _expect(f"algorithm of {path}", resource["algorithm"], "sha256")
        if not isinstance(path, str) or path in digests or not _HEX.fullmatch(digest):
            raise ValueError(f"{path!r} stands twice or without a SHA-256")
        digests[path] = f"sha256:{digest}"
    subject = statement["subject"][0]
    root = _root_digest(digest.removeprefix("sha256:") for digest in digests.values())
    _expect("root digest", subject["digest"]["sha256"], root)
    return SignedFiles(str(subject["name"]), digests)


def _root_digest(hex_digests: Iterator[str]) -> str:
    hasher = hashlib.sha256()
    for digest in hex_digests:
        hasher.update(bytes.fromhex(digest))
    return hasher.hexdigest()


def _signed_bytes(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def _load_key(public_pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_pem_public_key(public_pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInputError(
            f"an author's public key must be PEM (SubjectPublicKeyInfo), which this is not ({error}); "
            "pass the author.pem of the release"
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidInputError(
            "an author's public key must be ECDSA on the curve P-256, got another kind; "
            "pass the author.pem of the release"
        )
    return key


def _key_hint(key: ec.EllipticCurvePublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.PEM, form)).hexdigest()


def _check_files(files: Mapping[str, str]) -> None:
    if not files:
        raise InvalidInputError("a signature is over at least one file, got none; pass the release's files")
    for path, digest in files.items():
        if not _DIGEST.fullmatch(digest):
            raise InvalidInputError(f"{path}: sha256:<64 hex digits> expected, got {digest!r}")
        if path.split("/", maxsplit=1)[0] in IGNORED_PATHS:
            raise InvalidInputError(
                f"{path} cannot be signed: verifiers leave {', '.join(IGNORED_PATHS)} out; rename it"
            )


def _parse(data: bytes) -> dict[str, Any]:
    value = json.loads(data.decode("utf-8"), object_pairs_hook=_without_doubles)
    if not isinstance(value, dict):
        raise TypeError("a JSON object expected")
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _expect(what: str, got: object, wanted: object) -> None:
    if got != wanted:
        raise ValueError(f"{what} {wanted!r} expected, got {got!r}")


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    if _to_base64(data) != text:
        raise ValueError("base64 in its one canonical form expected")
    return data
