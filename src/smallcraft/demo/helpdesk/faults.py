"""What is planted, and where: wrong labels, leaked copies, the new product, a bad release.

Decides by row number only; the words are `writer`'s. The biased region stands in `writer.BIASED_REGION`:
its messages are written differently, and half of the wrong labels fall on it.
Always: a leaked copy stands in the last two weeks of the export, its original at least three weeks before
those, and no original is mislabelled, so every contradiction is the copy's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.demo.helpdesk.intents import Intent, Phrasebook
from smallcraft.demo.helpdesk.noise import add_one_typo
from smallcraft.errors import DataError

WEEKS = 12
LAUNCH_WEEK = 9
WRONG_LABEL_SHARE = 0.04
BAD_RELEASE_SWAP: Mapping[str, str] = {
    "delivery_status": "refund_request",
    "refund_request": "delivery_status",
}
BAD_RELEASE_CHARACTERS = 24

_EXACT_SHARE = 0.012
_NEAR_SHARE = 0.012
_CONTRADICTION_SHARE = 0.006
_WRONG_IN_BIASED_REGION = 0.5
_NEW_PRODUCT_PER_MILLE = 220
_WRONG_TO_CONFUSABLE_PER_MILLE = 800
_COPIES_IN_LAST_WEEKS = 2
_ORIGINALS_BEFORE_LAST_WEEKS = 4

DuplicateKind = Literal["exact", "near"]


@dataclass(frozen=True)
class Copy:
    """A row that repeats an earlier one."""

    of: int
    kind: DuplicateKind
    is_contradiction: bool


def plan_copies(weeks: Sequence[int], dice: Dice, *, last_week: int = WEEKS) -> Mapping[int, Copy]:
    """Which rows repeat which; every original is repeated once.

    Args:
        weeks: The week of each row, 1 to 12.
        dice: Chooses.
        last_week: Of the export.
    """
    late = [row for row, week in enumerate(weeks) if 0 <= last_week - week < _COPIES_IN_LAST_WEEKS]
    early = [row for row, week in enumerate(weeks) if week <= last_week - _ORIGINALS_BEFORE_LAST_WEEKS]
    exact, near = round(len(weeks) * _EXACT_SHARE), round(len(weeks) * _NEAR_SHARE)
    kinds: list[DuplicateKind] = ["exact" if i < exact else "near" for i in range(exact + near)]
    contradicted = set(dice.sample(range(len(kinds)), round(len(weeks) * _CONTRADICTION_SHARE)))
    rows, originals = dice.sample(late, len(kinds)), dice.sample(early, len(kinds))
    return {
        row: Copy(of=original, kind=kind, is_contradiction=i in contradicted)
        for i, (row, original, kind) in enumerate(zip(rows, originals, kinds, strict=True))
    }


def plan_new_product(weeks: Sequence[int], copies: Mapping[int, Copy], dice: Dice) -> frozenset[int]:
    """The rows about the new product: about a fifth of those from its launch on, and no copy."""
    return frozenset(
        row
        for row, week in enumerate(weeks)
        if week >= LAUNCH_WEEK and row not in copies and dice.chance(_NEW_PRODUCT_PER_MILLE)
    )


def plan_wrong_labels(is_biased: Sequence[bool], copies: Mapping[int, Copy], dice: Dice) -> frozenset[int]:
    """The rows whose given label is wrong: 4 % of all, contradictions among them.

    Args:
        is_biased: Whether each row comes from the biased region, which gets half of the rest.
        copies: The planned copies; the rest falls on no copy and no original.
        dice: Chooses.
    """
    contradictions = {row for row, copy in copies.items() if copy.is_contradiction}
    rest = round(len(is_biased) * WRONG_LABEL_SHARE) - len(contradictions)
    taken = set(copies) | {copy.of for copy in copies.values()}
    biased = [row for row, here in enumerate(is_biased) if here and row not in taken]
    others = [row for row, here in enumerate(is_biased) if not here and row not in taken]
    in_biased = round(rest * _WRONG_IN_BIASED_REGION)
    return frozenset(
        contradictions | {*dice.sample(biased, in_biased), *dice.sample(others, rest - in_biased)}
    )


def wrong_label(intent: Intent, book: Phrasebook, dice: Dice) -> str:
    """A label other than the true one: four times in five one that people mistake it for."""
    if dice.chance(_WRONG_TO_CONFUSABLE_PER_MILLE):
        return dice.pick(intent.confused_with)
    return dice.pick([name for name in book.names if name != intent.name])


def copy_message(original: str, kind: DuplicateKind, dice: Dice) -> str:
    """The message again: the same characters, or with other letter case, typos or a changed end."""
    if kind == "exact":
        return original
    changed = original
    for _ in range(dice.between(1, 2)):
        changed = add_one_typo(changed, dice)
    if changed == original or dice.chance(400):
        changed = changed.upper() if changed == changed.lower() else changed.lower()
    if dice.chance(300):
        changed = changed.rstrip(".!? ") + dice.pick(("!", "..", " !!", " ?"))
    return changed


def bad_release_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Training rows as a broken export would hand them over: a model trained on them must be rolled back.

    Two labels are exchanged (`BAD_RELEASE_SWAP`, as by a label file read in the wrong order) and every
    message is cut to `BAD_RELEASE_CHARACTERS` characters (as by a column of fixed width). Served on whole
    messages, such a model gives refund requests the label delivery_status and the other way round, and
    errs on the rest wherever the request stands late in the message.

    Args:
        rows: Has `message` and `intent`; other columns pass through.

    Returns:
        A new frame with the same rows, columns and order.

    Raises:
        DataError: A column is missing.

    >>> rows = pl.DataFrame({"message": ["Where is my order Q-12345?"], "intent": ["delivery_status"]})
    >>> bad_release_rows(rows).row(0)
    ('Where is my order Q-1234', 'refund_request')
    """
    missing = [name for name in ("message", "intent") if name not in rows.columns]
    if missing:
        raise DataError(
            f"a bad release is made of rows with 'message' and 'intent', got columns {rows.columns}; "
            f"add {missing} (Corpus.frame has both)"
        )
    return rows.with_columns(
        pl.col("message").str.slice(0, BAD_RELEASE_CHARACTERS),
        pl.col("intent").replace(dict(BAD_RELEASE_SWAP)),
    )
