"""A proof that a stranger checks offline: an entry's path to a signed checkpoint (C2SP tlog-proof, v1).

Holds the text format and its check; what stands beside it for the stranger belongs to `registry.proofs`.
Always: a proof that verifies binds the entry's bytes to an index, a size, a root and its log's key.
Covered: any altered line, another entry, another log, a signature of an unknown key.
Not covered: witnesses' quorum (`keys.policy`), and the `extra` line, which nothing signs.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.errors import IntegrityError
from smallcraft.registry.tlog.checkpoint import Checkpoint, open_checkpoint
from smallcraft.registry.tlog.note import Verifier
from smallcraft.registry.tlog.tiles import TileLog
from smallcraft.registry.tlog.tree import HASH_BYTES, check_inclusion, leaf_hash

HEADER = "c2sp.org/tlog-proof@v1"

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,14})")
_MOST_HASHES = 63


@dataclass(frozen=True)
class Proof:
    """An entry's inclusion in a log.

    Attributes:
        index: Of the entry, from 0.
        hashes: From the leaf's sibling up to the root's child, 32 bytes each.
        checkpoint: The signed note, as stored.
        extra: Whatever goes along; nothing vouches for it.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def prove(log: TileLog, index: int, *, checkpoint: bytes) -> Proof:
    """The proof of entry `index` (from 0) under the checkpoint that this log was opened at.

    Raises:
        InvalidInputError: There is no such entry.
    """
    return Proof(index, log.inclusion(index), checkpoint)


def encode_proof(proof: Proof) -> bytes:
    """The proof as text, for a file that ends in `.tlog-proof`."""
    extra = () if proof.extra is None else (f"extra {_base64(proof.extra)}",)
    lines = (HEADER, *extra, f"index {proof.index}", *map(_base64, proof.hashes), "")
    return "".join(f"{line}\n" for line in lines).encode("ascii") + proof.checkpoint


def parse_proof(data: bytes) -> Proof:
    """Read a proof; only the exact bytes that `encode_proof` gives are one.

    Raises:
        IntegrityError: Anything else.
    """
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
        extra = base64.b64decode(lines.pop(1)[6:], validate=True) if lines[1].startswith("extra ") else None
        header, index, *hashes = lines
        match = _INDEX.fullmatch(index)
        if header != HEADER or match is None or not blank or len(hashes) > _MOST_HASHES:
            raise ValueError(f"it begins with {lines[:2]}")  # noqa: TRY301 - one message for all
        proof = Proof(
            index=int(match[1]),
            hashes=tuple(base64.b64decode(line, validate=True) for line in hashes),
            checkpoint=checkpoint,
            extra=extra,
        )
    except (ValueError, IndexError, binascii.Error) as error:
        raise _not_a_proof(str(error)) from error
    if encode_proof(proof) != data or any(len(item) != HASH_BYTES for item in proof.hashes):
        raise _not_a_proof("its lines are not in the one form they have")
    return proof


def verify_proof(proof: Proof, entry: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    """The entry is in the log whose checkpoint the proof holds.

    Args:
        proof: As parsed.
        entry: The entry's stored bytes.
        verifiers: Keys of logs that the reader trusts.

    Returns:
        The checkpoint that covers the entry.

    Raises:
        IntegrityError: No trusted log signed the checkpoint, or it does not cover this entry there.
    """
    checkpoint = open_checkpoint(proof.checkpoint, verifiers)
    check_inclusion(
        proof.hashes,
        index=proof.index,
        size=checkpoint.size,
        leaf=leaf_hash(entry),
        root=checkpoint.root,
    )
    return checkpoint


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _not_a_proof(what: str) -> IntegrityError:
    return IntegrityError(f"this is not a proof of the form {HEADER}: {what}; ask for a new one")
