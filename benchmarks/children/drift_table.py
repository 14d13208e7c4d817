"""Draws the tables of the drift suite: 20 columns of numbers, 5 of strings, seeded; numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

NUMBERS, STRINGS, VALUES = 20, 5, 50
NUMERIC = tuple(f"n{place:02}" for place in range(NUMBERS))
TEXTUAL = tuple(f"s{place:02}" for place in range(STRINGS))


def draw_table(rows: int, *, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and codes of strings.

    Args:
        rows: How many.
        seed: Of all chance.
        shift: Of the first three columns, in standard deviations.

    Returns:
        `(20, rows)` float64 and `(5, rows)` int64 codes in [0, 50), of unequal frequency.
    """
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal((NUMBERS, rows))
    numbers[:3] += shift
    numbers[10:] = np.exp(numbers[10:])
    shares = 1 / np.arange(1, VALUES + 1)
    codes = rng.choice(VALUES, (STRINGS, rows), p=shares / shares.sum())
    return numbers, codes


def words() -> np.ndarray:
    """The 50 strings, as objects."""
    return np.array([f"value-{place:02}" for place in range(VALUES)], dtype=object)


def as_frame(numbers: np.ndarray, codes: np.ndarray) -> Any:
    """A pandas frame of them; strings as objects, the way a file is read."""
    import pandas as pd

    strings = words()
    columns: dict[str, Any] = dict(zip(NUMERIC, numbers, strict=True))
    columns |= {name: strings[column] for name, column in zip(TEXTUAL, codes, strict=True)}
    return pd.DataFrame(columns)
