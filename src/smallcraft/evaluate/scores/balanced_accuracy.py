"""Mean recall of the classes that occur in the truth."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.counted import CountedScore


@dataclass(frozen=True)
class BalancedAccuracy(CountedScore):
    """Balanced accuracy; a guess gets one over the number of classes."""

    name: str = "balanced_accuracy"
