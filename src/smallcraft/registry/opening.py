"""Opens the log: whose signature counts, what was seen before, and every entry under its root.

What a reader believes, in order: (1) the policy, its own or the one the log claims; (2) the checkpoint,
signed by a key of that policy; (3) the entries, each under the checkpoint's root and in order; (4) the
keys that signed, handed from one to the next; (5) the pin, the newest state this user ever verified.
Always: nothing of the log is used before all five held; the pin moves forward only.
Covered: rollback, fork, another key, altered, missing and reordered entries; a writer at the same time.
Not covered: what happened before the first pin. Give a policy, or a checkpoint from a copy, to close that.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError, SmallcraftError
from smallcraft.registry.content.disk import CHECKPOINT_PATH, Layout, read_bytes
from smallcraft.registry.keys.keyring import Keyring, config_folder
from smallcraft.registry.keys.pins import Pin, Pins, compare, open_pin
from smallcraft.registry.keys.policy import Policy, check_policy, parse_policy
from smallcraft.registry.tlog.checkpoint import Checkpoint
from smallcraft.registry.tlog.damage import find_first_broken
from smallcraft.registry.tlog.entry import Entry, parse_entry
from smallcraft.registry.tlog.note import ED25519, open_note
from smallcraft.registry.tlog.order import State, state_of
from smallcraft.registry.tlog.tiles import Read, TileLog
from smallcraft.registry.tlog.tree import check_consistency

_LIMIT_BYTES = 1 << 16
_MOST_TURNS = 100


@dataclass(frozen=True)
class Trust:
    """What a user brings along: keys, pins, and perhaps a policy of their own.

    Attributes:
        folder: The user's configuration folder.
        policy: None to believe the keys that the log claims, as far as the pin allows.
    """

    folder: Path = field(default_factory=lambda: config_folder(os.environ))
    policy: Policy | None = None

    @property
    def keyring(self) -> Keyring:
        """The user's private keys."""
        return Keyring(self.folder)

    @property
    def pins(self) -> Pins:
        """The newest state of each log that the user has verified."""
        return Pins(self.folder)


@dataclass(frozen=True)
class Signed:
    """A checkpoint whose signature was checked.

    Attributes:
        checkpoint: What it says.
        note: As stored, signatures and all.
        signer: The log's verifier key that signed it.
    """

    checkpoint: Checkpoint
    note: bytes
    signer: str


@dataclass(frozen=True)
class OpenLog(Signed):
    """A log that was checked.

    Attributes:
        raw: The entries' bytes.
        entries: What they say.
        state: What they add up to.
        tiles: For proofs and appends.
        standing: To what this user saw of it before, in words.
    """

    raw: tuple[bytes, ...]
    entries: tuple[Entry, ...]
    state: State
    tiles: TileLog
    standing: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The log's verifier keys, oldest first."""
        return self.state.log_keys or (self.signer,)

    def is_erased(self, put: Entry) -> bool:
        """Whether the bytes of a release may be gone."""
        retired = self.state.retired.get((put.name or "", put.version or 0))
        return retired is not None and bool(retired.entry.erased)


def open_log(layout: Layout, trust: Trust, *, known: OpenLog | None = None) -> OpenLog:
    """The committed log.

    Args:
        layout: The registry.
        trust: Whose keys and pins count.
        known: The log as it was when this process last opened it; when nothing was committed since, it is
            returned as it is, otherwise only the entries that are new are read.

    Raises:
        IntegrityError: One of the five does not hold; the message names the first broken thing.
        InvalidInputError: It is a registry of the format before.
    """
    if known is None:
        _refuse_format_before(layout)
    for _ in range(_MOST_TURNS):
        note = _read_note(layout)
        if known is not None and note == known.note:
            return known
        try:
            return _open_note(layout, trust, note, known=known)
        except IntegrityError:
            # A reader holds no lock: what it read may be superseded, by a writer that came meanwhile.
            if _read_note(layout) == note:
                raise
    raise IntegrityError(
        f"{CHECKPOINT_PATH} changed {_MOST_TURNS} times while it was read; wait for its writers, then go on"
    )


def _refuse_format_before(layout: Layout) -> None:
    """Its entries were files of their own, below no tile."""
    if (layout.log / "entries").is_dir() and not (layout.log / "tile").exists():
        raise InvalidInputError(
            f"{layout.root} is a registry of the format before this one; `smallcraft registry upgrade` "
            "brings it to the present one and keeps the old one beside it"
        )


def _read_note(layout: Layout) -> bytes:
    return read_bytes(layout.checkpoint, name=CHECKPOINT_PATH, limit=_LIMIT_BYTES)


def _open_note(layout: Layout, trust: Trust, note: bytes, *, known: OpenLog | None) -> OpenLog:
    # (1) policy, and (2) signature
    policy = trust.policy or read_policy(layout)
    try:
        checkpoint = check_policy(note, policy)
    except IntegrityError as error:
        raise IntegrityError(f"{CHECKPOINT_PATH}: {error}") from error
    # (3) entries
    signer = _signed_by(note, policy, checkpoint)
    opened = _open_entries(layout, Signed(checkpoint, note, signer), known=known)
    # (4) the key in force
    _require_key_in_force(opened)
    # (5) the pin, and what this process saw
    if known is not None and known.checkpoint.origin == opened.checkpoint.origin:
        require_well(open_pin(known.note, known.signer), opened)
    opened = replace(opened, standing=compare_with_pin(opened, trust))
    keep_pin(opened, trust)
    return opened


