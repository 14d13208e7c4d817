"""Mean precision of the classes that occur in truth or prediction."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.counted import CountedScore


@dataclass(frozen=True)
class MacroPrecision(CountedScore):
    """Macro precision; a class never predicted counts 0."""

    name: str = "macro_precision"
