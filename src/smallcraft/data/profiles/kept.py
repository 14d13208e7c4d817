"""Rows kept for people to look at: a random arm, the least confident ones, the farthest from the reference.

Each row draws a number once; the random arm is the rows with the smallest ones. So what is kept of many parts
is what would have been kept of all their rows at once, in whatever order they come.
Leaves to others: what a row says and how far it is (`data.profiles.keeping`, `data.profiles.farness`).
Always: merging is associative and commutative; the random arm is a simple random sample, each of
the `n` rows in it with the chance `min(1, limit / n)`.
Source: Cohen and Kaplan (2007), PODS (bottom-k samples).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class KeepLimits:
    """Most rows of each arm, a window."""

    random: int = 40
    unsure: int = 30
    far: int = 30


@dataclass(frozen=True, slots=True)
class KeptRow:
    """One row as it came.

    Attributes:
        draw: Its random number, in [0, 2**64); what it is known by.
        record: The values that the model read, as JSON.
        answer: What was said; None where there was no answer.
        confidence: Of the answer; None where it has none.
        distance: From the reference, larger is farther; None where it is not measured.
    """

    draw: int
    record: str
    answer: str | None = None
    confidence: float | None = None
    distance: float | None = None


@dataclass(frozen=True)
class KeptRows:
    """What is kept of `n` rows.

    Attributes:
        n: Rows that were seen.
        limits: Most rows of each arm.
        rows: By their draws; a row may belong to several arms.
    """

    n: int
    limits: KeepLimits
    rows: tuple[KeptRow, ...] = ()

    @property
    def random(self) -> tuple[KeptRow, ...]:
        """The random arm."""
        return self.rows[: self.limits.random] if self.limits.random else ()

    @property
    def inclusion(self) -> float | None:
        """The chance of each row to be in the random arm; None without rows."""
        return min(1.0, self.limits.random / self.n) if self.n else None

    @property
    def unsure(self) -> tuple[KeptRow, ...]:
        """The least confident rows, the least one first."""
        return tuple(_least_confident(self.rows, self.limits.unsure))

    @property
    def far(self) -> tuple[KeptRow, ...]:
        """The rows farthest from the reference, the farthest first."""
        return tuple(_farthest(self.rows, self.limits.far))


def keep_rows(rows: Iterable[KeptRow], *, n: int, limits: KeepLimits) -> KeptRows:
    """What is kept of some rows.

    Args:
        rows: All, or at least those that could be kept.
        n: How many were seen.
        limits: Most rows of each arm.
    """
    by_draw = {row.draw: row for row in rows}
    found = sorted(by_draw.values(), key=_draw)
    chosen = {
        *found[: limits.random],
        *_least_confident(found, limits.unsure),
        *_farthest(found, limits.far),
    }
    return KeptRows(n, limits, tuple(sorted(chosen, key=_draw)))


def merge_kept(parts: Sequence[KeptRows]) -> KeptRows:
    """What is kept of the rows of several parts.

    Args:
        parts: At least one, of different rows, with the same limits.

    Raises:
        InvalidInputError: There is none, or limits differ.
    """
    limits = {part.limits for part in parts}
    if len(limits) != 1:
        raise InvalidInputError(
            f"kept rows are merged under one set of limits, got {len(limits)}; keep windows apart"
        )
    if len(parts) == 1:
        return parts[0]
    every = [row for part in parts for row in part.rows]
    return keep_rows(every, n=sum(part.n for part in parts), limits=limits.pop())


def _draw(row: KeptRow) -> int:
    return row.draw


def _least_confident(rows: Iterable[KeptRow], limit: int) -> list[KeptRow]:
    known = [(row.confidence, row.draw, row) for row in rows if row.confidence is not None]
    return [row for *_, row in sorted(known)[:limit]]


def _farthest(rows: Iterable[KeptRow], limit: int) -> list[KeptRow]:
    known = [(-row.distance, row.draw, row) for row in rows if row.distance is not None]
    return [row for *_, row in sorted(known)[:limit]]
