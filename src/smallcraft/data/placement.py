"""Places units of rows in splits by their own numbers, so that a row stays when others come, go or change.

Numbers in, numbers out; what a unit is, and where its number comes from, belongs to `data.split`.
A number in [0, 1) has its place: below 0.7 is train, and so on. What a split is owed moves a border, just as
far as it must: by class where rows stand alone, by rows where they are tied. Only units beside a border move.
Always: a unit goes to one split whole; equal input gives an equal answer on every machine; two rows of every
class are in train and one in each other split, where the class has enough.
Not covered: units larger than a quarter of a split are dealt by size, which other units' sizes decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.allocation import LEAST_IN_TRAIN, Units, with_classes_covered

# Measured (docs/experiments.md): by how much of the smallest split's due a border may be off before it moves.
SLACK = 0.1
# A unit above this share of the smallest split's due would decide alone whether a split keeps its share.
_LARGE = 0.25


def place(units: Units, shares: NDArray[np.float64], *, slack: float = SLACK) -> NDArray[np.int64]:
    """Split number of each unit.

    1. Units too large for chance, largest first, go where most rows are missing.
    2. Other units of several rows go by their number.
    3. Single rows go by their number, class by class.
    4. A class that is missing somewhere has its smallest unit moved there, if no other class suffers.

    Args:
        units: What to place; `order` is read as a number in [0, 1) of 2**64 parts.
        shares: `(splits,)` positive, sum to 1; train first.
        slack: Of what the smallest split is owed, by how much a border may be off; at least one row.

    Returns:
        `(units,)` int64, 0 for train.
    """
    placed = _Placing(units, shares, slack)
    placed.large_units()
    placed.tied_units()
    placed.single_rows()
    return with_classes_covered(units, shares, placed.split)


@dataclass(frozen=True)
class _Line:
    """Units in the order of their numbers.

    Attributes:
        units: `(m,)` unit numbers, by order.
        numbers: `(m,)` uint64, ascending.
        rows: `(m + 1,)` rows before each, and of all.
    """

    units: NDArray[np.int64]
    numbers: NDArray[np.uint64]
    rows: NDArray[np.int64]

    def border(self, share: float, low: float, high: float) -> int:
        """How many units stand before a share of all numbers; shifted until their rows are in [low, high].

        Where no border has so many rows, the one that is nearest to the middle.
        """
        at = int(np.searchsorted(self.numbers, np.uint64(min(int(share * 2**64), 2**64 - 1))))
        if low <= self.rows[at] <= high:
            return at
        at = int(
            np.searchsorted(self.rows, low)
            if self.rows[at] < low
            else np.searchsorted(self.rows, high, side="right") - 1
        )
        if 0 <= at < len(self.rows) and low <= self.rows[at] <= high:
            return at
        return int(np.argmin(np.abs(self.rows - (low + high) / 2)))


class _Placing:
    """Where units have gone so far, and how many rows of each class each split has got."""

    def __init__(self, units: Units, shares: NDArray[np.float64], slack: float) -> None:
        self._units, self._shares, self._slack = units, shares, slack
        self._sizes = np.bincount(units.unit, minlength=len(units.order))
        self._borders = np.cumsum(shares)[:-1]
        self.split = np.full(len(units.order), -1, dtype=np.int64)

    def large_units(self) -> None:
        """Step 1: labels play no part, so none of them moves a unit."""
        due = self._shares * len(self._units.unit)
        large = np.flatnonzero(self._sizes > max(1.0, _LARGE * due.min()))
        for unit in large[np.lexsort((self._units.order[large], -self._sizes[large]))]:
            to = int(np.argmax(due))
            self.split[unit] = to
            due[to] -= self._sizes[unit]

    def tied_units(self) -> None:
        """Step 2."""
        tied = np.flatnonzero((self._sizes > 1) & (self.split < 0))
        if not len(tied):
            return
        line = self._line(tied)
        got = np.bincount(self.split[self.split >= 0], self._sizes[self.split >= 0], len(self._shares))
        total = got.sum() + line.rows[-1]
        slack = self._slack * len(self._units.unit) * self._shares.min()
        self._cut(line, np.cumsum(got)[:-1], int(total), slack=slack)

    def single_rows(self) -> None:
        """Step 3."""
        of_unit = np.zeros(len(self.split), dtype=np.int64)
        of_unit[self._units.unit] = self._units.label
        is_tied = self.split[self._units.unit] >= 0
        got = np.zeros((self._units.classes, len(self._shares)))
        np.add.at(got, (self._units.label[is_tied], self.split[self._units.unit[is_tied]]), 1)
        single = np.flatnonzero(self.split < 0)
        single = single[np.argsort(of_unit[single], kind="stable")]
        ends = np.searchsorted(of_unit[single], np.arange(self._units.classes + 1))
        for label, total in enumerate(self._units.counts.tolist()):
            members = single[ends[label] : ends[label + 1]]
            if len(members):
                slack = max(1.0, self._slack * total * self._shares.min())
                self._cut(self._line(members), np.cumsum(got[label])[:-1], total, slack=slack, is_class=True)

    def _line(self, units: NDArray[np.int64]) -> _Line:
        line = units[np.argsort(self._units.order[units], kind="stable")]
        rows = np.concatenate([[0], np.cumsum(self._sizes[line])])
        return _Line(line, self._units.order[line], rows)

    def _cut(
        self, line: _Line, got: NDArray[Any], total: int, *, slack: float, is_class: bool = False
    ) -> None:
        """Cut a line at its borders.

        Args:
            line: Of the units to place.
            got: Rows already placed before each border.
            total: Rows of which the shares are due, placed ones among them.
            slack: Rows by which a border may be off.
            is_class: True where every split needs its least number of rows of the line.
        """
        splits = len(self._shares)
        least = [LEAST_IN_TRAIN, *[1] * (splits - 1)] if is_class else [0] * splits
        if total < sum(least):
            self.split[line.units] = 0
            return
        at, self.split[line.units] = 0, splits - 1
        cuts = []
        for border, share in enumerate(self._borders):
            first, last = sum(least[: border + 1]), total - sum(least[border + 1 :])
            low = max(math.ceil(share * total - slack - 1e-9), first)
            high = min(math.floor(share * total + slack + 1e-9), last)
            before = got[border]
            at = max(at, line.border(float(share), min(low, high) - before, max(low, high) - before))
            cuts.append(at)
        for to, (start, stop) in enumerate(zip([0, *cuts], [*cuts, len(line.units)], strict=True)):
            self.split[line.units[start:stop]] = to
