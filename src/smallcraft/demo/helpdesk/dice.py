"""Random choices that are the same on every platform, Python and numpy: bounded integers of PCG64 only.

Leaves out floats on purpose: no choice here depends on rounding.
Always: one `Dice(seed, stream)` gives one sequence; streams of one seed are independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

_BLOCK = 1 << 15


class Dice:
    """A stream of choices.

    >>> dice = Dice(7, 0)
    >>> [dice.below(6) for _ in range(3)] == [Dice(7, 0).below(6)] * 3
    False
    """

    def __init__(self, seed: int, stream: int) -> None:
        self._rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stream])))
        self._block: list[int] = []

    def below(self, n: int) -> int:
        """An integer in `[0, n)`, for `1 <= n < 2**31`; its bias is below `n / 2**32`."""
        if not self._block:
            self._block = self._rng.integers(0, 1 << 32, size=_BLOCK, dtype=np.uint32).tolist()
        return (self._block.pop() * n) >> 32

    def between(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, per_mille: int) -> bool:
        """True in `per_mille` of a thousand throws."""
        return self.below(1000) < per_mille

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, all equally likely."""
        return items[self.below(len(items))]

    def pick_early(self, items: Sequence[Item]) -> Item:
        """One of the items, the first ones more likely than the last ones (linearly falling)."""
        return items[min(self.below(len(items)), self.below(len(items)))]

    def pick_weighted(self, items: Sequence[Item], weights: Sequence[int]) -> Item:
        """One of the items in proportion to integer weights."""
        rest = self.below(sum(weights))
        for item, weight in zip(items, weights, strict=True):
            if rest < weight:
                return item
            rest -= weight
        raise AssertionError("weights are non-negative and not all zero")

    def sample(self, items: Sequence[Item], k: int) -> list[Item]:
        """`k` different positions of the items, in random order."""
        pool = list(items)
        for i in range(k):
            j = self.between(i, len(pool) - 1)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:k]
