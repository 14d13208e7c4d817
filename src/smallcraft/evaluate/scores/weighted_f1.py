"""Mean F1 of the classes, weighted by their true rows."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.counted import CountedScore


@dataclass(frozen=True)
class WeightedF1(CountedScore):
    """Weighted F1; a class counts as often as it occurs."""

    name: str = "weighted_f1"
