"""What a verification found, as values: one step a thing that was checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One thing that was checked, and over how many items it held."""

    name: str
    detail: str
    count: int


@dataclass(frozen=True)
class VerifyReport:
    """What held.

    Attributes:
        steps: In the order they were taken.
        head: The log's size and root in one word, to compare with a copy kept elsewhere.
        root: The log's root.
        notes: What is no error and still worth knowing: a clock that was set back, a retired release.
    """

    steps: tuple[Step, ...]
    head: str | None = None
    root: str | None = None
    notes: tuple[str, ...] = ()
