"""Reads what a large model said of the rows: a column of labels, or of probabilities as JSON.

Always: the column is no input of any model; a row without an answer, or with one that is none of the classes,
teaches nothing and is counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.errors import DataError, nearest_name

_ROUNDING = 0.02


@dataclass(frozen=True)
class Teacher:
    """A teacher's answers.

    Attributes:
        probs: `(n, k)` float64; a row that teaches nothing is NaN.
        answered: Rows that it answered with one of the classes.
    """

    probs: NDArray[np.float64]

    @property
    def answered(self) -> int:
        """Rows with an answer."""
        return int((~np.isnan(self.probs[:, 0])).sum())

    @property
    def codes(self) -> NDArray[np.int64]:
        """`(n,)` its most probable class; -1 where it has no answer."""
        known = ~np.isnan(self.probs[:, 0])
        best = np.argmax(np.nan_to_num(self.probs, nan=-1.0), axis=1)
        return np.where(known, best, -1).astype(np.int64)


def read_teacher(column: pl.Series, classes: Sequence[str]) -> Teacher:
    """A teacher's answers from its column.

    Args:
        column: One text a row: a label, or `{"label": probability, ...}`; missing where it was not asked.
        classes: The `k` classes.

    Raises:
        DataError: No row has an answer that is one of the classes, or a row's probabilities are none.
    """
    probs = np.full((len(column), len(classes)), np.nan)
    code = {name: position for position, name in enumerate(classes)}
    for row, said in enumerate(column.to_list()):
        if said is not None:
            shares = _shares(str(said).strip(), code, row=row, name=column.name)
            if shares is not None:
                probs[row] = shares
    teacher = Teacher(probs)
    if len(column) and not teacher.answered:
        seen = next((str(said) for said in column.to_list() if said is not None), None)
        raise DataError(
            f"the teacher's column '{column.name}' must hold labels that people gave too, or "
            f'{{"label": probability}}; it has {"nothing" if seen is None else repr(seen)}'
            f"{nearest_name(seen or '', classes)}; name another column as `teacher` under [ladder]"
        )
    return teacher


def _shares(said: str, code: Mapping[str, int], *, row: int, name: str) -> NDArray[np.float64] | None:
    if not said.startswith("{"):
        return None if said not in code else np.eye(len(code))[code[said]]
    try:
        listed = {str(label): float(share) for label, share in json.loads(said).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise _not_shares(said, row=row, name=name) from error
    total = sum(listed.values())
    if any(not 0 <= share <= 1 for share in listed.values()) or total > 1 + _ROUNDING:
        raise _not_shares(said, row=row, name=name)
    shares = np.zeros(len(code))
    for label, share in listed.items():
        if label in code:
            shares[code[label]] = share
    known = float(shares.sum())
    # What it gave to labels that are none of the classes says nothing about these.
    return shares / known if known > 0 else None


def _not_shares(said: str, *, row: int, name: str) -> DataError:
    return DataError(
        f"row {row + 1}, column '{name}': a teacher's probabilities are a JSON object of numbers in [0, 1] "
        f'that sum to 1 at most, got {said[:60]!r}; write {{"label": 0.9, "other": 0.1}}'
    )
