"""What a server must not forget, in one file, written by whoever holds the lease.

    facts · lease · rollouts, steps, receipts · routers (last shipment of each) · keys (counted) · refused

Leaves to others: opening it at boot (`opening`), deciding (`serve.controller`).
Always: a write is whole or was not; after somebody else took the lease nothing is written; what is read was
checked against its digest.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.serve.rollout.receipts import Receipt, check_chain, parse_receipt
from smallcraft.serve.rollout.standing import RolloutState
from smallcraft.serve.rollout.stored_form import state_from, to_form
from smallcraft.serve.state.database import check_pages, snapshot, transaction

Result = TypeVar("Result")
# Routers that were seen last; a router that lives is seen several times a second.
_MOST_ROUTERS = 1000
_SIGN = 1 << 63
_LOST = "lost"


class KeyKind(StrEnum):
    """For what a key counts once in a step."""

    MET = "met"
    FAILED = "failed"


class Outcome(StrEnum):
    """How a write ended."""

    WRITTEN = "written"
    DEPOSED = "deposed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Written(Generic[Result]):
    """What came of a write.

    Attributes:
        outcome: DEPOSED when another controller took the lease, REFUSED when the disk would not.
        value: Of the work, when it was WRITTEN.
        reason: In words, when it was not.
    """

    outcome: Outcome
    value: Result | None = None
    reason: str = ""


@dataclass(frozen=True)
class Stored:
    """What a file holds.

    Attributes:
        epoch: Of the last lease.
        state: Of the last rollout; None before the first.
        refused: Digest of a bundle that was rolled back, to the rollout that did.
        last_cause: Of the last receipt; empty before the first.
        lost: Why an earlier file could not be read, until a person has said that they know; else empty.
    """

    epoch: int = 0
    state: RolloutState | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    last_cause: str = ""
    lost: str = ""


class Writing:
    """One transaction of the holder of the lease."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add_state(self, state: RolloutState) -> None:
        """Begin a rollout; keys of the one before are forgotten."""
        self._database.execute("DELETE FROM keys")
        self._database.execute(
            "INSERT INTO rollouts (id, body, digest) VALUES (?, ?, ?)", (state.id, *_sealed(_head(state)))
        )

    def save_state(self, state: RolloutState) -> None:
        """Keep where a rollout stands; its steps apart."""
        self._database.execute(
            "UPDATE rollouts SET body = ?, digest = ? WHERE id = ?", (*_sealed(_head(state)), state.id)
        )

    def save_step(self, state: RolloutState, step: int) -> None:
        """Keep the counts of one step."""
        row = (state.id, step, *_sealed(to_form(state.steps[step])))
        self._database.execute("INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?)", row)

    def add_receipt(self, receipt: Receipt) -> None:
        """Keep a receipt; there is none of that number yet."""
        row = (receipt.rollout, receipt.number, receipt.to_json().decode())
        self._database.execute("INSERT INTO receipts VALUES (?, ?, ?)", row)

    def accept(self, router: str, sequence: int) -> bool:
        """Whether a shipment was not counted before; from now on it was."""
        row = self._database.execute("SELECT sequence FROM routers WHERE name = ?", (router,)).fetchone()
        if row is not None and row[0] >= sequence:
            return False
        seen = self._database.execute("SELECT coalesce(max(seen), 0) + 1 FROM routers").fetchone()[0]
        self._database.execute("INSERT OR REPLACE INTO routers VALUES (?, ?, ?)", (router, sequence, seen))
        if row is None:
            self._database.execute(
                "DELETE FROM routers WHERE name NOT IN (SELECT name FROM routers ORDER BY seen DESC LIMIT ?)",
                (_MOST_ROUTERS,),
            )
        return True

    def add_keys(self, keys: NDArray[np.uint64], *, step: int, kind: KeyKind, room: int) -> NDArray[np.bool_]:
        """Which keys are counted for the first time in a step.

        Args:
            keys: `(n,)` uint64.
            step: Of the present rollout.
            kind: For what.
            room: How many may be added; once there is none, no key is new.

        Returns:
            `(n,)` bool; of equal keys the first one.
        """
        firsts = np.zeros(len(keys), dtype=np.bool_)
        firsts[np.unique(keys, return_index=True)[1]] = True
        wanted = json.dumps([_signed(key) for key in keys[firsts].tolist()])
        found = self._database.execute(
            "SELECT value FROM json_each(?)"
            " WHERE EXISTS (SELECT 1 FROM keys WHERE step = ? AND kind = ? AND key = value)",
            (wanted, step, kind.value),
        )
        known = {value for (value,) in found}
        new = firsts & np.array([_signed(key) not in known for key in keys.tolist()], dtype=np.bool_)
        new &= np.cumsum(new) <= room
        self._database.executemany(
            "INSERT INTO keys VALUES (?, ?, ?)",
            [(step, kind.value, _signed(key)) for key in keys[new].tolist()],
        )
        return new

    def forget_keys(self) -> None:
        """A rollout is over: nothing is counted any more."""
        self._database.execute("DELETE FROM keys")

    def refuse_digest(self, digest: str, *, rollout: str) -> None:
        """Remember that a bundle was rolled back."""
        self._database.execute("INSERT OR REPLACE INTO refused VALUES (?, ?)", (digest, rollout))

    def forgive_digest(self, digest: str) -> None:
        """A bundle that was rolled back may be tried again."""
        self._database.execute("DELETE FROM refused WHERE digest = ?", (digest,))

    def set_lost(self, reason: str) -> None:
        """Remember that an earlier file could not be read; an empty reason once a person knows."""
        self._database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (_LOST, reason))


