"""A person's own words on a page: cut where long, and not shown where personal data is found in them.

Leaves to others: escaping (the templates), what counts as personal data (`data.personal`).
Always: a text with a personal value of any kind is withheld as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from smallcraft.data.personal import find_personal_data
from smallcraft.pipeline.report_parts.quoting import Quote, quote

WITHHELD = "not shown: personal data was found in it"
_MOST = 320


def quote_words(text: str, *, most: int = _MOST) -> Quote | None:
    """The beginning of a text; None where it is not to be shown.

    Args:
        text: What a person wrote.
        most: How many characters at most.

    >>> quote_words("call jane.doe@mail.example") is None, quote_words("call me").text
    (True, 'call me')
    """
    return None if find_personal_data(text) else quote(text, most=most)


def quote_values(values: Sequence[tuple[str, str | float | None]]) -> Quote | None:
    """A row as a sentence: a single text as it is, else each value with its name.

    >>> quote_values((("age", 44.0), ("job", None))).text
    'age = 44 · job = (missing)'
    """
    if len(values) == 1 and isinstance(values[0][1], str):
        return quote_words(values[0][1])
    return quote_words(" · ".join(f"{name} = {_shown(value)}" for name, value in values))


def _shown(value: str | float | None) -> str:
    if value is None:
        return "(missing)"
    return value if isinstance(value, str) else f"{value:g}"
