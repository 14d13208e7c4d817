"""Append-only log of the votes of all campaigns: a line an import, each bound to the one before.

An import is one line, so it is there whole or not at all: a line cut short by a crash was never answered for,
and the next import takes its place.
Always: a line is on the disk before `append` returns; a vote, once in, never changes, and a later vote of the
same person on the same row in the same campaign stands beside it and counts instead of it.
Covered: edited, dropped, swapped and repeated lines.
Not covered: lines removed from the end (the outcome of a campaign states the digest of the last one), an
owner who rebuilds the file.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smallcraft.canonical import canonical_json, digest_bytes, plain
from smallcraft.errors import IntegrityError

FORMAT = "smallcraft-votes-1"
GENESIS = digest_bytes(FORMAT.encode("ascii"))


@dataclass(frozen=True)
class Vote:
    """What one person said of one row.

    Attributes:
        item: The row's id.
        annotator: Who.
        label: What.
        time: ISO 8601, as the tool wrote it; None where it does not say.
        lead_time_s: Seconds it took; None where the tool does not say.
        tool: The format it came in.
        guideline: Version of the guideline that was read.
        campaign: Its id.
        arm: `targeted`, `random` or `gold`.
        chance: Of the row to be asked for by its arm's draw.
        suggestion: What was shown beside the row; None for a blind vote.
    """

    item: str
    annotator: str
    label: str
    time: str | None
    lead_time_s: float | None
    tool: str
    guideline: str
    campaign: str
    arm: str
    chance: float
    suggestion: str | None

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two votes the same: campaign, row and person."""
        return (self.campaign, self.item, self.annotator)


@dataclass(frozen=True)
class VoteImport:
    """One line of the log.

    Attributes:
        seq: 1 for the first.
        previous: Digest of the line before, `GENESIS` for the first.
        time: ISO 8601, when it was imported.
        source: Digest of the file it came from.
        votes: What was new in it.
        digest: Of all the rest.
    """

    seq: int
    previous: str
    time: str
    source: str
    votes: tuple[Vote, ...]
    digest: str


class VoteLog:
    """The log at a path; the file appears with the first import."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def imports(self) -> tuple[VoteImport, ...]:
        """Every import, checked.

        Raises:
            IntegrityError: A line is not what was written.
        """
        found: list[VoteImport] = []
        for line in self._lines():
            found.append(_read_line(line, found, self.path))
        return tuple(found)

    def votes(self, *, campaign: str | None = None) -> tuple[Vote, ...]:
        """The votes that count: the last one of each person on each row, in one campaign or in each.

        Raises:
            IntegrityError: A line is not what was written.
        """
        last: dict[tuple[str, str, str], Vote] = {}
        for one in self.imports():
            last.update({vote.key: vote for vote in one.votes})
        return tuple(vote for vote in last.values() if campaign in {None, vote.campaign})

    def head(self) -> str:
        """Digest of the last import, `GENESIS` without one."""
        found = self.imports()
        return found[-1].digest if found else GENESIS

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else appends meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(self.path.name + ".lock").open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def append(self, votes: Sequence[Vote], *, source: str, time: str) -> VoteImport:
        """Write one import; the caller holds the lock and has checked the votes.

        Args:
            votes: What is new.
            source: Digest of the file.
            time: ISO 8601.

        Raises:
            IntegrityError: The log is not what was written.
        """
        before = self.imports()
        content: dict[str, Any] = {
            "seq": len(before) + 1,
            "previous": before[-1].digest if before else GENESIS,
            "time": time,
            "source": source,
            "votes": plain(tuple(votes)),
        }
        body = canonical_json(content)
        digest = digest_bytes(body)
        whole = self._whole_bytes()
        with self.path.open("ab") as stream:
            stream.truncate(whole)
            stream.write(_line_of(digest, body) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        _sync_folder(self.path.parent)
        return VoteImport(**{**content, "votes": tuple(votes)}, digest=digest)

    def _whole_bytes(self) -> int:
        """Up to the end of the last whole line."""
        return self.path.read_bytes().rfind(b"\n") + 1 if self.path.exists() else 0

    def _lines(self) -> list[bytes]:
        if not self.path.exists():
            return []
        # What stands behind the last newline is an import that was cut short.
        return self.path.read_bytes().split(b"\n")[:-1]


def _line_of(digest: str, body: bytes) -> bytes:
    """Digest and content, so that reading checks the bytes as they stand and need not write them anew."""
    return b'{"digest":"' + digest.encode("ascii") + b'","import":' + body + b"}"


def _read_line(line: bytes, before: Sequence[VoteImport], path: Path) -> VoteImport:
    number = len(before) + 1
    head = len(_line_of(GENESIS, b"")) - 1
    body = line[head:-1]
    digest = digest_bytes(body)
    try:
        content = json.loads(body)
        votes = tuple(Vote(**vote) for vote in content["votes"])
        found = VoteImport(**{**content, "votes": votes}, digest=digest)
    except (ValueError, TypeError, KeyError) as error:
        raise IntegrityError(
            f"line {number:,} of {path} is no import of votes ({error}); put the file back from a copy"
        ) from error
    expected = before[-1].digest if before else GENESIS
    if line != _line_of(digest, body) or found.previous != expected or found.seq != number:
        raise IntegrityError(
            f"line {number:,} of {path} was changed, or lines before it were: it has the digest {digest} and "
            f"follows {found.previous}, expected {expected}; put the file back from a copy"
        )
    return found


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
