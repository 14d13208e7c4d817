"""Who writes and who labels: customers with a region, annotators with a known confusion matrix.

Knows nothing of messages. Always: an annotator's matrix holds whole thousandths and its rows sum to 1,
so a vote drawn from it follows exactly the matrix that is published.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.demo.helpdesk.intents import Phrasebook

REGIONS: tuple[str, ...] = ("north", "south", "east", "west")
_REGION_WEIGHTS = (30, 22, 26, 22)
_ACCENTED_PER_MILLE = 30
_ROWS_PER_CUSTOMER = 1.8
_TO_CONFUSABLE = 0.75


@dataclass(frozen=True)
class Customer:
    """Who wrote a message."""

    key: str
    name: str
    region: str


@dataclass(frozen=True)
class Annotator:
    """How one annotator errs.

    Attributes:
        right_per_mille: How often the true intent is given, in a thousand.
        habits: A true intent to another one that this annotator gives for it, and how often in a thousand.
    """

    name: str
    right_per_mille: int
    habits: Mapping[str, tuple[str, int]]


ANNOTATORS: tuple[Annotator, ...] = (
    Annotator("ann_a", 955, {}),
    Annotator("ann_b", 915, {"slow_app": ("bug_report", 120)}),
    Annotator(
        "ann_c",
        780,
        {"double_charge": ("refund_request", 350), "account_deletion": ("cancel_subscription", 300)},
    ),
)


def invent_customers(count: int, book: Phrasebook, dice: Dice) -> tuple[Customer, ...]:
    """Customers with different keys; about 3 % have a name that ASCII cannot write."""
    keys = dice.sample(range(10_000, 10_000 + 9 * count), count)
    customers = list[Customer]()
    for key in keys:
        names = book.accented_names if dice.chance(_ACCENTED_PER_MILLE) else book.plain_names
        region = dice.pick_weighted(REGIONS, _REGION_WEIGHTS)
        customers.append(Customer(f"C-{key}", dice.pick(names), region))
    return tuple(customers)


def customers_for(rows: int) -> int:
    """How many customers write that many messages."""
    return max(len(REGIONS) * 2, int(rows / _ROWS_PER_CUSTOMER))


def confusion_matrix(annotator: Annotator, book: Phrasebook) -> NDArray[np.float64]:
    """The annotator's `(k, k)` matrix: row is the true intent, column the vote, rows sum to 1."""
    return np.array(_thousandths(annotator, book), dtype=np.float64) / 1000


def cast_votes(annotator: Annotator, true_intents: list[str], book: Phrasebook, dice: Dice) -> list[str]:
    """One vote a row, drawn from the annotator's matrix, independently of everything else."""
    names, rows = book.names, _thousandths(annotator, book)
    bounds = {name: list(accumulate(row)) for name, row in zip(names, rows, strict=True)}
    return [names[bisect_right(bounds[name], dice.below(1000))] for name in true_intents]


def _thousandths(annotator: Annotator, book: Phrasebook) -> list[list[int]]:
    return [_row_of(annotator, position, book) for position in range(len(book.intents))]


def _row_of(annotator: Annotator, position: int, book: Phrasebook) -> list[int]:
    """About three errors in four go to what it is confused with, the rest anywhere; no entry is zero."""
    row, intent, names = [0] * len(book.intents), book.intents[position], book.names
    errors = 1000 - annotator.right_per_mille
    if habit := annotator.habits.get(intent.name):
        row[names.index(habit[0])] += habit[1]
    confusable = int(errors * _TO_CONFUSABLE) // len(intent.confused_with)
    elsewhere = max(1, int(errors * (1 - _TO_CONFUSABLE)) // (len(names) - 1))
    for other, name in enumerate(names):
        if other != position:
            row[other] += elsewhere + confusable * (name in intent.confused_with)
    row[position] = 1000 - sum(row)
    return row
