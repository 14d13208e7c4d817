"""How many bits an answer reveals, and what the bits revealed do to the belief in a score.

Left to others: keeping count (`evaluate.meter.ledger`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import require_fraction

GROWTH_ALLOWED = 3.0


def adaptive_bound(n: int, bits: float, *, delta: float = 0.05) -> float:
    """How far a mean over `n` sealed rows can lie from the truth after so many bits were revealed.

    Args:
        n: Rows, at least 1.
        bits: Revealed before the look, at least 0.
        delta: Chance that it lies farther, in (0, 1).

    Raises:
        InvalidInputError: A value above is out of range.

    Source:
        Dwork et al. (2015), NeurIPS, theorem 12: a union bound over 2**bits outcomes, with Hoeffding.

    >>> round(adaptive_bound(1000, 0), 4), round(adaptive_bound(1000, 30), 4)
    (0.0429, 0.1106)
    """
    require_fraction(delta, "delta")
    if n < 1 or bits < 0:
        raise InvalidInputError(f"a bound needs n >= 1 rows and bits >= 0, got {n} and {bits}")
    return math.sqrt((bits * math.log(2) + math.log(2 / delta)) / (2 * n))


def default_max_bits(delta: float = 0.05, *, growth: float = GROWTH_ALLOWED) -> float:
    """Bits after which the bound is `growth` times that of the first look; independent of n.

    >>> round(default_max_bits(), 2)
    42.58
    """
    require_fraction(delta, "delta")
    return (growth * growth - 1) * math.log2(2 / delta)


def bits_of_choices(answers: int) -> float:
    """Bits of an answer that is one of so many.

    Raises:
        InvalidInputError: Fewer than one.

    >>> bits_of_choices(1024)
    10.0
    """
    if answers < 1:
        raise InvalidInputError(f"an answer is one of at least 1, got {answers}")
    return math.log2(answers)


def bits_of_rounded(decimals: int, *, numbers: int = 1) -> float:
    """Bits of numbers in [0, 1] told to so many decimals.

    >>> round(bits_of_rounded(3), 3)
    9.967
    """
    return numbers * bits_of_choices(10**decimals + 1)


def bits_of_passes(queries: int, passes: int) -> float:
    """Bits of so many pass/fail answers of which at most `passes` are passes.

    >>> round(bits_of_passes(100, 1), 2)
    6.66
    """
    return math.log2(sum(math.comb(queries, i) for i in range(min(passes, queries) + 1)))


@dataclass(frozen=True)
class Wear:
    """Whether answers of a sealed set are still fine enough for what is to be told apart.

    Attributes:
        bound: `adaptive_bound` at the look.
        is_worn: True when the bound exceeds half the margin.
        rows_needed: Rows at which, after as many bits, it would not.
        sentence: The same in words, for the card; empty when it is not worn.
    """

    bound: float
    is_worn: bool
    rows_needed: int
    sentence: str


def wear_of(n: int, bits: float, *, margin: float, delta: float = 0.05) -> Wear:
    """Compare the bound of a look with half the margin.

    Args:
        n: Rows.
        bits: Revealed before the look.
        margin: How much worse is good enough, above 0.
        delta: Chance that the bound does not hold.

    Raises:
        InvalidInputError: A margin that is not positive, or as in `adaptive_bound`.

    >>> wear_of(1000, 4.8, margin=0.1).sentence
    'the bound 0.059 exceeds half the margin, 0.050: refresh cert when you can'
    """
    if not margin > 0:
        raise InvalidInputError(f"margin must be above 0, got {margin:g}; it is how much worse is allowed")
    bound, fresh = adaptive_bound(n, bits, delta=delta), adaptive_bound(n, 0.0, delta=delta)
    rows_needed = math.ceil(n * (2 * bound / margin) ** 2)
    if bound <= margin / 2:
        return Wear(bound, is_worn=False, rows_needed=rows_needed, sentence="")
    sentence = f"the bound {bound:.3f} exceeds half the margin, {margin / 2:.3f}: "
    if fresh <= margin / 2:
        sentence += "refresh cert when you can"
    else:
        sentence += (
            f"so did that of the first look at {n:,} rows ({fresh:.3f}); it takes {rows_needed:,} rows"
        )
    return Wear(bound, is_worn=True, rows_needed=rows_needed, sentence=sentence)
