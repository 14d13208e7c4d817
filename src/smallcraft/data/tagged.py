"""Tells whether a column holds several labels a row, a class, or a number to be predicted, and why.

Numbers and texts in, a guess with its reason out; which column is the label belongs to `data.inspect`.
Always: whole numbers counted up from 0 or 1 without a gap are codes of classes, however many they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from smallcraft.records import Task

_SEPARATORS = ("|", ";", ",")
_SHARE_OF_SEVERAL = 0.05
_WORDS_A_LABEL = 3
_MOST_LABELS = 1_000
_SEEN_ON_AVERAGE = 3
_MOST_CODES = 20


@dataclass(frozen=True)
class TaskGuess:
    """What a label column is.

    Attributes:
        task: The guess.
        separator: Between labels of a row; `|` where there is nothing to separate.
        reason: In words.
    """

    task: Task
    separator: str = "|"
    reason: str = ""


def guess_task(label: pl.Series, *, is_number: bool, is_list: bool) -> TaskGuess:
    """The task of a label column.

    Args:
        label: Its values as text; null where there is none. Lists are joined by `|`.
        is_number: Whether every value reads as a number.
        is_list: Whether the file itself holds lists.

    >>> guess_task(pl.Series(["a|b", "a", "b|a", "b"] * 3), is_number=False, is_list=False).task
    'multilabel'
    """
    if is_list:
        return TaskGuess("multilabel", "|", "the column holds lists")
    if is_number:
        return _guess_of_numbers(label)
    separator = find_separator(label)
    if separator is None:
        return TaskGuess("multiclass", reason="one class a row")
    # polars types a mean as whatever a column may hold.
    share = float(label.drop_nulls().str.contains(separator, literal=True).mean() or 0.0)  # type: ignore[arg-type]  # polars types a mean as any value
    return TaskGuess("multilabel", separator, f"{share:.0%} of the rows have several labels")


def find_separator(label: pl.Series) -> str | None:
    """The sign between labels, where a column holds several a row; None where it does not.

    The parts must be short, seen three times on average, and fewer than the values they make up.
    """
    filled = label.drop_nulls()
    for separator in _SEPARATORS:
        several = filled.filter(filled.str.contains(separator, literal=True))
        if len(several) < max(1.0, _SHARE_OF_SEVERAL * len(filled)):
            continue
        parts = Counter(part.strip() for value in filled.to_list() for part in value.split(separator))
        parts.pop("", None)
        is_short = all(len(part.split()) <= _WORDS_A_LABEL for part in parts)
        repeats = 2 <= len(parts) <= _MOST_LABELS and parts.total() >= _SEEN_ON_AVERAGE * len(parts)
        if is_short and repeats and len(parts) <= filled.n_unique():
            return separator
    return None


def _guess_of_numbers(label: pl.Series) -> TaskGuess:
    values = np.unique(label.drop_nulls().cast(pl.Float64, strict=False).drop_nulls().to_numpy())
    is_whole = bool((values == np.round(values)).all())
    start = float(values[0]) if len(values) else 0.0
    are_codes = is_whole and start in (0.0, 1.0) and float(values[-1]) - start == len(values) - 1
    if len(values) <= _MOST_CODES or are_codes:
        return TaskGuess("multiclass", reason=f"{len(values):,} numbers that stand for classes")
    kind = "whole numbers" if is_whole else "numbers with a fraction"
    return TaskGuess("regression", reason=f"{len(values):,} different {kind}")
