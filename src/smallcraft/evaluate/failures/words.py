"""The words of a text, as audits speak of them: lower case, letters and digits of any script."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def words_of(text: str) -> list[str]:
    """Words in order, in lower case; an apostrophe inside a word belongs to it.

    >>> words_of("Don't charge my Card 2x!")
    ["don't", 'charge', 'my', 'card', '2x']
    """
    return _WORD.findall(text.lower())