class StateStore:
    """An open file whose lease this process took.

    Attributes:
        epoch: Of the lease: whoever has a smaller one may not write.
    """

    def __init__(self, database: sqlite3.Connection, *, epoch: int) -> None:
        self._database = database
        self.epoch = epoch

    def write(self, work: Callable[[Writing], Result]) -> Written[Result]:
        """Do some work in one transaction.

        Args:
            work: What to write; its result counts only when all was written.
        """
        try:
            with transaction(self._database) as database:
                epoch = epoch_in(database)
                if epoch != self.epoch:
                    reason = f"another controller took over (epoch {epoch}, this one has {self.epoch})"
                    return Written(Outcome.DEPOSED, reason=reason)
                value = work(Writing(database))
        except sqlite3.Error as error:
            return Written(Outcome.REFUSED, reason=f"the state cannot be written: {error}")
        return Written(Outcome.WRITTEN, value)

    def receipts(self, rollout: str) -> tuple[Receipt, ...]:
        """Receipts of a rollout, oldest first; see `read_receipts`."""
        return read_receipts(self._database, rollout)

    def close(self) -> None:
        """Let go of the file; the lease is left for the next one to take."""
        self._database.close()


def take_lease(database: sqlite3.Connection, *, above: int = 0) -> int:
    """Become the one who may write.

    Args:
        database: An open file.
        above: The new epoch is larger than this.

    Returns:
        The epoch, larger than any before.

    Raises:
        sqlite3.Error: The disk refused.
    """
    with transaction(database):
        epoch = max(epoch_in(database), above) + 1
        database.execute("UPDATE lease SET epoch = ?", (epoch,))
    return epoch


def epoch_in(database: sqlite3.Connection) -> int:
    """Of the last lease."""
    return int(database.execute("SELECT epoch FROM lease").fetchone()[0])


def load(database: sqlite3.Connection) -> Stored:
    """All that a file holds, checked, as it is at one moment.

    Raises:
        sqlite3.Error: The file cannot be read, or its pages are damaged.
        InvalidInputError: A record in it is none.
        IntegrityError: A record is not what was written.
    """
    check_pages(database)
    with snapshot(database):
        return _load(database)


def _load(database: sqlite3.Connection) -> Stored:
    row = database.execute("SELECT id FROM rollouts ORDER BY number DESC LIMIT 1").fetchone()
    stored = Stored(
        epoch=epoch_in(database),
        refused=dict(database.execute("SELECT digest, rollout FROM refused")),
        lost=_fact(database, _LOST),
    )
    if row is None:
        return stored
    state = load_rollout(database, row[0])
    receipts = read_receipts(database, state.id)
    check_chain(receipts, last=state.last_receipt)
    return replace(stored, state=state, last_cause=receipts[-1].cause if receipts else "")


def load_rollout(database: sqlite3.Connection, rollout: str) -> RolloutState:
    """Where a rollout stands; errors as for `load`."""
    query = "SELECT body, digest FROM rollouts WHERE id = ?"
    head = _unsealed(database.execute(query, (rollout,)).fetchone(), f"rollout {rollout}")
    rows = database.execute("SELECT body, digest FROM steps WHERE rollout = ? ORDER BY step", (rollout,))
    steps = [_unsealed(row, f"step {place} of rollout {rollout}") for place, row in enumerate(rows)]
    if len(steps) != head.pop("step_count", None):
        raise IntegrityError(f"rollout {rollout} should have another number of steps than {len(steps)}")
    return state_from({**head, "steps": steps})


def read_receipts(database: sqlite3.Connection, rollout: str) -> tuple[Receipt, ...]:
    """Receipts of a rollout, oldest first.

    Raises:
        sqlite3.Error: The file cannot be read.
        InvalidInputError: One is no receipt.
    """
    query = "SELECT body FROM receipts WHERE rollout = ? ORDER BY number"
    return tuple(parse_receipt(body) for (body,) in database.execute(query, (rollout,)))


def rollouts_in(database: sqlite3.Connection) -> tuple[str, ...]:
    """Ids of all rollouts, oldest first."""
    return tuple(name for (name,) in database.execute("SELECT id FROM rollouts ORDER BY number"))


def epoch_file(folder: Path) -> Path:
    """Where the epoch is noted besides, for the day on which the file cannot be read."""
    return folder / "epoch"


def _fact(database: sqlite3.Connection, name: str) -> str:
    row = database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return "" if row is None else str(row[0])


def _head(state: RolloutState) -> dict[str, Any]:
    form: dict[str, Any] = to_form(replace(state, steps=()))
    del form["steps"]
    return {**form, "step_count": len(state.steps)}


def _sealed(form: Mapping[str, Any]) -> tuple[str, str]:
    # Not canonical: these very bytes are stored, four times a second, and read by nobody else.
    body = json.dumps(form, allow_nan=False, separators=(",", ":"))
    return body, digest_bytes(body.encode())


def _unsealed(row: tuple[str, str] | None, name: str) -> dict[str, Any]:
    if row is None:
        raise IntegrityError(f"{name} should be in the state, and is not")
    body, digest = row
    actual = digest_bytes(str(body).encode())
    if actual != digest:
        raise IntegrityError(f"{name} should have {digest}, its bytes have {actual}")
    try:
        form: dict[str, Any] = json.loads(body)
    except ValueError as error:
        raise InvalidInputError(f"{name} should be JSON: {error}") from error
    return form


def _signed(key: int) -> int:
    """A 64-bit hash as SQLite keeps it."""
    return key - 2 * _SIGN if key >= _SIGN else key
