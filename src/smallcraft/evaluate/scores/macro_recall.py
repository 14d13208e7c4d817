"""Mean recall of the classes that occur in truth or prediction."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.counted import CountedScore


@dataclass(frozen=True)
class MacroRecall(CountedScore):
    """Macro recall; a class without rows that is predicted all the same counts 0."""

    name: str = "macro_recall"
