"""A new key for the log: handed over by the old one in an entry, in force from that entry's checkpoint on.

Leaves to others: the key files (`keys.keyring`), the commit (`registry.writing`).
Always: stopped at any point, the log opens under the old key or the new one, and rotating again goes on.
Not covered: an old key that was stolen before; whoever has it can sign another history, which pins show.
"""

from __future__ import annotations

import base64
from dataclasses import replace

from smallcraft.registry.indexing import encode_own_policy
from smallcraft.registry.tlog.entry import Entry, unsigned_bytes
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.writing import Writer


def rotate_log_key(writer: Writer) -> str:
    """Let a new key sign the log from now on.

    Steps: (1) a key that waits; (2) the entry by which the old one hands over, under a checkpoint of the new
    one, which the policy lists before that is there; (3) the new key in place of the old one, which is kept.

    Returns:
        The new verifier key.

    Raises:
        NotFoundError: The log's key is not on this machine.
    """
    # (1) a key that waits
    old, new = writer.signer, _waiting_key(writer)
    # (2) hand over
    unsigned = Entry(writer.origin, "key", writer.time, role="log", key=new.vkey)
    signature = base64.b64encode(old.sign(unsigned_bytes(unsigned))).decode("ascii")
    policy = encode_own_policy(writer.layout, (*writer.log.keys, new.vkey))
    writer.commit([replace(unsigned, signature=signature)], signer=new, policy=policy)
    # (3) new in place of old
    writer.trust.keyring.adopt_log_key(writer.origin)
    return new.vkey


def _waiting_key(writer: Writer) -> Signer:
    """The key prepared for the log; one that took over already, in a run that was cut short, is adopted."""
    keyring = writer.trust.keyring
    waiting = keyring.prepare_log_key(writer.origin)
    if waiting.vkey == writer.log.keys[-1]:
        keyring.adopt_log_key(writer.origin)
        waiting = keyring.prepare_log_key(writer.origin)
    return waiting
