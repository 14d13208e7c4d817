"""How far a row is from a reference: a column that is watched, and the rank of rows that people should see.

A number says how many standard deviations it is away (10 at most), a category how rare it is (in nats); the
row's distance is their mean. What texts, embeddings and doubt add, `data.profiles.measuring` says.
Leaves to others: which rows are kept (`data.profiles.kept`).
Always: a row's distance depends on it and the reference alone; a missing value is as far as it is rare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.categories import CategoryProfile
from smallcraft.data.profiles.numeric import NumericProfile
from smallcraft.data.profiles.profile import Profile
from smallcraft.data.profiles.rows import Rows

_FARTHEST = 10.0
_MOST_VALUES = 1_000


@dataclass(frozen=True, slots=True)
class NumberPlace:
    """Where a column of numbers usually is; `missing` is how rare it is that there is none."""

    mean: float
    deviation: float
    missing: float


@dataclass(frozen=True, slots=True)
class Rarity:
    """How rare each value of a column is, in nats.

    Attributes:
        values: The frequent ones.
        other: Any other.
        missing: None at all.
    """

    values: Mapping[str, float]
    other: float
    missing: float


@dataclass(frozen=True)
class Farness:
    """What is usual in the columns that a model reads."""

    numbers: Mapping[str, NumberPlace] = field(default_factory=dict)
    categories: Mapping[str, Rarity] = field(default_factory=dict)

    def of(self, rows: Rows) -> NDArray[np.float64]:
        """`(n,)` float64, mean over the columns that are known; 0 without any.

        Args:
            rows: Of the columns that the reference has, or some.
        """
        total, columns = np.zeros(rows.n), 0
        for name, place in self.numbers.items():
            if name in rows.numbers:
                total += _number_distance(rows.numbers[name], place)
                columns += 1
        for name, rarity in self.categories.items():
            if name in rows.categories:
                total += [
                    rarity.missing if value is None else rarity.values.get(value, rarity.other)
                    for value in rows.categories[name]
                ]
                columns += 1
        return total / max(columns, 1)


def learn_farness(rows: Rows, profile: Profile) -> Farness:
    """What is usual, from a reference's profile.

    Args:
        rows: Whose columns are looked at.
        profile: Of the reference.
    """
    numbers, categories = {}, {}
    for name in (*rows.numbers, *rows.categories):
        column = profile.columns[name]
        if isinstance(column, NumericProfile):
            missing = _nats(column.histogram.nulls, column.n)
            numbers[name] = NumberPlace(column.mean or 0.0, column.deviation or 1.0, missing)
        elif isinstance(column, CategoryProfile):
            frequent = column.keep_top(_MOST_VALUES).as_mapping()
            values = {value: _nats(count, column.n) for value, count in frequent.items()}
            categories[name] = Rarity(values, _nats(0, column.n), _nats(column.nulls, column.n))
    return Farness(numbers, categories)


def _number_distance(values: NDArray[np.float64], place: NumberPlace) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.minimum(np.abs(values - place.mean) / place.deviation, _FARTHEST)
    return np.where(np.isnan(values), place.missing, distance)


def _nats(count: int, n: int) -> float:
    return -math.log((count + 0.5) / (n + 1.0))
