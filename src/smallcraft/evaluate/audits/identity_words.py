"""Words that name who somebody is, with their counterparts, and texts with these words swapped.

A family (`gender`, `religion`) is a list of slots; the words of one slot stand for each other (`mosque`,
`church`), in the same order in all slots of the family. A swap of step `s` puts the word `s` places further
on, round and round.
Always: whole words only, case kept, nothing but these words changes; a text without one gives no swap.
Not covered: names of people, languages other than English, words with a second meaning (`white`, `polish`)
outside a phrase that settles it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

Slots = tuple[tuple[str, ...], ...]

FAMILIES: Mapping[str, Slots] = {
    "gender": (
        *(("he", "she"), ("himself", "herself"), ("man", "woman"), ("men", "women")),
        *(("boy", "girl"), ("boys", "girls"), ("father", "mother"), ("fathers", "mothers")),
        *(("dad", "mom"), ("dads", "moms"), ("son", "daughter"), ("sons", "daughters")),
        *(("brother", "sister"), ("brothers", "sisters"), ("husband", "wife"), ("husbands", "wives")),
        *(
            ("uncle", "aunt"),
            ("nephew", "niece"),
            ("grandfather", "grandmother"),
            ("boyfriend", "girlfriend"),
        ),
        *(("male", "female"), ("males", "females"), ("gentleman", "lady"), ("gentlemen", "ladies")),
        *(("sir", "madam"), ("mr", "mrs")),
    ),
    "religion": (
        ("christian", "muslim", "jewish", "hindu", "buddhist"),
        ("christians", "muslims", "jews", "hindus", "buddhists"),
        ("christianity", "islam", "judaism", "hinduism", "buddhism"),
        ("church", "mosque", "synagogue"),
        ("churches", "mosques", "synagogues"),
        ("bible", "quran", "torah"),
    ),
    "nationality": (
        ("american", "german", "mexican", "nigerian", "indian"),
        ("americans", "germans", "mexicans", "nigerians", "indians"),
        ("america", "germany", "mexico", "nigeria", "india"),
    ),
    "origin": (
        ("black people", "white people", "asian people"),
        ("black person", "white person", "asian person"),
        ("black man", "white man", "asian man"),
        ("black men", "white men", "asian men"),
        ("black woman", "white woman", "asian woman"),
        ("black women", "white women", "asian women"),
        ("immigrant", "local"),
        ("immigrants", "locals"),
    ),
    "orientation": (
        ("gay people", "straight people"),
        ("gay man", "straight man"),
        ("gay men", "straight men"),
        ("gay woman", "straight woman"),
        ("homosexual", "heterosexual"),
        ("homosexuals", "heterosexuals"),
    ),
    "disability": (("disabled people", "able-bodied people"), ("disabled person", "able-bodied person")),
    "age": (
        *(("elderly", "young"), ("older", "younger"), ("teenager", "pensioner")),
        *(("teenagers", "pensioners"), ("old man", "young man"), ("old woman", "young woman")),
        *(("old people", "young people"), ("old person", "young person")),
    ),
}
"""Family to its slots."""

# English has one word where the other gender has two: `her` is `his` before a word, else `him`.
_PRONOUNS = re.compile(r"\b(?:him|his|hers|her)\b", re.IGNORECASE)
_CLOSED = frozenset(
    {"and", "or", "but", "to", "for", "in", "on", "at", "with", "the", "a", "that", "if", "when"}
)


def steps_of(family: str) -> range:
    """Steps that give different swaps: 1 for pairs, up to 4 for five words that stand for each other."""
    return range(1, max(len(slot) for slot in FAMILIES[family]))


def swap_words(text: str, family: str, step: int = 1) -> str:
    """The text with every word of the family replaced by the one `step` places further on.

    Args:
        text: Any text.
        family: A key of `FAMILIES`.
        step: From `steps_of`.

    >>> swap_words("He lost HIS card, a man said to him.", "gender")
    'She lost HER card, a woman said to her.'
    >>> swap_words("The human resources chairman", "gender")
    'The human resources chairman'
    """
    pattern, places = _compiled(family)

    def other(match: re.Match[str]) -> str:
        word = match.group()
        slot, at = places[" ".join(word.lower().split())]
        return _in_case_of(word, slot[(at + step) % len(slot)])

    changed = pattern.sub(other, text)
    # Words of the slots are no pronouns of the second kind, so the two passes cannot undo each other.
    return _PRONOUNS.sub(_other_pronoun, changed) if family == "gender" else changed


def _other_pronoun(match: re.Match[str]) -> str:
    word = match.group()
    low = word.lower()
    if low in {"him", "his"}:
        return _in_case_of(word, "her")
    if low == "hers":
        return _in_case_of(word, "his")
    after = re.match(r"\s+([a-z]+)", match.string[match.end() :], re.IGNORECASE)
    owns = after is not None and after.group(1).lower() not in _CLOSED
    return _in_case_of(word, "his" if owns else "him")


@cache
def _compiled(family: str) -> tuple[re.Pattern[str], Mapping[str, tuple[tuple[str, ...], int]]]:
    """A pattern of all words, longest first, and the place of each."""
    places = {word: (slot, at) for slot in FAMILIES[family] for at, word in enumerate(slot)}
    words = sorted(places, key=len, reverse=True)
    spaced = (re.escape(word).replace(r"\ ", r"\s+") for word in words)
    return re.compile(rf"\b(?:{'|'.join(spaced)})\b", re.IGNORECASE), places


def _in_case_of(old: str, new: str) -> str:
    if len(old) > 1 and old.isupper():
        return new.upper()
    if old.istitle() and " " in new:
        return new.title()
    return new[0].upper() + new[1:] if old[0].isupper() else new
