"""A sample of a table that no memory holds: by seed, of a stated size, rare classes first.

    places of all rows -> the smallest numbers, one drawing over the whole table
    classes with few rows in it -> more of their rows, the smallest numbers within the class

Leaves to others: what the sample is for. Rows that were taken for their class are marked: they teach, and
never stand in a test set, which must be a plain sample.
Always: the same seed and rows give the same sample, whoever reads which piece; each class has rows in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.partitions.counting import Typed
from smallcraft.data.partitions.places import numbers_of, places_of
from smallcraft.records import Roles

_BINS = 1 << 16
# Rows that a class should have in a sample, where it has as many.
FEWEST_OF_A_CLASS = 60
_LARGEST = 2**64 - 1


@dataclass(frozen=True)
class Drawing:
    """Which rows are drawn.

    Attributes:
        seed: The project's.
        most: Rows of the plain sample, as many as there are at most.
        below: A row is in the plain sample when its number is at most this.
        by_class: Bounds for rows of rare classes, by their numbers within a class.
    """

    seed: int
    most: int
    below: int
    by_class: Mapping[str, int]


@dataclass(frozen=True)
class Drawn:
    """Rows that were drawn from a chunk.

    Attributes:
        frame: As they were read: `raw`, not typed.
        places: `(n,)` uint64.
        is_plain: `(n,)` bool; False for rows that were taken for their class.
    """

    frame: pl.DataFrame
    places: NDArray[np.uint64]
    is_plain: NDArray[np.bool_]


def plan_drawing(
    rows: Mapping[int, int], labels: Mapping[str, int], *, most: int, seed: int, has_classes: bool
) -> Drawing:
    """Bounds that draw a sample of a table.

    Args:
        rows: Of each piece.
        labels: Rows of each class.
        most: Size of the plain sample.
        seed: The project's.
        has_classes: Whether labels are classes, so that rare ones are topped up.
    """
    total = sum(rows.values())
    share = min(1.0, most / max(total, 1))
    rare = {
        name: min(int(2 * FEWEST_OF_A_CLASS / count * _LARGEST), _LARGEST)
        for name, count in labels.items()
        if has_classes and share < 1 and count * share < FEWEST_OF_A_CLASS
    }
    return Drawing(
        seed,
        most,
        _bound(rows, most, seed) if share < 1 else _LARGEST,
        rare,
    )


def draw_rows(raw: pl.DataFrame, typed: Typed, roles: Roles, drawing: Drawing) -> Drawn:
    """The rows of a chunk that are drawn; rows that cannot be used are never among them.

    Args:
        raw: The chunk as it was read.
        typed: The same, typed.
        roles: Which column is the label.
        drawing: Says which.
    """
    is_plain = numbers_of(typed.places, seed=drawing.seed, use="sample") <= np.uint64(drawing.below)
    is_taken = is_plain.copy()
    if drawing.by_class:
        within = numbers_of(typed.places, seed=drawing.seed, use="class")
        labels = typed.frame[roles.label]
        for name, bound in drawing.by_class.items():
            is_taken |= (labels == name).fill_null(value=False).to_numpy() & (within <= np.uint64(bound))
    taken = np.flatnonzero(is_taken)
    return Drawn(raw[typed.rows[taken]], typed.places[taken], is_plain[taken])


def _bound(rows: Mapping[int, int], most: int, seed: int) -> int:
    """The `most`-th smallest number over all rows: first the bin that holds it, then the number."""
    counts = np.zeros(_BINS, dtype=np.int64)
    for piece, n in rows.items():
        counts += np.bincount(_bin_of(_numbers(piece, n, seed)), minlength=_BINS)
    ends = np.cumsum(counts)
    bin_ = int(np.searchsorted(ends, most))
    before = int(ends[bin_ - 1]) if bin_ else 0
    inside = [
        numbers[_bin_of(numbers) == bin_]
        for piece, n in rows.items()
        for numbers in [_numbers(piece, n, seed)]
    ]
    return int(np.sort(np.concatenate(inside))[most - before - 1])


def _numbers(piece: int, n: int, seed: int) -> NDArray[np.uint64]:
    return numbers_of(places_of(piece, 0, n), seed=seed, use="sample")


def _bin_of(numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (numbers >> np.uint64(48)).astype(np.int64)
