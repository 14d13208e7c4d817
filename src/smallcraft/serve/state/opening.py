"""A server's state at boot: read, or kept aside when it cannot be; and the lease taken.

What may come: a whole file; none yet; one that cannot be understood (kept aside under another name, and a new
one begun that remembers it); a disk that lets nothing be written (what is there is read from a copy).
Leaves to others: what follows from it for the traffic (`serve.controller`).
Always: it never fails; no file is deleted; a state that was not read is told as lost, never taken for none.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.serve.rollout.receipts import Receipt
from smallcraft.serve.rollout.standing import RolloutState
from smallcraft.serve.state.database import (
    COMPANIONS,
    FILE_NAME,
    ForeignFormatError,
    connect,
    connect_to_read,
    snapshot,
    sync_folder,
    transaction,
)
from smallcraft.serve.state.store import (
    StateStore,
    Stored,
    Writing,
    epoch_file,
    load,
    load_rollout,
    read_receipts,
    rollouts_in,
    take_lease,
)

# Disk, rights or another process stood in the way; anything else is about what is in the file.
_REFUSALS = frozenset(
    (
        *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY),
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
    )
)


@dataclass(frozen=True)
class Opened:
    """What came of opening.

    Attributes:
        store: To write to; None while nothing can be written: try again later.
        stored: What was read; `lost` says why nothing was, where there should be something.
        alarm: What a person should look at; empty for nothing.
        is_deposed: Whether another controller took the lease that was to be kept.
    """

    store: StateStore | None
    stored: Stored
    alarm: str = ""
    is_deposed: bool = False


def open_state(folder: Path, *, kept_epoch: int | None = None) -> Opened:
    """Open the state in a folder, whatever is there, and take the lease.

    Args:
        folder: The server's own; made where there is none.
        kept_epoch: When it is opened again: the epoch that was read the first time, above which the lease is
            another controller's. None to take it whoever has it.
    """
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        has_file = path.exists()
        has_log = (folder / f"{FILE_NAME}-wal").exists()
    except OSError as error:
        reason = f"the state's folder {folder} cannot be used: {error.strerror}"
        return Opened(None, Stored(lost=reason), reason)
    if not has_file:
        had_one = has_log or _noted_epoch(folder) > 0
        return _set_aside(folder, "it is gone") if had_one else _begin(folder)
    try:
        return _open_whole(path, kept_epoch)
    except (sqlite3.Error, InvalidInputError, IntegrityError) as error:
        if _is_refused(error):
            return _read_aside(path, str(error))
        return _set_aside(folder, str(error))


def find_rollout(folder: Path, rollout: str = "") -> RolloutState:
    """Where a rollout stands, for another process than the server.

    Args:
        folder: The server's.
        rollout: Its id; empty for the last one.

    Raises:
        NotFoundError: There is none of that name, or none at all.
        IntegrityError: The state cannot be read.
    """
    with _reading(folder) as database:
        return load_rollout(database, _known_rollout(database, rollout))


def list_rollouts(folder: Path) -> tuple[str, ...]:
    """Ids of all rollouts of a server's folder, oldest first; errors as for `find_rollout`."""
    with _reading(folder) as database:
        return rollouts_in(database)


def find_receipts(folder: Path, rollout: str = "") -> tuple[Receipt, ...]:
    """All receipts of a rollout, oldest first; arguments and errors as for `find_rollout`."""
    with _reading(folder) as database:
        return read_receipts(database, _known_rollout(database, rollout))


def find_receipt(folder: Path, name: str) -> Receipt:
    """A receipt by its name, `ROLLOUT/NUMBER`; errors as for `find_rollout`."""
    rollout, _, number = name.rpartition("/")
    receipts = find_receipts(folder, rollout)
    for receipt in receipts:
        if str(receipt.number) == number:
            return receipt
    raise NotFoundError(
        f"receipt {name!r} is not in {folder}; that rollout has receipts 1 to {len(receipts)}, named"
        " ROLLOUT/NUMBER"
    )


