"""Which threshold keeps an error budget, how good answers with abstentions and sets are: numbers alone.

A threshold is taken from labelled rows that the model did not learn from. Thresholds are tried from a
cautious one down, each by an exact bound at the whole confidence, until one fails; the last that held is
taken. Where to begin and in which order to go on is fixed by the scores alone, so looking at many thresholds
costs nothing.
Always: the promise holds with the stated confidence where errors grow rarer with the score and rows are
independent; how well the scores foretell errors decides only how much is answered.
Not covered: rows of one key, which carry less evidence than they count; a production that differs from the
rows at hand.
Source: Bauer (1991), Statistics in Medicine 10:871-890 (fixed sequences); Angelopoulos, Bates, Candes, Jordan
and Lei (2025), Annals of Applied Statistics 19:1641-1662 (learn then test); Geifman and El-Yaniv (2017),
NeurIPS (selective risk).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import exact_upper_bound, require_fraction

_STEPS = 100
_MOST_ROWS = 100_000_000


@dataclass(frozen=True)
class Trial:
    """One threshold, tried.

    Attributes:
        threshold: Rows whose score is at least this are answered.
        answered: How many rows that are.
        errors: How many of the answers are wrong.
        bound: Exact one-sided upper bound of the share of wrong answers.
    """

    threshold: float
    answered: int
    errors: int
    bound: float


@dataclass(frozen=True)
class BudgetSearch:
    """What the rows say about an error budget.

    Attributes:
        trial: The lowest threshold that keeps the budget; where none does, the one that comes nearest.
        is_kept: Whether the budget is shown to be kept.
        rows: Rows looked at, answered or not.
        more_rows: About how many more rows would show it, if errors stay as frequent; None where it is shown,
            or no number of rows would be enough.
    """

    trial: Trial
    is_kept: bool
    rows: int
    more_rows: int | None


def search_threshold(
    scores: NDArray[np.float64],
    count_errors: Callable[[float], int],
    expect_errors: Callable[[float], float],
    *,
    errors_at_most: float,
    confidence: float,
) -> BudgetSearch:
    """The lowest threshold whose share of wrong answers is shown to be within the budget.

    Args:
        scores: `(n,)`, a row is answered where its score is at least the threshold.
        count_errors: How many of the answered rows are answered wrongly at a threshold.
        expect_errors: How many the model itself expects there, by its probabilities; no label is in it.
        errors_at_most: Share of the answered rows that may be wrong, in (0, 1).
        confidence: One-sided, of the budget being kept, in (0, 1).

    Raises:
        InvalidInputError: No rows, or a fraction outside (0, 1).

    >>> sure = np.linspace(0, 1, 1000)
    >>> wrong = np.random.default_rng(0).random(1000) < 0.3 * (1 - sure)
    >>> found = search_threshold(
    ...     sure,
    ...     lambda t: int(wrong[sure >= t].sum()),
    ...     lambda t: float((1 - sure[sure >= t]).sum()),
    ...     errors_at_most=0.1,
    ...     confidence=0.95,
    ... )
    >>> found.is_kept, found.trial.bound <= 0.1, found.trial.errors / found.trial.answered < 0.1
    (True, True, True)
    """
    require_fraction(errors_at_most, "errors_at_most")
    require_fraction(confidence, "confidence")
    if not len(scores):
        raise InvalidInputError("a threshold needs labelled rows, got none; label some")
    kept = None
    thresholds = _thresholds(scores, least_answers(errors_at_most, confidence=confidence))
    for threshold in thresholds[_start(thresholds, scores, expect_errors, errors_at_most, confidence) :]:
        answered, errors = int((scores >= threshold).sum()), count_errors(threshold)
        trial = Trial(threshold, answered, errors, exact_upper_bound(errors, answered, confidence=confidence))
        if trial.bound > errors_at_most:
            break
        kept = trial
    if kept is not None:
        return BudgetSearch(kept, is_kept=True, rows=len(scores), more_rows=None)
    nearest, more = _nearest(scores, count_errors, errors_at_most, confidence)
    return BudgetSearch(nearest, is_kept=False, rows=len(scores), more_rows=more)


def least_answers(errors_at_most: float, *, confidence: float) -> int:
    """How many answers, all of them right, show that a budget is kept.

    >>> least_answers(0.02, confidence=0.95)
    149
    """
    return math.ceil(math.log(1 - confidence) / math.log(1 - errors_at_most))


def conformal_limit(scores: NDArray[np.float64], *, coverage: float) -> float | None:
    """The limit that a new row's score stays at or below with this probability, whatever its distribution.

    Args:
        scores: `(n,)`, exchangeable with the new one.
        coverage: A fraction in (0, 1).

    Returns:
        The `ceil((n + 1) coverage)`-th smallest score; None where `n` is too small for any.

    Source:
        Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, section 2.2.

    >>> conformal_limit(np.arange(1.0, 20.0), coverage=0.9)
    18.0
    >>> conformal_limit(np.arange(8.0), coverage=0.9) is None
    True
    """
    require_fraction(coverage, "coverage")
    # 0.9 * 10 is 9.000000000000002 for some coverages; the rank is meant to be 9.
    rank = math.ceil(round((len(scores) + 1) * coverage, 9))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else None


def _thresholds(scores: NDArray[np.float64], least: int) -> Sequence[float]:
    """From the most cautious down: each just above a score, so that the rows above it are a fair sample.

    Given the score that a threshold stands on, the rows above are independent draws from all rows above, and
    errors among them binomial: the exact bound is exact.
    """
    ordered, n = np.sort(scores)[::-1], len(scores)
    if n < least:
        return ()
    counts = np.unique(np.linspace(least, n, _STEPS).astype(np.int64))
    cuts = [np.nextafter(ordered[count], np.inf) if count < n else ordered[-1] for count in counts]
    # Of equal scores all rows are answered or none; a cut may then leave too few.
    return [float(cut) for cut in dict.fromkeys(cuts) if (scores >= cut).sum() >= least]


def _start(
    thresholds: Sequence[float],
    scores: NDArray[np.float64],
    expect_errors: Callable[[float], float],
    errors_at_most: float,
    confidence: float,
) -> int:
    """Where the first trial is most likely to hold, if errors are as frequent as the model expects."""
    if not thresholds:
        return 0
    answered = np.array([int((scores >= threshold).sum()) for threshold in thresholds])
    expected = np.array([expect_errors(threshold) for threshold in thresholds]) / answered
    # The most errors that still show the budget kept: one fewer where the quantile itself is too many.
    most = scipy.stats.binom.ppf(1 - confidence, answered, errors_at_most)
    most -= scipy.stats.binom.cdf(most, answered, errors_at_most) > 1 - confidence
    return int(np.argmax(scipy.stats.binom.cdf(most, answered, np.clip(expected, 0, 1))))


def _nearest(
    scores: NDArray[np.float64],
    count_errors: Callable[[float], int],
    errors_at_most: float,
    confidence: float,
) -> tuple[Trial, int | None]:
    """The threshold that the fewest more rows would show to keep the budget, and how many rows these are.

    Where none errs seldom enough, the one with the lowest bound.
    """
    trials, needs = [], []
    for threshold in np.unique(np.quantile(scores, np.linspace(0, 0.99, _STEPS), method="higher")):
        answered, errors = int((scores >= threshold).sum()), count_errors(float(threshold))
        bound = exact_upper_bound(errors, answered, confidence=confidence)
        trials.append(Trial(float(threshold), answered, errors, bound))
        factor = _growth(errors, answered, errors_at_most, confidence)
        needs.append(math.inf if factor is None else math.ceil((factor - 1) * len(scores)))
    place = min(range(len(trials)), key=lambda number: (needs[number], trials[number].bound))
    return trials[place], None if needs[place] == math.inf else max(1, int(needs[place]))


def _growth(errors: int, answered: int, errors_at_most: float, confidence: float) -> float | None:
    """How many times as many rows would show the budget kept, at the same share of errors."""

    def is_enough(factor: float) -> bool:
        return exact_upper_bound(errors * factor, answered * factor, confidence=confidence) <= errors_at_most

    if errors >= errors_at_most * answered:
        return None
    low, high = 0.0, 1.0
    while not is_enough(high):
        low, high = high, 2 * high
        if high * answered > _MOST_ROWS:
            return None
    while high - low > 0.01 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
