"""How much a request may ask.

Leaves to others: the size of a body, before it is read (the router).
"""

from __future__ import annotations

from dataclasses import dataclass

# Of a key, a head's name and a request's id, in characters.
LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one request may hold.

    Attributes:
        rows: Rows.
        characters: Characters of each text and category.
        tensors: Input tensors; a table has one a column.
    """

    rows: int = 256
    characters: int = 32_768
    tensors: int = 4096


LIMITS = Limits()