def read_policy(layout: Layout) -> Policy:
    """The keys that the log claims.

    Raises:
        IntegrityError: The file is missing or is no policy.
    """
    name = layout.name_of(layout.policy)
    try:
        return parse_policy(read_bytes(layout.policy, name=name, limit=_LIMIT_BYTES))
    except InvalidInputError as error:
        raise IntegrityError(f"{name}: {error}; restore it from a copy") from error


def tile_reader(layout: Layout) -> Read:
    """Gives the bytes of a tile; a tile that is not there is for the caller to look for elsewhere."""

    def read(path: str) -> bytes:
        file = layout.tile(path)
        try:
            return read_bytes(file, name=f"log/{path}")
        except IntegrityError:
            if not os.path.lexists(file):
                raise FileNotFoundError(path) from None
            raise

    return read


def compare_with_pin(opened: OpenLog, trust: Trust) -> str:
    """How the log stands to what this user saw of it before, in words.

    Raises:
        IntegrityError: It was rolled back, forked, or is signed by another key.
        SmallcraftError: The user's folder cannot be read.
    """
    try:
        pin = trust.pins.read(opened.checkpoint.origin)
    except OSError as error:
        raise SmallcraftError(
            f"what you saw of the log before cannot be read in {trust.pins.folder} ({error.strerror}); name "
            "a folder of your own in SMALLCRAFT_CONFIG"
        ) from error
    return require_well(pin, opened) if pin else "seen here for the first time"


def require_well(pin: Pin, opened: OpenLog, *, source: str = CHECKPOINT_PATH) -> str:
    """How the log stands to a pinned checkpoint, in words.

    Raises:
        IntegrityError: It was rolled back, forked, or is signed by another key.
    """
    found = compare(pin, opened.checkpoint, keys=opened.keys, consistency=opened.tiles.consistency)
    if not found.is_well:
        raise IntegrityError(f"{source}: {found.message}")
    return found.message


def keep_pin(opened: OpenLog, trust: Trust) -> None:
    """Move the pin forward; where the user's folder cannot be written there is none, and that is no error."""
    with contextlib.suppress(OSError):
        trust.pins.write(open_pin(opened.note, opened.signer))


def _open_entries(layout: Layout, signed: Signed, *, known: OpenLog | None) -> OpenLog:
    read, checkpoint = tile_reader(layout), signed.checkpoint
    try:
        tiles = TileLog(read, checkpoint.size, root=checkpoint.root)
        start = _kept(tiles, known)
        fresh = tuple(tiles.entries(start))
    except IntegrityError:
        # Only now is it worth reading everything: the first broken thing is what people can act on.
        require_undamaged(read, checkpoint)
        raise
    parsed = tuple(parse_entry(data, number=start + n) for n, data in enumerate(fresh, start=1))
    raw = (*(known.raw[:start] if known else ()), *fresh)
    entries = (*(known.entries[:start] if known else ()), *parsed)
    state = state_of(entries)
    if state.origin not in {None, checkpoint.origin}:
        raise IntegrityError(
            f"{CHECKPOINT_PATH}: it is of log '{checkpoint.origin}', its entries are of '{state.origin}'; "
            "restore the log from a copy"
        )
    return OpenLog(checkpoint, signed.note, signed.signer, raw, entries, state, tiles)


def require_undamaged(read: Read, checkpoint: Checkpoint) -> None:
    """Every tile and entry under a checkpoint, the first broken one named with its file.

    Raises:
        IntegrityError: There is one.
    """
    broken = find_first_broken(read, checkpoint.size, root=checkpoint.root)
    if broken is not None:
        is_named = broken.message.startswith(broken.path)
        raise IntegrityError(broken.message if is_named else f"{broken.path}: {broken.message}")


def _kept(tiles: TileLog, known: OpenLog | None) -> int:
    """How many of the entries read before are proven to be this log's first ones."""
    if known is None or not 0 < known.checkpoint.size <= tiles.size:
        return 0
    size = known.checkpoint.size
    try:
        check_consistency(
            tiles.consistency(size),
            old_size=size,
            new_size=tiles.size,
            old_root=known.checkpoint.root,
            new_root=tiles.root(),
        )
    except IntegrityError:
        return 0
    return size


def _signed_by(note: bytes, policy: Policy, checkpoint: Checkpoint) -> str:
    """The verifier key of the log itself among those that signed."""
    signers = open_note(note, policy.verifiers).signers
    return next(key.vkey for key in signers if key.name == checkpoint.origin and key.kind == ED25519)


def _require_key_in_force(opened: OpenLog) -> None:
    if opened.signer != opened.keys[-1]:
        raise IntegrityError(
            f"{CHECKPOINT_PATH}: it is signed by {opened.signer}, the log says that {opened.keys[-1]} is in "
            "force; do not use it, restore the log from a copy"
        )
