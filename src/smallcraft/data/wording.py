"""How places in the data are named to people: rows of a split, or of a file that is not split yet."""

from __future__ import annotations

WHOLE = "all"


def row_place(split: str, row: int) -> str:
    """One row.

    >>> row_place("dev", 3), row_place("all", 3)
    ('row 3 of dev', 'row 3')
    """
    return f"row {row}" if split == WHOLE else f"row {row} of {split}"


def split_place(split: str) -> str:
    """One split.

    >>> split_place("dev"), split_place("all")
    ('dev', 'the data')
    """
    return "the data" if split == WHOLE else split
