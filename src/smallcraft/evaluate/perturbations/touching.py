"""Touches a drawn share of the places in a text, or of the cells of columns.

Always: of the places that there are at least one is touched; what lies between places stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import InputSpec
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.perturbations.perturbation import SEVERITIES, Columns

WORD = re.compile(r"\w+")
LONG_WORD = re.compile(r"[^\W\d_]{4,}")
GAP = re.compile(r"(?<=\S) (?=\S)")

Edit = Callable[[str], str]


def amount_at(amount: tuple[float, float, float], severity: int) -> float:
    """The amount of a severity.

    Raises:
        InvalidInputError: A severity that is none.
    """
    if severity not in SEVERITIES:
        raise InvalidInputError(f"severity must be 1, 2 or 3, got {severity}; 1 is the mildest")
    return amount[severity - 1]


def touch_texts(rows: Columns, spec: InputSpec, edit: Edit) -> Columns:
    """The rows with every text edited."""
    if spec.text is None:
        return rows
    return {**rows, spec.text: [edit(str(text)) for text in rows[spec.text]]}


def touch_share(
    text: str, places: re.Pattern[str], edit: Edit, *, share: float, rng: np.random.Generator
) -> str:
    """The text with about this share of the places edited, one at least.

    >>> touch_share("one two", WORD, str.upper, share=1.0, rng=np.random.default_rng(0))
    'ONE TWO'
    """
    found = list(places.finditer(text))
    if not found:
        return text
    count = max(1, round(share * len(found)))
    chosen = range(len(found)) if count >= len(found) else sorted(draw(len(found), count, rng))
    parts, end = [], 0
    for place in (found[number] for number in chosen):
        parts += [text[end : place.start()], edit(place.group())]
        end = place.end()
    return "".join([*parts, text[end:]])


def draw(n: int, count: int, rng: np.random.Generator) -> list[int]:
    """Some of `n` numbers, each once."""
    drawn: list[int] = rng.permutation(n)[:count].tolist()
    return drawn


def pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    """One of the choices."""
    return choices[int(rng.integers(len(choices)))]


def touch_cells(
    rows: Columns,
    columns: Sequence[str],
    value: Callable[[object], object],
    *,
    share: float,
    rng: np.random.Generator,
) -> Columns:
    """The rows with about this share of the cells of these columns replaced."""
    changed = dict(rows)
    for column in columns:
        cells = rows[column]
        touched: NDArray[np.bool_] = rng.random(len(cells)) < share
        changed[column] = [
            value(cell) if is_touched else cell
            for cell, is_touched in zip(cells, touched.tolist(), strict=True)
        ]
    return changed


def as_numbers(values: Sequence[object]) -> NDArray[np.float64]:
    """A column as `(n,)` float64, NaN where missing."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
