"""What a suite is given and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machine import NoiseFloor, measure_noise
from benchmarks.peers import AbsentPeerError, Environment, python_of
from benchmarks.records import Listing, Row


@dataclass
class Surroundings:
    """Where a suite works.

    Attributes:
        work: A folder of its own, removed afterwards.
        is_quick: A small part of the data, to see that the suite runs; its numbers mean nothing.
        absent: Peers that could not be installed, each with the reason.
        versions: Of the environments that were used.
        looks: What the machine's noise was, and when.
    """

    work: Path
    is_quick: bool = False
    absent: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    looks: dict[str, NoiseFloor] = field(default_factory=dict)

    def look(self, when: str) -> None:
        """Compare the machine with itself, and remember what was found."""
        self.looks[when] = measure_noise()

    @property
    def rows(self) -> int | None:
        """How many rows of a data set to take; None for all."""
        return 1500 if self.is_quick else None

    @property
    def rounds(self) -> int:
        """How often every contestant runs."""
        return 2 if self.is_quick else 5

    def python_of(self, environment: Environment) -> Path | None:
        """The interpreter of a peer's environment; None when it cannot be made, which is noted."""
        try:
            python = python_of(environment)
        except AbsentPeerError as error:
            self.absent.append(str(error))
            return None
        self.versions |= environment.versions
        return python


@dataclass(frozen=True)
class Found:
    """What a suite measured."""

    about: str
    rows: tuple[Row, ...]
    listings: tuple[Listing, ...] = ()
    notes: tuple[str, ...] = ()
