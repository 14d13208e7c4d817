"""A lower bound of epsilon from guesses about which canaries a model was trained on, in one run.

Each of `m` canaries is trained on or left out by a fair coin of its own. An attacker who sees the model says
of `r` of them whether they were in, and is right `v` times. Under (epsilon, delta)-differential privacy `v`
is hardly ever larger than randomised response of that epsilon allows; so a large `v` refutes a small epsilon.
Always: more right guesses never lower the bound; half of them right or fewer bound nothing.
Left to others: who guesses, and how (`stats.attacks`).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import require_fraction

_HALVINGS = 40


def right_guesses_p_value(right: int, guesses: int, canaries: int, *, epsilon: float, delta: float) -> float:
    """The largest chance of so many right guesses, or more, against any (epsilon, delta)-private training.

    Args:
        right: Right guesses, `0 <= right <= guesses`.
        guesses: Canaries that were guessed, at most `canaries`.
        canaries: All whose coin was thrown.
        epsilon: At least 0.
        delta: A probability in [0, 1).

    Returns:
        In [0, 1].

    Raises:
        InvalidInputError: A bound above does not hold.

    Source:
        Steinke, Nasr, Jagielski (2023), "Privacy auditing with one (1) training run", NeurIPS, theorem 5.2.

    >>> right_guesses_p_value(1, 1, 1, epsilon=0.0, delta=0.0)
    0.5
    """
    _require_counts(right, guesses, canaries)
    if not (epsilon >= 0 and 0 <= delta < 1):
        raise InvalidInputError(
            f"epsilon must be at least 0 and delta in [0, 1), got {epsilon} and {delta}; "
            "delta is usually below 1 / rows"
        )
    if right == 0:
        return 1.0
    share = 1 / (1 + math.exp(-epsilon))
    tail = float(scipy.stats.binom.sf(right - 1, guesses, share))
    # A failure of probability delta may lift any score below `right` up to it; the theorem takes the worst.
    below = np.cumsum(scipy.stats.binom.pmf(np.arange(right - 1, -1, -1), guesses, share))
    worst = float((below / np.arange(1, right + 1)).max())
    return min(1.0, tail + 2 * canaries * delta * worst)


@lru_cache(maxsize=4096)
def epsilon_lower_bound(
    right: int, guesses: int, canaries: int, *, delta: float = 1e-5, confidence: float = 0.95
) -> float:
    """The largest epsilon that so many right guesses refute.

    If training is (epsilon, delta)-private, the bound exceeds that epsilon with a chance of at most
    `1 - confidence`.

    Args:
        right: Right guesses, `0 <= right <= guesses`.
        guesses: Canaries that were guessed, at most `canaries`.
        canaries: All whose coin was thrown.
        delta: A probability in [0, 1).
        confidence: One-sided, a fraction in (0, 1).

    Returns:
        At least 0; 0 where nothing is refuted.

    Raises:
        InvalidInputError: A bound above does not hold.

    >>> round(epsilon_lower_bound(90, 100, 100, delta=0.0), 3), epsilon_lower_bound(50, 100, 100)
    (1.631, 0.0)
    """
    require_fraction(confidence, "confidence")

    def is_refuted(epsilon: float) -> bool:
        p_value = right_guesses_p_value(right, guesses, canaries, epsilon=epsilon, delta=delta)
        return p_value <= 1 - confidence

    if not is_refuted(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while is_refuted(high):
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_refuted(middle) else (low, middle)
    return low


def _require_counts(right: int, guesses: int, canaries: int) -> None:
    if not 0 <= right <= guesses <= canaries or canaries < 1:
        raise InvalidInputError(
            "a canary audit needs 0 <= right <= guesses <= canaries and a canary, "
            f"got {right} right of {guesses} guesses and {canaries} canaries"
        )
