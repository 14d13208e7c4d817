"""Who signed a release: the author that its entry names, exactly these files, under exactly this label.

Leaves to others: the form of the signature (`registry.proofs.openssf`), which keys the log names
(`tlog.order`).
Always: a release whose signature does not hold is not handed out, whatever the log's key signed.
"""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.manifests.kinds import SIGNATURE_PATH
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.proofs.openssf import read_signature, verify_signature
from smallcraft.registry.reading import Stored


def check_signature(log: OpenLog, stored: Stored) -> None:
    """The author that the entry names signed exactly these files, under this release's name.

    Raises:
        IntegrityError: They did not.
    """
    label, by = stored.entry.label, stored.entry.by
    if by is None or SIGNATURE_PATH not in stored.locations:
        raise IntegrityError(
            f"{label} is not signed by its author: expected {SIGNATURE_PATH} and an author in its entry; do "
            "not serve it"
        )
    pem = author_pem(log, by)
    signature = stored.read(SIGNATURE_PATH)
    files = {path: at.file.digest for path, at in stored.locations.items() if path != SIGNATURE_PATH}
    signed = read_signature(signature, pem)
    if signed.digests != files:
        verify_signature(signature, files, pem)
    if signed.name != label:
        raise IntegrityError(
            f"{label} carries the signature of {signed.name}: an old release was put in its place; do not "
            "serve it"
        )


def author_pem(log: OpenLog, fingerprint: str) -> bytes:
    """An author's public key as the log holds it, in PEM.

    Raises:
        IntegrityError: The log has no such author.
    """
    known = log.state.authors.get(fingerprint)
    try:
        key = load_der_public_key(base64.b64decode((known.entry.key if known else None) or ""))
    except (ValueError, InvalidInputError) as error:
        raise IntegrityError(
            f"the log names no author key {fingerprint}; restore the log from a copy"
        ) from error
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
