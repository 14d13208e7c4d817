"""Drawn votes (`tests.stats.crowds`) with names, as `data.votes` has them."""

from __future__ import annotations

from tests.stats.crowds import Drawn

from smallcraft.data.votes import Votes

CLASSES = ("bill", "login", "other", "refund", "spam")


def named(drawn: Drawn) -> Votes:
    people, k = drawn.confusion.shape[:2]
    names = tuple(f"ann_{who}" for who in range(people))
    return Votes(drawn.starts, drawn.annotator, drawn.label, names, CLASSES[:k], None)