def _begin(folder: Path, *, lost: str = "", above: int = 0) -> Opened:
    """A new file."""
    try:
        database = connect(folder / FILE_NAME, is_new=True)
        sync_folder(folder)
        if lost:
            with transaction(database):
                Writing(database).set_lost(lost)
        # Last, so that no lease is left behind by a boot that failed.
        epoch = _lead(database, folder, above)
    except (sqlite3.Error, OSError) as error:
        reason = f"the state cannot be written in {folder}: {error}"
        return Opened(None, Stored(lost=lost), f"{lost}; {reason}" if lost else reason)
    return Opened(StateStore(database, epoch=epoch), Stored(epoch=epoch, lost=lost), lost)


def _open_whole(path: Path, kept_epoch: int | None) -> Opened:
    # Without a note of an epoch the very first boot may have been killed before there were tables.
    database = connect(path, is_new=_noted_epoch(path.parent) == 0)
    try:
        stored = load(database)
        if kept_epoch is not None and stored.epoch != kept_epoch:
            database.close()
            reason = f"another controller took over (epoch {stored.epoch}, {kept_epoch} was known)"
            return Opened(None, stored, reason, is_deposed=True)
        epoch = _lead(database, path.parent, stored.epoch)
    except BaseException:
        database.close()
        raise
    return Opened(StateStore(database, epoch=epoch), replace(stored, epoch=epoch), stored.lost)


def _lead(database: sqlite3.Connection, folder: Path, above: int) -> int:
    epoch = take_lease(database, above=above)
    # A note only: without it, routers of before might take a new file's epoch for an old one.
    with contextlib.suppress(OSError):
        epoch_file(folder).write_text(f"{epoch}\n")
    return epoch


def _read_aside(path: Path, reason: str) -> Opened:
    """What a file holds that cannot be written to now, from a copy of it."""
    alarm = f"the state {path} cannot be written: {reason}; nothing changes until it can"
    try:
        with tempfile.TemporaryDirectory(prefix="smallcraft-state-") as folder:
            for companion in COMPANIONS[:2]:
                source = path.with_name(f"{FILE_NAME}{companion}")
                if source.exists():
                    shutil.copyfile(source, Path(folder) / source.name)
            with contextlib.closing(connect(Path(folder) / FILE_NAME)) as database:
                return Opened(None, load(database), alarm)
    except (sqlite3.Error, OSError, InvalidInputError, IntegrityError) as error:
        lost = f"the state {path} cannot be read: {error}"
        return Opened(None, Stored(lost=lost, epoch=_noted_epoch(path.parent)), lost)


def _set_aside(folder: Path, reason: str) -> Opened:
    """Keep what cannot be understood under another name, and begin anew."""
    number = 1
    while any((folder / f"{FILE_NAME}.bad-{number}{companion}").exists() for companion in COMPANIONS):
        number += 1
    kept = folder / f"{FILE_NAME}.bad-{number}"
    lost = (
        f"the state could not be read ({reason}) and is kept as {kept}; nothing is known of the rollout that"
        " was under way, nor of releases that were rolled back"
    )
    epoch = _noted_epoch(folder)
    try:
        for companion in COMPANIONS:
            source = folder / f"{FILE_NAME}{companion}"
            if source.exists():
                source.rename(kept.with_name(f"{kept.name}{companion}"))
        sync_folder(folder)
    except OSError as error:
        lost = f"the state could not be read ({reason}), and not be kept aside: {error}"
        return Opened(None, Stored(lost=lost, epoch=epoch), lost)
    return _begin(folder, lost=lost, above=epoch)


def _noted_epoch(folder: Path) -> int:
    try:
        return int(epoch_file(folder).read_text())
    except (OSError, ValueError):
        return 0


def _is_refused(error: Exception) -> bool:
    if isinstance(error, ForeignFormatError):
        return False
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _REFUSALS


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[sqlite3.Connection]:
    path = folder / FILE_NAME
    if not path.exists():
        raise NotFoundError(
            f"{folder} holds no state of a server; name the folder that 'smallcraft serve' uses"
        )
    try:
        with contextlib.closing(connect_to_read(path)) as database, snapshot(database):
            yield database
    except sqlite3.Error as error:
        raise IntegrityError(
            f"the state {path} cannot be read: {error}; the server keeps it aside at its start"
        ) from error


def _known_rollout(database: sqlite3.Connection, rollout: str) -> str:
    known = rollouts_in(database)
    if not known or (rollout and rollout not in known):
        raise NotFoundError(
            f"rollout {rollout or 'of any name'} is not in the state; it has {', '.join(known) or 'none'}"
        )
    return rollout or known[-1]
