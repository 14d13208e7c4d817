"""Which rows of an open window are kept as they came, told piece by piece as they are chosen.

A process remembers the last place of each arm, so that a row is written down only when it has a place among
all before it: a few hundred times an hour, however many rows come.
Leaves to others: what is kept of several pieces (`data.profiles.kept`).
Always: the pieces, merged, are what would be kept of all rows at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.kept import KeepLimits, KeptRow, KeptRows, keep_rows, merge_kept
from smallcraft.data.profiles.profile import SliceName
from smallcraft.data.profiles.rows import Rows
from smallcraft.records import Label

_LONGEST_TEXT = 4_000


class _Place(NamedTuple):
    """Where a row stands in an arm: by its value, and among equal ones by its draw."""

    value: float
    draw: int


@dataclass(frozen=True, slots=True)
class _Open:
    """What is kept of a slice so far, and the last place of each arm; None while an arm has places left."""

    kept: KeptRows
    random: _Place | None = None
    unsure: _Place | None = None
    far: _Place | None = None


class RowKeeper:
    """Keeps rows of one process's window; a new one begins with each window.

    Args:
        limits: Most rows of each arm, of each slice.
        rng: Draws; of its own in each process.
    """

    def __init__(self, limits: KeepLimits, *, rng: np.random.Generator) -> None:
        self._limits = limits
        self._rng = rng
        self._open: dict[SliceName, _Open] = {}

    def keep(self, name: SliceName, rows: Rows, distances: NDArray[np.float64] | None) -> KeptRows:
        """Look at some more rows of a slice.

        Args:
            name: Which slice.
            rows: As they came.
            distances: `(n,)` from the reference; None where there is none.

        Returns:
            Those among them that are kept for now, and how many there were.
        """
        draws = self._rng.integers(0, 1 << 64, rows.n, dtype=np.uint64, endpoint=False)
        before = self._open.get(name) or _Open(KeptRows(0, self._limits))
        places = self._places(rows, draws, distances, before)
        found = [kept_row(rows, place, int(draws[place]), distances) for place in places]
        if found:
            before = _open(merge_kept([before.kept, keep_rows(found, n=rows.n, limits=self._limits)]))
            self._open[name] = before
        drawn = {row.draw for row in found}
        return KeptRows(rows.n, self._limits, tuple(row for row in before.kept.rows if row.draw in drawn))

    def _places(
        self, rows: Rows, draws: NDArray[np.uint64], distances: NDArray[np.float64] | None, before: _Open
    ) -> list[int]:
        """Positions of rows that have a place in an arm, among all rows of the window so far."""
        limits, confidence = self._limits, None if rows.answers is None else rows.answers.confidence
        chosen = _first(np.zeros(rows.n), draws, limit=limits.random, last=before.random)
        if confidence is not None:
            chosen += _first(confidence, draws, limit=limits.unsure, last=before.unsure)
        if distances is not None:
            chosen += _first(-distances, draws, limit=limits.far, last=before.far)
        return sorted(set(chosen))


def _first(
    values: NDArray[np.float64], draws: NDArray[np.uint64], *, limit: int, last: _Place | None
) -> list[int]:
    """Positions of the smallest finite values before the last place, of equal ones the smallest draws."""
    is_before = np.isfinite(values)
    if last is not None:
        is_before &= (values < last.value) | ((values == last.value) & (draws < last.draw))
    places = np.flatnonzero(is_before)
    chosen: list[int] = places[np.lexsort((draws[places], values[places]))[:limit]].tolist()
    return chosen


def _open(kept: KeptRows) -> _Open:
    limits = kept.limits
    random = [_Place(0.0, row.draw) for row in kept.random]
    unsure = [_Place(row.confidence, row.draw) for row in kept.unsure if row.confidence is not None]
    far = [_Place(-row.distance, row.draw) for row in kept.far if row.distance is not None]
    return _Open(kept, _last(random, limits.random), _last(unsure, limits.unsure), _last(far, limits.far))


def _last(places: Sequence[_Place], limit: int) -> _Place | None:
    return places[-1] if limit and len(places) == limit else None


def kept_row(rows: Rows, place: int, draw: int, distances: NDArray[np.float64] | None) -> KeptRow:
    """One row as it is kept.

    Args:
        rows: Where it stands.
        place: Its position.
        draw: Its random number.
        distances: `(n,)` from the reference; None where there is none.
    """
    record: dict[str, object] = {}
    for name, texts in rows.texts.items():
        text = texts[place]
        record[name] = None if text is None else text[:_LONGEST_TEXT]
    for name, numbers in rows.numbers.items():
        number = float(numbers[place])
        record[name] = number if np.isfinite(number) else None
    for name, categories in rows.categories.items():
        record[name] = categories[place]
    answers = rows.answers
    confidence = None if answers is None else answers.confidence
    return KeptRow(
        draw,
        json.dumps(record, ensure_ascii=False),
        None if answers is None else shown_label(answers.labels[place]),
        _finite(confidence, place),
        _finite(distances, place),
    )


def _finite(values: NDArray[np.float64] | None, place: int) -> float | None:
    """A row's number; what has no place in an order is none."""
    return None if values is None or not np.isfinite(values[place]) else float(values[place])


def shown_label(label: Label) -> str | None:
    """An answer as text: several labels as a JSON list, a number as JSON has it.

    >>> shown_label("refund"), shown_label(("a", "b")), shown_label(1.5), shown_label(None)
    ('refund', '["a", "b"]', '1.5', None)
    """
    return label if label is None or isinstance(label, str) else json.dumps(label, ensure_ascii=False)
