"""Cohen's kappa: agreement of prediction and truth beyond chance, at most 1."""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.evaluate.measuring.counted import CountedScore


@dataclass(frozen=True)
class Kappa(CountedScore):
    """Cohen's kappa; 0 for a guess that knows the classes' shares."""

    name: str = "kappa"
