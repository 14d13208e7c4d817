"""The durable state of watching: guardrails, alarms, and what was weighed; one SQLite file.

Leaves to others: what is in a guardrail (`observe.guardrail`), windows (`observe.store`).
Always: WAL, synchronous=FULL; what a window led to is written in one transaction together with the mark that
it was weighed, so that after kill -9 it is weighed again or not at all, never twice.
Not covered: two watchers of one project at once; the second is refused while the first writes.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.observe.alarm_form import alarm_json, parse_alarm
from smallcraft.observe.alarms import Alarm
from smallcraft.observe.group_risk import Labelled

FILE_NAME = "watch.db"
FORMAT = 1
_WAIT_S = 5.0
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE guards (release TEXT NOT NULL, segment TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (release, segment)) WITHOUT ROWID;
CREATE TABLE weighed (release TEXT NOT NULL, segment TEXT NOT NULL, start_s INTEGER NOT NULL,
    outcome TEXT NOT NULL, log_e REAL, body TEXT NOT NULL, PRIMARY KEY (release, segment, start_s)) WITHOUT
    ROWID;
CREATE TABLE labelled (release TEXT NOT NULL, item TEXT NOT NULL, start_s INTEGER NOT NULL, loss REAL NOT
NULL,
    groups TEXT NOT NULL, is_weighed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (release, item)) WITHOUT ROWID;
CREATE INDEX not_weighed ON labelled (release) WHERE is_weighed = 0;
CREATE TABLE alarms (number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, body TEXT NOT NULL)
"""


@dataclass(frozen=True)
class Weighed:
    """What a window led to.

    Attributes:
        outcome: Of `guardrail.GuardOutcome`, such as `quiet` or `undecided`.
        log_e: Logarithm of the evidence after it; None where there is none.
        needs: Of an undecided one: what would settle it.
    """

    release: str
    segment: str
    start_s: int
    outcome: str
    log_e: float | None
    needs: str = ""


