"""Mean F1 of the classes that occur in truth or prediction."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.counted import CountedScore


@dataclass(frozen=True)
class MacroF1(CountedScore):
    """Macro-F1; every class counts alike, however rare."""

    name: str = "macro_f1"
