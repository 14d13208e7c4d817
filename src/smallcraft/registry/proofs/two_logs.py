"""Two copies of a log: each opened without looking at pins, then held against each other.

Leaves to others: opening the one log that a user works with (`registry.opening`), what is done about it
(`proofs.transfer`).
Always: a log is used only when the key in force signed its checkpoint, every entry is under its root.
Covered: forks, two logs under one name, a key that nobody handed over.
Not covered: both copies rolled back alike; pins show that.
"""

from __future__ import annotations

from collections.abc import Sequence

from smallcraft.errors import IntegrityError
from smallcraft.registry.content.disk import CHECKPOINT_PATH, Layout, read_bytes
from smallcraft.registry.keys.pins import compare_checkpoints
from smallcraft.registry.keys.policy import Policy, check_policy
from smallcraft.registry.opening import OpenLog, read_policy, require_undamaged, tile_reader
from smallcraft.registry.tlog.checkpoint import Checkpoint
from smallcraft.registry.tlog.entry import parse_entry
from smallcraft.registry.tlog.note import ED25519, open_note
from smallcraft.registry.tlog.order import state_of
from smallcraft.registry.tlog.tiles import Read, TileLog

LARGEST_NOTE_BYTES = 1 << 16


def claimed_policies(*layouts: Layout) -> list[Policy]:
    """The policies that registries claim, of those that have one."""
    return [read_policy(layout) for layout in layouts if layout.policy.exists()]


def open_copy(layout: Layout, policies: Sequence[Policy]) -> OpenLog:
    """A log under the first policy that accepts its checkpoint.

    Args:
        layout: Its registry.
        policies: Tried in order.

    Raises:
        IntegrityError: No policy accepts it, or something in it is broken.
    """
    note = read_bytes(layout.checkpoint, name=f"{layout.root}: {CHECKPOINT_PATH}", limit=LARGEST_NOTE_BYTES)
    return open_noted(note, tile_reader(layout), policies, where=str(layout.root))


def open_noted(note: bytes, read: Read, policies: Sequence[Policy], *, where: str) -> OpenLog:
    """The same for a log that is read in some other way.

    Args:
        note: Its checkpoint.
        read: Gives its tiles.
        policies: Tried in order.
        where: It is kept, for messages.

    Raises:
        IntegrityError: No policy accepts it, or something in it is broken.
    """
    name = f"{where}: {CHECKPOINT_PATH}"
    policy, checkpoint = _accepted(note, policies, name=name)
    try:
        tiles = TileLog(read, checkpoint.size, root=checkpoint.root)
        raw = tuple(tiles.entries())
    except IntegrityError:
        # Only now is it worth reading everything: the first broken thing is what people can act on.
        require_undamaged(read, checkpoint)
        raise
    entries = tuple(parse_entry(data, number=number) for number, data in enumerate(raw, start=1))
    state = state_of(entries)
    signers = open_note(note, policy.verifiers).signers
    signer = next(key.vkey for key in signers if key.name == checkpoint.origin and key.kind == ED25519)
    if state.log_keys and signer != state.log_keys[-1]:
        raise IntegrityError(
            f"{name} is signed by {signer}, the log says that {state.log_keys[-1]} is in force; do not use it"
        )
    if state.origin not in {None, checkpoint.origin}:
        raise IntegrityError(
            f"{name} is of log '{checkpoint.origin}', its entries are of '{state.origin}'; do not use it"
        )
    return OpenLog(checkpoint, note, signer, raw, entries, state, tiles)


def _accepted(note: bytes, policies: Sequence[Policy], *, name: str) -> tuple[Policy, Checkpoint]:
    refusal = IntegrityError("no policy says whose logs count; pass one")
    for policy in policies:
        try:
            return policy, check_policy(note, policy)
        except IntegrityError as error:
            refusal = error
    raise IntegrityError(f"{name}: {refusal}") from refusal


def entries_ahead(log: OpenLog, known: OpenLog | None, *, source: object, target: object) -> int:
    """How many entries the target is ahead; 0 where it begins the source's log.

    Args:
        log: The source's.
        known: The target's; None where it has none.
        source: Where it is, for messages.
        target: Where that one is.

    Raises:
        IntegrityError: They are two logs, or two histories of one.
    """
    if known is None:
        return 0
    if known.checkpoint.origin != log.checkpoint.origin:
        raise IntegrityError(
            f"{target} is of log '{known.checkpoint.origin}', {source} of '{log.checkpoint.origin}': they "
            "are two registries; name the right folder"
        )
    older, newer = sorted((log, known), key=lambda opened: opened.tiles.size)
    found = compare_checkpoints(older.checkpoint, newer.checkpoint, consistency=newer.tiles.consistency)
    if not found.is_well:
        raise IntegrityError(f"{source} and {target} are forked: {found.message}")
    if older.signer not in newer.keys:
        raise IntegrityError(
            f"{source} and {target} are signed by two keys, {older.signer} and {newer.signer}, and no entry "
            "hands one over to the other; ask the log's owner which one is true"
        )
    return max(known.tiles.size - log.tiles.size, 0)
