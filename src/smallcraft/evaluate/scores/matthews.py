"""Matthews correlation of truth and prediction, -1 to 1."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.counted import CountedScore


@dataclass(frozen=True)
class Matthews(CountedScore):
    """Matthews correlation; 0 for a guess, whatever the classes' sizes."""

    name: str = "matthews"
