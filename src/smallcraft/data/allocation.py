"""Deals units of rows out to splits so that every class gets its share in each.

Numbers in, numbers out; what a unit is (rows of one key, copies) belongs to `data.split`.
Always: a unit goes to one split whole; equal input and `order` give an equal answer on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_IN_TRAIN = 2


@dataclass(frozen=True)
class Units:
    """Rows tied together, by class.

    Attributes:
        unit: `(n,)` int64, the unit of each row, 0 to the number of units.
        label: `(n,)` int64, the class code of each row.
        order: `(units,)` uint64, distinct random-looking numbers that settle ties.
        classes: Number of classes.
    """

    unit: NDArray[np.int64]
    label: NDArray[np.int64]
    order: NDArray[np.uint64]
    classes: int

    @property
    def counts(self) -> NDArray[np.int64]:
        """`(classes,)` rows of each class over all units."""
        return np.asarray(np.bincount(self.label, minlength=self.classes), dtype=np.int64)


def apportioned(total: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers that sum to `total`, in proportion to weights; largest remainders win.

    >>> apportioned(10, np.array([0.7, 0.15, 0.15])).tolist()
    [7, 2, 1]
    """
    quota = total * weights / weights.sum()
    seats: NDArray[np.int64] = np.floor(quota + 1e-9).astype(np.int64)
    for at in np.argsort(seats - quota, kind="stable")[: total - int(seats.sum())]:
        seats[at] += 1
    return seats


def class_targets(counts: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of each class that each split should get.

    The first split is train: it gets at least two rows of every class (all, where a class has too few to
    go round); the others get at least one of a class that has enough. What rounding leaves over goes to the
    split that is furthest behind so far, so that totals hold too.

    Args:
        counts: `(classes,)` rows of each class.
        shares: `(splits,)` positive, sum to 1; train first.

    Returns:
        `(classes, splits)` int64; rows sum to `counts`.
    """
    targets = np.zeros((len(counts), len(shares)), dtype=np.int64)
    behind = np.zeros(len(shares))
    for at, count in enumerate(counts):
        quota = count * shares
        seats = np.floor(quota + 1e-9).astype(np.int64)
        for _ in range(int(count - seats.sum())):
            seats[np.argmax(np.where(seats < quota, behind, -np.inf) + quota - seats)] += 1
        targets[at] = _with_minimums(seats, int(count))
        behind += quota - targets[at]
    return targets


def _with_minimums(seats: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    least = np.ones_like(seats)
    least[0] = LEAST_IN_TRAIN
    if count < least.sum():
        seats[:] = 0
        seats[0] = count
    while np.any(short := seats < least) and count >= least.sum():
        seats[np.argmax(short)] += 1
        seats[np.argmax(seats - least)] -= 1
    return seats


def deal(units: Units, shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Split number of each unit.

    1. Units of several rows, largest first, go where their classes are furthest short of their targets.
    2. Single rows fill what is left, class by class, in the units' order.
    3. A class that is missing somewhere has its smallest unit moved there, if no other class suffers.

    Args:
        units: What to deal.
        shares: `(splits,)` positive, sum to 1; train first.

    Returns:
        `(units,)` int64, 0 for train.
    """
    targets = class_targets(units.counts, shares)
    dealt = _Deal(units, targets)
    dealt.place_large_units()
    dealt.place_single_rows()
    dealt.cover_classes()
    return dealt.split


def with_classes_covered(
    units: Units, shares: NDArray[np.float64], split: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The third step of `deal` alone, for units that were placed in another way.

    Args:
        units: As `deal` gets them.
        shares: `(splits,)` positive, sum to 1; train first.
        split: `(units,)` where each unit is.

    Returns:
        `(units,)` int64; equal to `split` where no class lacks a row that it has enough of.
    """
    dealt = _Deal(units, class_targets(units.counts, shares))
    dealt.take(split)
    dealt.cover_classes()
    return dealt.split


class _Deal:
    """The state of one deal: where units went, and what each split still lacks."""

    def __init__(self, units: Units, targets: NDArray[np.int64]) -> None:
        self._units = units
        self._targets = targets
        self._missing = targets.astype(np.float64)
        self._sizes = np.bincount(units.unit, minlength=len(units.order))
        by_unit = np.argsort(units.unit, kind="stable")
        self._labels = units.label[by_unit]
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)])
        self.split = np.full(len(units.order), -1, dtype=np.int64)

    def _classes_of(self, unit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        labels = self._labels[self._starts[unit] : self._starts[unit + 1]]
        return np.unique(labels, return_counts=True)

    def _put(self, unit: int, split: int) -> None:
        classes, rows = self._classes_of(unit)
        if self.split[unit] >= 0:
            self._missing[classes, self.split[unit]] += rows
        self._missing[classes, split] -= rows
        self.split[unit] = split

    def take(self, split: NDArray[np.int64]) -> None:
        """Every unit where it already is."""
        self.split = split.copy()
        got = np.zeros(self._targets.shape, dtype=np.int64)
        np.add.at(got, (self._units.label, split[self._units.unit]), 1)
        self._missing[:] = self._targets - got

    def place_large_units(self) -> None:
        """Step 1."""
        large = np.flatnonzero(self._sizes > 1)
        for unit in large[np.lexsort((self._units.order[large], -self._sizes[large]))]:
            classes, rows = self._classes_of(unit)
            short = rows @ np.maximum(self._missing[classes], 0.0)
            if not short.any():
                short = self._missing.sum(axis=0)
            self._put(int(unit), int(np.argmax(short)))

    def place_single_rows(self) -> None:
        """Step 2."""
        single = np.flatnonzero(self._sizes == 1)
        label = self._labels[self._starts[single]]
        single = single[np.lexsort((self._units.order[single], label))]
        borders = np.searchsorted(np.sort(label), np.arange(self._units.classes + 1))
        for at in range(self._units.classes):
            members = single[borders[at] : borders[at + 1]]
            if not len(members):
                continue
            short = np.maximum(self._missing[at], 0.0)
            seats = apportioned(len(members), short if short.any() else self._targets[at] + 1e-9)
            self.split[members] = np.repeat(np.arange(len(seats)), seats)
            self._missing[at] -= seats

    def cover_classes(self) -> None:
        """Step 3: other splits first, train last, so that train's least always holds if it can."""
        splits = self._targets.shape[1]
        for to in [*range(1, splits), 0]:
            least = LEAST_IN_TRAIN if to == 0 else 1
            have = self._targets - self._missing
            enough = self._units.counts >= LEAST_IN_TRAIN + (splits - 1 if to else 0)
            for at in np.flatnonzero((have[:, to] < least) & enough):
                self._bring(int(at), to, least)

    def _bring(self, label: int, to: int, least: int) -> None:
        holders = np.unique(self._units.unit[self._units.label == label])
        holders = holders[self.split[holders] != to]
        for unit in holders[np.lexsort((self._units.order[holders], self._sizes[holders]))]:
            if self._targets[label, to] - self._missing[label, to] >= least:
                return
            if to == 0 or self._may_leave(int(unit), to):
                self._put(int(unit), to)

    def _may_leave(self, unit: int, to: int) -> bool:
        """True when every class of the unit keeps its least where it is, and the unit is not too large."""
        classes, rows = self._classes_of(unit)
        here = int(self.split[unit])
        left = self._targets[classes, here] - self._missing[classes, here] - rows
        least = LEAST_IN_TRAIN if here == 0 else 1
        return bool(np.all(left >= least)) and rows.sum() <= max(self._targets[:, to].sum(), 1)
