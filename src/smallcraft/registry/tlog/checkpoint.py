"""The log's committed state as a signed note: origin, size, root (C2SP tlog-checkpoint).

Holds the text of a checkpoint and whose signature makes it one; the tree under it belongs to `tlog.tree`.
Always: a checkpoint opens only with a signature of its own log, whose key bears the origin as its name.
Covered: altered origin, size, root or signature; a checkpoint of another log.
Not covered: an owner who signs two histories, or puts back an older one: pins and copies show that.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.tlog.entry import check_origin
from smallcraft.registry.tlog.note import ED25519, Note, NoteSigner, Signer, Verifier, open_note, sign_note
from smallcraft.registry.tlog.tree import HASH_BYTES

_SIZE = re.compile(r"0|[1-9][0-9]{0,14}")


@dataclass(frozen=True)
class Checkpoint:
    """A log's state.

    Attributes:
        origin: The log's identity.
        size: Entries, from 0.
        root: 32 bytes, the Merkle root over them.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        """The three lines that are signed.

        >>> Checkpoint("example.com/log", 0, bytes(32)).text.splitlines()[:2]
        [b'example.com/log', b'0']
        """
        root = base64.b64encode(self.root).decode("ascii")
        return f"{self.origin}\n{self.size}\n{root}\n".encode("ascii")

    @property
    def root_digest(self) -> str:
        """The root as `sha256:<hex>`, for people."""
        return f"sha256:{self.root.hex()}"


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer, cosigners: Sequence[NoteSigner] = ()) -> bytes:
    """The checkpoint as a note signed by its log, then by witnesses.

    Args:
        checkpoint: The state.
        signer: The log's key in force.
        cosigners: Witnesses; while a key is handed over, the key before it too.

    Raises:
        InvalidInputError: The key is not that of the log, or the checkpoint cannot be written.
    """
    check_origin(checkpoint.origin)
    if signer.name != checkpoint.origin:
        raise InvalidInputError(
            f"a checkpoint of '{checkpoint.origin}' must be signed by the key of that name, "
            f"got '{signer.name}'; take the signer of its origin from the keyring"
        )
    if len(checkpoint.root) != HASH_BYTES or checkpoint.size < 0:
        raise InvalidInputError(
            f"a checkpoint must have a size from 0 and a root of {HASH_BYTES} bytes, "
            f"got {checkpoint.size} and {len(checkpoint.root)}"
        )
    return sign_note(checkpoint.text, (signer, *cosigners))


def open_checkpoint(data: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Read a checkpoint that its own log signed.

    Args:
        data: The note.
        verifiers: Known keys, of logs and of witnesses.

    Raises:
        IntegrityError: The note does not open, is no checkpoint, or its own log did not sign it.
    """
    return checkpoint_in(open_note(data, verifiers))


def checkpoint_in(note: Note) -> Checkpoint:
    """The checkpoint that an opened note holds, if a known key of its own log signed it.

    Raises:
        IntegrityError: It is none, or only others signed it.
    """
    checkpoint = parse_text(note.text)
    if not any(key.name == checkpoint.origin and key.kind == ED25519 for key in note.signers):
        names = ", ".join(sorted({f"'{key.name}'" for key in note.signers}))
        raise IntegrityError(
            f"the checkpoint says it is of log '{checkpoint.origin}', but {names} signed it: it belongs to "
            "another log; do not use it"
        )
    return checkpoint


def parse_text(text: bytes) -> Checkpoint:
    """Read the signed text; only the exact bytes that `Checkpoint.text` gives are one.

    Raises:
        IntegrityError: Anything else, extension lines among it: nothing audits what they say.
    """
    try:
        origin, size, root, rest = text.decode("ascii").split("\n")
        if not _SIZE.fullmatch(size):
            raise ValueError(f"size {size!r} is not a count")  # noqa: TRY301 - one message for all
        checkpoint = Checkpoint(check_origin(origin), int(size), base64.b64decode(root, validate=True))
        is_exact = not rest and len(checkpoint.root) == HASH_BYTES and checkpoint.text == text
    except (ValueError, binascii.Error) as error:
        raise IntegrityError(f"this is not a checkpoint ({error}); restore it from a copy") from error
    if not is_exact:
        raise IntegrityError("this checkpoint is not in the form a log writes; restore it from a copy")
    return checkpoint
