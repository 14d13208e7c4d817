"""A person's own words inside a page: cut to a length, without what could turn other text round.

Escaping belongs to the template; characters that no page can hold to `wording.printable`.
Always: whatever is left out is counted; no character is cut in two.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from smallcraft.pipeline.report_parts.wording import printable

# Embeddings, overrides and isolates: text after an unclosed one could read backwards.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_LONGEST_CLUSTER = 24
_NEAR_THE_END = 0.85


@dataclass(frozen=True)
class Quote:
    """The beginning of a text, and how many of its characters were left out."""

    text: str
    left_out: int


@dataclass(frozen=True)
class Piece:
    """A stretch of a sentence; `is_code` where it stood between backticks."""

    text: str
    is_code: bool


def inert(text: str) -> str:
    r"""The text with every character that a page cannot hold, or that turns text round, as U+FFFD.

    >>> inert("a\u202eb\x00") == "a\ufffdb\ufffd"
    True
    """
    return _TURNING.sub("\ufffd", printable(text))


def quote(text: str, *, most: int) -> Quote:
    """The text, cut where it is longer than a page should show; between words where that is near.

    Args:
        text: What a person wrote.
        most: How many characters at most; at least 1.

    >>> quote("a long story", most=8)
    Quote(text='a long', left_out=6)
    """
    if len(text) <= most:
        return Quote(inert(text), 0)
    end = _cluster_end(text, most)
    space = text.rfind(" ", int(_NEAR_THE_END * end) - 1, end + 1)
    end = space if space > 0 else end
    return Quote(inert(text[:end]), len(text) - end)


def pieces(text: str) -> tuple[Piece, ...]:
    """A sentence with its commands told apart: what stands between two backticks is code.

    >>> [piece.text for piece in pieces("run `smallcraft check` now") if piece.is_code]
    ['smallcraft check']
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return (Piece(text, is_code=False),)
    found = (Piece(part, is_code=bool(place % 2)) for place, part in enumerate(parts))
    return tuple(piece for piece in found if piece.text)


def _cluster_end(text: str, end: int) -> int:
    """The last place at or before `end` where no character is cut from its accent, tone or joined part."""
    for place in range(end, max(end - _LONGEST_CLUSTER, 1), -1):
        if not _continues(text[place]) and text[place - 1] != _JOINER:
            return place
    return end


def _continues(character: str) -> bool:
    is_mark = unicodedata.category(character).startswith("M")
    return is_mark or character == _JOINER or ord(character) in _SKIN_TONES
