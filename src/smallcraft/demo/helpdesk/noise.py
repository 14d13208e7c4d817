"""How people really type: typos, dropped words, other words for the same thing, letter case, emoji.

Text in, text out; how often each happens is the caller's choice.
Always: capitalised words and numbers survive, so names, products and order numbers stay readable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from smallcraft.demo.helpdesk.dice import Dice

_WORD = re.compile(r"(?<!\w)[a-z]{4,}(?!\w)")
_ANY_WORD = re.compile(r"[A-Za-z]+")
_SWAPPABLE = re.compile(r"(?<![\w'-])[a-z]+(?![\w'-])|(?:^|(?<=[.!?:\"\n] )|(?<=\"))[A-Z][a-z]+(?![\w'-])")
_A_BEFORE_VOWEL = re.compile(r"\ba (?=[aei]|o(?!ne))")
_AN_BEFORE_CONSONANT = re.compile(r"\ban (?=[b-df-gj-np-tv-z])")
_SPACES = re.compile(r"  +")
_SPACE_BEFORE_MARK = re.compile(r" (?=[.,!?;:](?:\s|$))")
_MARKS_AT_WORD_END = re.compile(r"[.,!?:;]+(?=\s|$)")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {key: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in _KEYBOARD for i, key in enumerate(row)}


def normalise(text: str) -> str:
    """Lower case, letters and digits only, single spaces: equal for texts that differ in form alone.

    >>> normalise("  Where is MY order?!")
    'where is my order'
    """
    return _NOT_ALPHANUMERIC.sub(" ", text.casefold()).strip()


def tidy_spaces(text: str) -> str:
    """Single spaces, none at the ends or before a mark.

    >>> tidy_spaces("on  my way , thanks . ")
    'on my way, thanks.'
    """
    return _SPACE_BEFORE_MARK.sub("", _SPACES.sub(" ", text)).strip()


def mistype(word: str, dice: Dice) -> str:
    """The word with one slip of the finger; always differs from it.

    Args:
        word: At least two lower-case ASCII letters.
        dice: Where and which slip.
    """
    at = dice.below(len(word) - 1)
    kind = dice.below(4)
    if kind == 0 and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind in (0, 2):
        return word[:at] + word[at] + word[at:]
    return word[:at] + dice.pick(_BESIDE[word[at]]) + word[at + 1 :]


def add_typos(text: str, dice: Dice, *, per_mille: int) -> str:
    """Mistype that share of the words that have four lower-case letters or more."""

    def slip(match: re.Match[str]) -> str:
        return mistype(match[0], dice) if dice.chance(per_mille) else match[0]

    return _WORD.sub(slip, text)


def add_one_typo(text: str, dice: Dice) -> str:
    """Mistype exactly one word; a text without a word of four lower-case letters comes back as it is."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = dice.pick(words)
    return text[: word.start()] + mistype(word[0], dice) + text[word.end() :]


def swap_words(text: str, others: Mapping[str, tuple[str, ...]], dice: Dice, *, per_mille: int) -> str:
    """Say that share of the known words in another way; product names are never touched.

    >>> swap_words("an error", {"error": ("fault",)}, Dice(0, 0), per_mille=1000)
    'a fault'
    """

    def swap(match: re.Match[str]) -> str:
        choice = others.get(match[0].lower())
        if choice is None or not dice.chance(per_mille):
            return match[0]
        other = dice.pick(choice)
        return other[0].upper() + other[1:] if match[0][0].isupper() else other

    text = _SWAPPABLE.sub(swap, text)
    return _A_BEFORE_VOWEL.sub("an ", _AN_BEFORE_CONSONANT.sub("a ", text))


def drop_words(text: str, dropped: frozenset[str], dice: Dice, *, per_mille: int) -> str:
    """Leave out that share of the small words."""

    def drop(match: re.Match[str]) -> str:
        return "" if match[0] in dropped and dice.chance(per_mille) else match[0]

    return tidy_spaces(_ANY_WORD.sub(drop, text))


def restyle(text: str, dice: Dice) -> str:
    """Leave the text as it is (78 %), or write it all small, without punctuation too, or in capitals."""
    style = dice.pick_weighted(("as it is", "small", "bare", "loud"), (78, 14, 6, 2))
    if style == "bare":
        return _MARKS_AT_WORD_END.sub("", text.lower())
    if style == "small":
        return text.lower()
    return text.upper() if style == "loud" else text
