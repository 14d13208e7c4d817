"""The log's committed state in four lines: origin, size, Merkle root (RFC 6962), newest entry.

Holds the rules only: bytes in, bytes out; the entries under it belong to `registry.log`.
Always: equal entries give equal checkpoints; one state has one byte string.
Not covered: who wrote it. Without a signature, a checkpoint proves what its holder kept it for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError

CHECKPOINT_PATH = "log/checkpoint"
NO_HEAD = "none"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COUNT = re.compile(r"0|[1-9][0-9]{0,14}")


@dataclass(frozen=True)
class Checkpoint:
    """The log's state: how many entries, their Merkle root, the digest of the last one."""

    origin: str
    size: int
    root: str
    head: str | None


def merkle_root(entries: Sequence[bytes]) -> str:
    """Merkle tree hash over entries, leaves prefixed 0x00 and inner nodes 0x01.

    Source:
        RFC 6962, section 2.1.

    >>> merkle_root([b""])[:14]
    'sha256:6e340b9'
    """
    subtrees: list[tuple[int, bytes]] = []
    for entry in entries:
        node = (1, hashlib.sha256(b"\x00" + entry).digest())
        while subtrees and subtrees[-1][0] == node[0]:
            node = (2 * node[0], _inner(subtrees.pop()[1], node[1]))
        subtrees.append(node)
    if not subtrees:
        return digest_bytes(b"")
    root = subtrees.pop()[1]
    while subtrees:
        root = _inner(subtrees.pop()[1], root)
    return "sha256:" + root.hex()


def _inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def checkpoint_of(origin: str, entries: Sequence[bytes]) -> Checkpoint:
    """The checkpoint that covers exactly these entries."""
    head = digest_bytes(entries[-1]) if entries else None
    return Checkpoint(origin, len(entries), merkle_root(entries), head)


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The checkpoint's one byte string.

    Source:
        C2SP tlog-checkpoint (origin, size, base64 root); the head is an extension line.
    """
    root = base64.b64encode(bytes.fromhex(checkpoint.root.removeprefix("sha256:"))).decode("ascii")
    lines = (checkpoint.origin, checkpoint.size, root, f"head {checkpoint.head or NO_HEAD}")
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def parse_checkpoint(data: bytes) -> Checkpoint:
    """Read a stored checkpoint; only the exact bytes that `encode_checkpoint` gives are one.

    Raises:
        IntegrityError: Anything else.
    """
    try:
        origin, size, root, head, rest = data.decode("ascii").split("\n")
        digest = "sha256:" + base64.b64decode(root, validate=True).hex()
        checkpoint = Checkpoint(
            origin=origin,
            size=int(size) if _COUNT.fullmatch(size) else -1,
            root=_checked_digest(digest),
            head=None if head == f"head {NO_HEAD}" else _checked_digest(head[len("head ") :]),
        )
        is_exact = not rest and checkpoint.size >= 0 and encode_checkpoint(checkpoint) == data
    except (ValueError, binascii.Error) as error:
        raise checkpoint_error(f"it cannot be read ({error})") from error
    if not is_exact:
        raise checkpoint_error("it is not in the form a registry writes")
    return checkpoint


def _checked_digest(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"sha256:<64 hex digits> expected, got {digest!r}")
    return digest


def checkpoint_error(what: str) -> IntegrityError:
    """The one message for a checkpoint that is not the committed one."""
    return IntegrityError(
        f"{CHECKPOINT_PATH}: the checkpoint is not the one that was committed: {what}; restore it from a copy"
    )
