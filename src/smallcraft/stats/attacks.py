"""Membership attacks by score: which canaries were trained on, how often that is right, and what it proves.

The attacker calls those with the highest scores in and those with the lowest out, and says nothing of the
rest. How many are guessed is fixed before looking: several counts are tried and share the error between them.
Always: a bound holds whatever the scores are, as long as they were made without a look at the coins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.epsilon import epsilon_lower_bound

# Not all: fair coins hardly ever put exactly half of the canaries in, and each one off is a wrong guess.
GUESSED_SHARES = (0.8, 0.5, 0.2, 0.1)


@dataclass(frozen=True)
class EpsilonBound:
    """What the guesses prove.

    Attributes:
        value: The lower bound of epsilon; 0 where nothing is proved.
        right: Right guesses of the count that proves most.
        guesses: That count.
        canaries: All whose coin was thrown.
        highest: The bound if every guess of every count had been right.
    """

    value: float
    right: int
    guesses: int
    canaries: int
    highest: float


@dataclass(frozen=True)
class CaughtRate:
    """Canaries above a threshold: of those trained on (`hits` of `trials`), and of those left out."""

    hits: int
    trials: int
    false_hits: int
    false_trials: int


def bound_epsilon(
    is_in: NDArray[np.bool_],
    scores: NDArray[np.float64],
    *,
    delta: float = 1e-5,
    confidence: float = 0.95,
    shares: Sequence[float] = GUESSED_SHARES,
) -> EpsilonBound:
    """A lower bound of epsilon that holds with the confidence over all the shares tried together.

    Args:
        is_in: `(m,)` bool, the coins: fair, and of each other independent.
        scores: `(m,)` float64, higher means more likely in. Equal scores are ranked by position, so the
            positions must not depend on the coins.
        delta: A probability in [0, 1).
        confidence: One-sided, a fraction in (0, 1).
        shares: Of the canaries, to be guessed; fixed before looking.

    Raises:
        InvalidInputError: No canaries, lengths that differ, or a score that is no number.
    """
    m = _require_scores(is_in, scores)
    counts = sorted({max(1, round(share * m)) for share in shares}, reverse=True)
    each = 1 - (1 - confidence) / len(counts)
    order = np.argsort(scores, kind="stable")
    found = []
    for guesses in counts:
        right = count_right_guesses(is_in[order], guesses)
        value = epsilon_lower_bound(right, guesses, m, delta=delta, confidence=each)
        found.append((value, right, guesses))
    highest = max(
        epsilon_lower_bound(guesses, guesses, m, delta=delta, confidence=each) for guesses in counts
    )
    value, right, guesses = max(found, key=lambda bound: bound[0])
    return EpsilonBound(value, right, guesses, m, highest)


def count_right_guesses(is_in_by_score: NDArray[np.bool_], guesses: int) -> int:
    """Right ones when the lowest half of the guesses is called out and the highest half in.

    Args:
        is_in_by_score: `(m,)` bool, ordered by ascending score.
        guesses: At most `m`; an odd one more is called in.

    >>> count_right_guesses(np.array([False, True, False, True]), 2)
    2
    """
    called_out = guesses // 2
    called_in = guesses - called_out
    m = len(is_in_by_score)
    return int((~is_in_by_score[:called_out]).sum() + is_in_by_score[m - called_in :].sum())


def caught_at(
    is_in: NDArray[np.bool_], scores: NDArray[np.float64], *, most_false: float = 0.01
) -> CaughtRate:
    """How many of those trained on stand above a threshold that hardly any of those left out passes.

    The threshold is the lowest that at most `most_false` of those left out exceed.

    Args:
        is_in: `(m,)` bool with both values present.
        scores: `(m,)` float64, higher means more likely in.
        most_false: A share in [0, 1).

    Raises:
        InvalidInputError: Nobody in, nobody out, lengths that differ, or a score that is no number.

    >>> caught_at(np.array([True, True, False]), np.array([0.9, 0.1, 0.5]))
    CaughtRate(hits=1, trials=2, false_hits=0, false_trials=1)
    """
    _require_scores(is_in, scores)
    outside = np.sort(scores[~is_in])
    if len(outside) in (0, len(scores)):
        raise InvalidInputError(
            f"a caught rate needs canaries in and out, got {int(is_in.sum())} in of {len(scores)}; "
            "take more canaries"
        )
    threshold = outside[len(outside) - 1 - int(most_false * len(outside))]
    above = scores > threshold
    return CaughtRate(
        hits=int((above & is_in).sum()),
        trials=int(is_in.sum()),
        false_hits=int((above & ~is_in).sum()),
        false_trials=len(outside),
    )


def _require_scores(is_in: NDArray[np.bool_], scores: NDArray[np.float64]) -> int:
    if len(is_in) == 0 or scores.shape != is_in.shape or not np.isfinite(scores).all():
        raise InvalidInputError(
            f"an attack needs one finite score for each of at least one canary, got {len(is_in)} canaries "
            f"and scores of shape {scores.shape}, {int(np.isfinite(scores).sum())} of them finite"
        )
    return len(is_in)
