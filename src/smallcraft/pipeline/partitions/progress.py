"""How far the passes over a table in pieces are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Progress = Callable[[str, float], None]
"""Told what is running, and the share of it that is done."""
Part = TypeVar("Part")


def told(done: Iterable[Part], progress: Progress, what: str, *, of: int) -> Iterator[Part]:
    """The same, while it is told how far it is.

    Args:
        done: What comes back, a piece at a time.
        progress: Told of it.
        what: Is running.
        of: How many pieces there are.
    """
    for number, one in enumerate(done, start=1):
        progress(what, number / of)
        yield one
