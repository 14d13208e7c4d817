"""Which words a window has more (or less) of than the reference: log-odds with an informative prior.

A word's odds on both sides are drawn towards its odds in both together, by as many words as the smaller side
has; so a rare word needs more than a handful of sightings, and a common word more than its noise.
Always: the score is a difference in standard errors, positive where the window has more; words of equal score
stand in alphabetical order.
Left to others: what a word is, and counting (`data.profiles`).
Source: Monroe, Colaresi, Quinn (2008), Political Analysis 16:372-403, section 3.5.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError

Floats = NDArray[np.float64]

LEAST_PRIOR = 50.0


@dataclass(frozen=True)
class WordOdds:
    """One word and how its odds have changed.

    Attributes:
        word: As it was counted.
        score: Difference of the log-odds over its standard error.
        log_odds: Difference of the log-odds, in nats.
        window_count: Sightings in the window.
        reference_count: Sightings in the reference.
    """

    word: str
    score: float
    log_odds: float
    window_count: int
    reference_count: int


def rank_words(
    reference: Mapping[str, int],
    window: Mapping[str, int],
    *,
    most: int = 20,
    prior_words: float | None = None,
) -> tuple[WordOdds, ...]:
    """Words by how much more the window has of them, most first.

    Args:
        reference: Sightings of each word, at least 0.
        window: Sightings of each word, at least 0.
        most: How many words to give at most.
        prior_words: How many words the prior weighs as, above 0; None for as many as the smaller side has: a
            lighter one lets a word that one side never had pass for one that is merely rare.

    Returns:
        Only words of the window whose score is above 0.

    Raises:
        InvalidInputError: A count is below 0, or the prior has no weight.

    >>> old, new = {"the": 500, "loan": 20}, {"the": 50, "loan": 2, "â€™": 30}
    >>> [found.word for found in rank_words(old, new)][:1]
    ['â€™']
    """
    words = sorted(set(reference) | set(window))
    before = np.array([reference.get(word, 0) for word in words], dtype=np.float64)
    now = np.array([window.get(word, 0) for word in words], dtype=np.float64)
    if (before < 0).any() or (now < 0).any() or (prior_words is not None and prior_words <= 0):
        raise InvalidInputError("word counts are at least 0 and the prior weighs more than none")
    if not before.sum() + now.sum():
        return ()
    if prior_words is None:
        prior_words = max(LEAST_PRIOR, min(before.sum(), now.sum()))
    log_odds = log_odds_ratios(before, now, prior_words=prior_words)
    scores = log_odds / standard_errors(before, now, prior_words=prior_words)
    order = np.argsort(-scores, kind="stable")[:most]
    return tuple(
        WordOdds(words[i], float(scores[i]), float(log_odds[i]), int(now[i]), int(before[i]))
        for i in order.tolist()
        if scores[i] > 0 and now[i] > 0
    )


def log_odds_ratios(reference: Floats, window: Floats, *, prior_words: float) -> Floats:
    """Differences of the log-odds of each word, `(v,)`, both sides drawn towards the prior; 0 if not met.

    Args:
        reference: `(v,)` counts, not all 0 on both sides together.
        window: `(v,)` counts.
        prior_words: How many words the prior weighs as.
    """
    prior = _prior(reference, window, prior_words)
    met, sides = prior > 0, []
    for counts in (window, reference):
        own = counts + prior
        # One more word of another kind, so that a single word has odds.
        sides.append(np.log(np.where(met, own, 1.0)) - np.log(own.sum() - own + 1))
    return np.where(met, sides[0] - sides[1], 0.0)


def standard_errors(reference: Floats, window: Floats, *, prior_words: float) -> Floats:
    """Standard errors of the differences, `(v,)`, infinite for a word not met; as of `log_odds_ratios`."""
    prior = _prior(reference, window, prior_words)
    met = prior > 0
    window_part, reference_part = (
        1 / np.where(met, counts + prior, np.inf) for counts in (window, reference)
    )
    return np.where(met, np.sqrt(window_part + reference_part), np.inf)


def _prior(reference: Floats, window: Floats, prior_words: float) -> Floats:
    both = reference + window
    return np.asarray(prior_words * both / both.sum())
