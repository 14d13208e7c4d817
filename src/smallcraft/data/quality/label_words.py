"""Says in a newcomer's words why a label is doubted, and what to do about it.

Always: every number in the sentence is one a witness gave; a witness that was silent is not named.
The rule behind the words belongs to `data.quality.label_kinds`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from smallcraft.data.quality.label_kinds import (
    LEVEL,
    NO_VOTES,
    UNDECIDED_VOTES,
    Backing,
    VotedLabels,
    Witnesses,
)

REMEDIES: Mapping[str, str] = {
    "wrong": "read it; if '{suggested}' fits, change the label",
    "ambiguous": "let a second person label it; where both labels fit, the labelling guide must say which",
    "hard": "read it; if '{given}' is right, keep it and collect more rows like it",
}


def describe(witnesses: Witnesses, at: int, *, names: tuple[str, str]) -> str:
    """Why a label is doubted.

    Args:
        witnesses: Of all flagged rows.
        at: Which one.
        names: The given label, and the one that the model says.

    Returns:
        Half a sentence: what the model says, then each other witness that said something.
    """
    told = [_model_words(witnesses, at, names)]
    if witnesses.copies is not None and witnesses.copies.total[at]:
        told.append(_copy_words(witnesses.copies, at, names))
    if witnesses.neighbours is not None and witnesses.neighbours.total[at]:
        total = int(witnesses.neighbours.total[at])
        told.append(_count_words(witnesses.neighbours, at, names, group=f"{total:,} nearest rows"))
    if witnesses.votes is not None and witnesses.votes.label[at] != NO_VOTES:
        told.append(_vote_words(witnesses.votes, at, names))
    return "; ".join(told)


def percent(share: float) -> str:
    """A share as people read it; never rounded to certainty.

    >>> percent(0.962), percent(0.9999), percent(0.0004), percent(0.0)
    ('96%', 'over 99%', 'under 1%', '0%')
    """
    if 0.0 < share < 0.01:
        return "under 1%"
    if 0.99 < share < 1.0:
        return "over 99%"
    return f"{share:.0%}"


def _model_words(witnesses: Witnesses, at: int, names: tuple[str, str]) -> str:
    given, other = names
    sureness = float(witnesses.sureness[at])
    own = sureness * math.exp(float(witnesses.margin[at]))
    both = f"the model gives '{other}' {percent(sureness)} and '{given}' {percent(own)}"
    if witnesses.sees_both[at]:
        return f"{both}, more than {1 - LEVEL:.0%} of well known rows of '{other}' show for '{given}'"
    if witnesses.is_sure[at]:
        return both
    usual = float(witnesses.usual_sureness[at])
    compared = f": rows of '{other}' get {percent(usual)} on average" if math.isfinite(usual) else ""
    return f"{both}; it leans to '{other}' without being sure{compared}"


def _copy_words(copies: Backing, at: int, names: tuple[str, str]) -> str:
    total = int(copies.total[at])
    if total > 1:
        return _count_words(copies, at, names, group=f"{total:,} other copies")
    if copies.given[at] or copies.suggested[at]:
        return f"its only copy carries '{names[0] if copies.given[at] else names[1]}'"
    return "its only copy carries another label"


def _count_words(backing: Backing, at: int, names: tuple[str, str], *, group: str) -> str:
    given, other = int(backing.given[at]), int(backing.suggested[at])
    return f"{other:,} of its {group} carry '{names[1]}', {given:,} '{names[0]}'"


def _vote_words(votes: VotedLabels, at: int, names: tuple[str, str]) -> str:
    code = int(votes.label[at])
    if code == UNDECIDED_VOTES:
        return "people's votes are split: no label is likelier than all others together"
    voted = votes.classes[code]
    agree = ", as given" if voted == names[0] else ""
    return f"people's votes say '{voted}'{agree} ({percent(float(votes.support[at]))})"