class Journal:
    """An opened journal; close it, or use it in a `with`."""

    def __init__(self, folder: Path) -> None:
        """Open the journal of a folder; it and its folder are made where there are none.

        Raises:
            IntegrityError: The file is damaged, or of another format.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE_NAME
        self._database = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise IntegrityError(
                f"{self.path} cannot be read ({error}); move it away: guardrails then begin anew"
                " from the windows"
            ) from error
        except IntegrityError:
            self._database.close()
            raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside, or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
            raise

    def guard(self, release: str, segment: str) -> bytes | None:
        """A guardrail's state as it was saved; None before the first window."""
        row = self._database.execute(
            "SELECT body FROM guards WHERE release = ? AND segment = ?", (release, segment)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def guards(self) -> tuple[tuple[str, str], ...]:
        """Release and segment of each guardrail, in the order of their names."""
        rows = self._database.execute("SELECT release, segment FROM guards ORDER BY release, segment")
        return tuple((release, segment) for release, segment in rows)

    def begin_anew(self, settings: str) -> bool:
        """Forget every guardrail that was begun under other settings; what was weighed and raised stays.

        Args:
            settings: Digest of those that are declared now.

        Returns:
            Whether there were some.
        """
        with self.transaction():
            row = self._database.execute("SELECT value FROM facts WHERE name = 'settings'").fetchone()
            self._database.execute("INSERT OR REPLACE INTO facts VALUES ('settings', ?)", (settings,))
            if row is None or row[0] == settings:
                return False
            return self._database.execute("DELETE FROM guards").rowcount > 0

    def save_guard(self, release: str, segment: str, body: bytes) -> None:
        """Save a guardrail's state."""
        self._database.execute("INSERT OR REPLACE INTO guards VALUES (?, ?, ?)", (release, segment, body))

    def is_weighed(self, release: str, segment: str, start_s: int) -> bool:
        """Whether a window was weighed."""
        found = self._database.execute(
            "SELECT 1 FROM weighed WHERE release = ? AND segment = ? AND start_s = ?",
            (release, segment, start_s),
        )
        return found.fetchone() is not None

    def mark_weighed(self, weighed: Weighed) -> None:
        """Note what a window led to.

        Raises:
            IntegrityError: It was weighed before.
        """
        try:
            self._database.execute(
                "INSERT INTO weighed VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(weighed.release, weighed.segment, weighed.start_s, weighed.outcome, weighed.log_e),
                    json.dumps({"needs": weighed.needs}),
                ),
            )
        except sqlite3.IntegrityError as error:
            raise IntegrityError(
                f"the window of {weighed.release} at {weighed.start_s} was weighed before; end"
                " the other watcher"
            ) from error

    def weighed(
        self, *, release: str | None = None, since_s: int = 0, until_s: int | None = None
    ) -> tuple[Weighed, ...]:
        """What windows led to, oldest first.

        Args:
            release: Whose; None for all.
            since_s: Windows that begin at or after it.
            until_s: Windows that begin before it; None for no end.
        """
        rows = self._database.execute(
            "SELECT release, segment, start_s, outcome, log_e, body FROM weighed"
            " WHERE (?1 IS NULL OR release = ?1) AND start_s >= ?2 AND (?3 IS NULL OR start_s < ?3)"
            " ORDER BY start_s, release, segment",
            (release, since_s, until_s),
        )
        return tuple(
            Weighed(name, segment, start_s, outcome, log_e, json.loads(body)["needs"])
            for name, segment, start_s, outcome, log_e, body in rows
        )

    def last_weighed(self, release: str, segment: str) -> int | None:
        """Begin of the last window that was weighed; None for none."""
        row = self._database.execute(
            "SELECT max(start_s) FROM weighed WHERE release = ? AND segment = ?", (release, segment)
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def add_labelled(self, release: str, rows: Sequence[Labelled]) -> int:
        """Note answers whose labels are known; an item that is noted already is passed over.

        Returns:
            How many were new.
        """
        before = self._database.total_changes
        self._database.executemany(
            "INSERT OR IGNORE INTO labelled (release, item, start_s, loss, groups) VALUES (?, ?, ?, ?, ?)",
            [(release, row.item, row.start_s, row.loss, json.dumps(row.groups)) for row in rows],
        )
        return self._database.total_changes - before

    def labelled(self, release: str, *, since_s: int = 0, only_new: bool = False) -> tuple[Labelled, ...]:
        """Answers whose labels are known.

        Args:
            release: Whose.
            since_s: Answered in windows that begin at or after it.
            only_new: Whether to leave out those that the guardrail of losses weighed.
        """
        chosen = "SELECT item, start_s, loss, groups FROM labelled WHERE release = ? AND start_s >= ?"
        if only_new:
            chosen += " AND is_weighed = 0"
        rows = self._database.execute(f"{chosen} ORDER BY start_s, item", (release, since_s))
        return tuple(Labelled(item, at, loss, tuple(json.loads(groups))) for item, at, loss, groups in rows)

    def mark_labelled_weighed(self, release: str) -> None:
        """Note that the guardrail of losses weighed all that is labelled."""
        self._database.execute(
            "UPDATE labelled SET is_weighed = 1 WHERE release = ? AND is_weighed = 0", (release,)
        )

    def add_alarm(self, alarm: Alarm) -> None:
        """Write a new alarm down.

        Raises:
            IntegrityError: There is one of this id.
        """
        try:
            self._database.execute(
                "INSERT INTO alarms (id, body) VALUES (?, ?)", (alarm.id, alarm_json(alarm).decode())
            )
        except sqlite3.IntegrityError as error:
            raise IntegrityError(
                f"alarm {alarm.id} is written down already; end the other watcher"
            ) from error

    def save_alarm(self, alarm: Alarm) -> None:
        """Write down what became of an alarm.

        Raises:
            NotFoundError: There is no such alarm.
        """
        done = self._database.execute(
            "UPDATE alarms SET body = ? WHERE id = ?", (alarm_json(alarm).decode(), alarm.id)
        )
        if not done.rowcount:
            raise self._unknown(alarm.id)

    def alarm(self, name: str) -> Alarm:
        """An alarm by its id.

        Raises:
            NotFoundError: There is no such alarm.
        """
        row = self._database.execute("SELECT body FROM alarms WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise self._unknown(name)
        return parse_alarm(row[0])

    def alarms(self) -> tuple[Alarm, ...]:
        """All alarms, in the order they were raised."""
        return tuple(
            parse_alarm(row[0]) for row in self._database.execute("SELECT body FROM alarms ORDER BY number")
        )

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self._database.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        with self.transaction():
            if self._database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";"):
                    self._database.execute(statement)
                self._database.execute("INSERT INTO facts VALUES ('format', ?)", (str(FORMAT),))
        row = self._database.execute("SELECT value FROM facts WHERE name = 'format'").fetchone()
        if row is None or row[0] != str(FORMAT):
            raise IntegrityError(
                f"this version reads journals of format {FORMAT}, {self.path} has {row and row[0]}; use the"
                " version that wrote it"
            )

    def _unknown(self, name: str) -> NotFoundError:
        known: Sequence[str] = [
            row[0] for row in self._database.execute("SELECT id FROM alarms ORDER BY number")
        ]
        return NotFoundError(f"there is no alarm {name!r}; there are {', '.join(known[-5:]) or 'none'}")
