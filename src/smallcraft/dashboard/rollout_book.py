"""The receipts of every rollout that a server of this project kept, by model.

Leaves to others: what a receipt says (`serve.rollout.receipts`), the file (`serve.state`).
Always: read again only where a server wrote; a file that cannot be read is told, never taken for empty.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from smallcraft.dashboard.sources import Sources
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.serve.rollout.receipts import Receipt
from smallcraft.serve.state.database import FILE_NAME, connect_to_read, snapshot
from smallcraft.serve.state.store import read_receipts, rollouts_in


def read_book(sources: Sources) -> Mapping[str, Sequence[Receipt]]:
    """Receipts of each model, oldest first.

    Raises:
        NotFoundError: No server kept anything here.
        IntegrityError: What it kept cannot be read.
    """
    return sources.remember("receipts", sources.serving_stamp(), lambda: _read(sources.served.state))


def _read(state: Path) -> Mapping[str, Sequence[Receipt]]:
    files = sorted(state.glob(f"*/{FILE_NAME}"))
    if not files:
        raise NotFoundError("no server has kept anything for this project; `smallcraft serve` does")
    return {path.parent.name: _receipts(path) for path in files}


def _receipts(path: Path) -> tuple[Receipt, ...]:
    try:
        with contextlib.closing(connect_to_read(path)) as database, snapshot(database):
            return tuple(one for name in rollouts_in(database) for one in read_receipts(database, name))
    except (sqlite3.Error, InvalidInputError) as error:
        raise IntegrityError(
            f"{path} cannot be read: {error}; the server keeps it aside at its start"
        ) from error
