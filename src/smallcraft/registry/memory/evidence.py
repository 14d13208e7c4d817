"""Reads numbers out of what a release recorded: its facts and its files.

Leaves to others: what follows from the numbers.
Always: what was not recorded or not measured is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from smallcraft.errors import NotFoundError

Facts = Mapping[str, object]
# Every bundle's file stands below this folder of its release.
BUNDLE_FOLDER = "bundle/"
# Made-up rows and the answers to them: they follow from the model and are no part of it.
GOLDEN_ANSWERS = "selfcheck.npz"


@dataclass(frozen=True)
class Side:
    """A release as something to compare.

    Attributes:
        label: `helpdesk@3`.
        facts: What the build recorded.
        read: Path inside the release to the bytes of that file.
    """

    label: str
    facts: Facts
    read: Callable[[str], bytes]

    def bundle_file(self, path: str) -> bytes:
        """The bytes of a file of the bundle, by its path there."""
        return self.read(f"{BUNDLE_FOLDER}{path}")

    def file(self, path: str) -> bytes | None:
        """The bytes of a file; None where the release has none of that name."""
        try:
            return self.read(path)
        except NotFoundError:
            return None


@dataclass(frozen=True)
class Figure:
    """One measured number of a release, with the bounds that were recorded beside it."""

    name: str
    value: float
    unit: str
    low: float | None
    high: float | None
    n: int | None
    level: float | None


def map_of(facts: Facts, key: str) -> Facts:
    """The mapping under a key; empty where there is none."""
    value = facts.get(key)
    return value if isinstance(value, Mapping) else {}


def list_of(facts: Facts, key: str) -> list[Facts]:
    """The mappings listed under a key; empty where there are none."""
    value = facts.get(key)
    items = value if isinstance(value, list | tuple) else ()
    return [item for item in items if isinstance(item, Mapping)]


def number_of(facts: Facts, key: str) -> float | None:
    """The number under a key; None where there is none."""
    value = facts.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def text_of(facts: Facts, key: str) -> str:
    """The text under a key; empty where there is none."""
    value = facts.get(key)
    return value if isinstance(value, str) else ""


def candidate_of(facts: Facts, rung: object) -> Facts:
    """What was recorded of a rung on dev; empty where it was not tried."""
    return next((one for one in list_of(facts, "candidates") if one.get("rung") == rung), {})


def find_figure(evidence: Facts, name: str, *, split: str | None) -> Figure | None:
    """A measurement over all rows; None where it has no value.

    Args:
        evidence: A candidate, or `cert`: something with `measurements`.
        name: The measurement's.
        split: The rows it is about; None for a cost.
    """
    for found in list_of(evidence, "measurements"):
        value = number_of(found, "value")
        is_whole = found.get("slice", "all") == "all" and found.get("split") == split
        if found.get("name") == name and is_whole and value is not None:
            n = number_of(found, "n")
            return Figure(
                name,
                value,
                text_of(found, "unit"),
                number_of(found, "low"),
                number_of(found, "high"),
                None if n is None else int(n),
                number_of(found, "level"),
            )
    return None


def bundle_files(facts: Facts) -> Mapping[str, str]:
    """Path inside the bundle to digest of each file a model is made of."""
    files = list_of(map_of(facts, "bundle"), "files")
    listed = {text_of(file, "path"): text_of(file, "digest") for file in files}
    return {path: digest for path, digest in listed.items() if path != GOLDEN_ANSWERS}


def confidence_of(facts: Facts) -> float:
    """The confidence that the project declared; 0.95 where none is recorded."""
    return number_of(facts, "confidence") or 0.95
