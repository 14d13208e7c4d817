"""Stratified audits: which rows to look at, and the share that they stand for.

Rows are grouped by a score that hints at the answer; a person then looks at a few rows of each group. A bad
hint costs width, never truth: every row has a known chance of being drawn and is weighted by it.
Left to others: what a row is and who looks at it (`data.quality.audit`).
Always: the value is unbiased when the audited rows of each stratum are a random sample of it; bounds lie in
[0, 1], contain the value, agree with what was seen, and meet only when every row was audited.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.comparisons import Difference, paired_share_interval
from smallcraft.stats.intervals import normal_quantile, require_fraction, two_sided_tail, wilson_interval

CUTS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
STRATA = len(CUTS) + 1
DESIGN = f"{STRATA} strata by score, each row weighted by its chance to be drawn"
# What the rest of a stratum says about one class counts as this many of the class's own labels for its value,
# and as one for its interval: classes differ, and how much is not known.
BORROWED_LABELS = 4.0
_TRUSTED_LABELS = 1.0


@dataclass(frozen=True)
class ShareEstimate:
    """A share of all rows, as far as the audited ones tell.

    Attributes:
        n: Audited rows.
        effective_n: Rows that an audit drawn at random would need for an interval of this width; never more
            than there are.
        design: How the rows were drawn and weighted.
    """

    value: float
    low: float
    high: float
    n: int
    effective_n: float
    design: str


@dataclass(frozen=True)
class _Counts:
    """Rows of each stratum with at least one row: all, audited, and audited and right; `(h,)` float64."""

    sizes: NDArray[np.float64]
    seen: NDArray[np.float64]
    right: NDArray[np.float64]

    @property
    def weights(self) -> NDArray[np.float64]:
        return np.asarray(self.sizes / self.sizes.sum())

    @property
    def unseen_share(self) -> NDArray[np.float64]:
        """The finite population correction: 0 where every row was audited."""
        return np.asarray(1 - self.seen / self.sizes)


def stratum_of(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The stratum of each row by its score.

    Args:
        scores: `(n,)` float64 in [0, 1]: the model's probability of the given label.

    Returns:
        `(n,)` int64, 0 for scores below .5 up to 6 for scores of at least .98.

    Raises:
        InvalidInputError: A score is not a number.

    >>> stratum_of(np.array([0.0, 0.5, 0.97, 1.0])).tolist()
    [0, 1, 5, 6]
    """
    if np.isnan(scores).any():
        first = int(np.argmax(np.isnan(scores)))
        raise InvalidInputError(f"scores must be numbers, row {first} has none; leave the row out")
    return np.searchsorted(CUTS, scores, side="right").astype(np.int64)


def allocate(
    sizes: NDArray[np.int64],
    guessed_error_shares: NDArray[np.float64],
    n: int,
    *,
    neyman: float = 0.75,
    least: int = 5,
) -> NDArray[np.int64]:
    """How many rows to draw from each stratum.

    A mix of two plans: `neyman` of the rows where the guess says that looking teaches most (size times
    spread), the rest in proportion to size, so that a wrong guess cannot leave a large stratum unseen.

    Args:
        sizes: `(h,)` int64 rows of each stratum.
        guessed_error_shares: `(h,)` float64 in [0, 1].
        n: Rows to draw, at least one for each stratum that has rows.
        neyman: Share of the plan that follows the guess, in [0, 1].
        least: Rows of each stratum at least, where it has them and `n` allows.

    Returns:
        `(h,)` int64, at most `sizes`; sums to `n`, or to all rows where there are fewer.

    Raises:
        InvalidInputError: Sizes, guesses, `n` or `neyman` are out of range.

    Source:
        Neyman (1934), JRSS 97:558-625.

    >>> allocate(np.array([100, 900]), np.array([0.5, 0.01]), 100).tolist()
    [29, 71]
    """
    filled = int(np.count_nonzero(sizes))
    _check_allocation(sizes, guessed_error_shares, n, neyman=neyman, strata=filled)
    if n >= int(sizes.sum()):
        return np.array(sizes, dtype=np.int64)
    spread = sizes * np.sqrt(guessed_error_shares * (1 - guessed_error_shares))
    proportional = sizes / sizes.sum()
    wanted = (
        neyman * (spread / spread.sum() if spread.sum() > 0 else proportional) + (1 - neyman) * proportional
    )
    wanted = np.maximum(wanted, 1e-12 * proportional)
    lowest = np.minimum(sizes, max(1, min(least, n // filled)))
    return _rounded(_filled(wanted, lowest, sizes, n), n)


def draw_sample(
    strata: NDArray[np.int64], taken: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw rows at random within each stratum, without replacement.

    Args:
        strata: `(n,)` int64 stratum of each row.
        taken: `(h,)` int64 rows to draw from each.
        rng: Source of the draws.

    Returns:
        `(m,)` int64 positions, ascending.

    Raises:
        InvalidInputError: A stratum has fewer rows than are to be drawn.
    """
    drawn = []
    for stratum, count in enumerate(taken.tolist()):
        rows = np.flatnonzero(strata == stratum)
        if count > len(rows):
            raise InvalidInputError(
                f"stratum {stratum} has {len(rows)} rows, got {count} to draw; draw fewer"
            )
        drawn.append(rng.choice(rows, size=count, replace=False))
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def estimate_share(
    is_right: NDArray[np.bool_],
    strata_of_sample: NDArray[np.int64],
    stratum_sizes: NDArray[np.int64],
    *,
    confidence: float = 0.95,
) -> ShareEstimate:
    """The share of right rows among all rows, from those audited.

    The value is Horvitz-Thompson's: the strata's shares weighted by their sizes. A stratum in which all was
    right may still hold errors, so its variance is taken after adding labels of each kind: half a one in
    every stratum (Jeffreys), or one spread over the strata by size, whichever leaves more doubt. (Jeffreys'
    alone covers only 88 % where errors are rare and the score says nothing.) Strata audited in full add none.
    The interval is Wilson's for as many rows as a random sample of that variance would have.

    Args:
        is_right: `(m,)` bool, one an audited row.
        strata_of_sample: `(m,)` int64.
        stratum_sizes: `(h,)` int64 rows of each stratum, audited or not.
        confidence: Coverage as a fraction in (0, 1).

    Raises:
        InvalidInputError: A stratum that has rows was not audited at all, or has fewer rows than audited.

    Source:
        Horvitz and Thompson (1952), JASA 47:663-685; Wilson (1927), JASA 22:209-212.

    >>> few = estimate_share(np.array([True] * 9 + [False]), np.zeros(10, np.int64), np.array([1000]))
    >>> round(few.value, 2), round(few.low, 2), round(few.high, 2)
    (0.9, 0.6, 0.98)
    """
    require_fraction(confidence, "confidence")
    counts = _counted(is_right, strata_of_sample, stratum_sizes)
    value = float(counts.weights @ (counts.right / counts.seen))
    interval = _interval(counts, value, confidence)
    rows, right = float(counts.sizes.sum()), float(counts.right.sum())
    low = min(value, max(interval.low, right / rows))
    high = max(value, min(interval.high, (rows - len(is_right) + right) / rows))
    effective = _random_rows(value, (high - low) / 2, confidence)
    return ShareEstimate(value, low, high, len(is_right), min(effective, rows), DESIGN)


def estimate_by_class(
    is_right: NDArray[np.bool_],
    strata_of_sample: NDArray[np.int64],
    class_of_sample: NDArray[np.int64],
    class_sizes: NDArray[np.int64],
    *,
    confidence: float = 0.95,
) -> tuple[ShareEstimate | None, ...]:
    """The share of right rows in each class, drawn toward the whole where the class was little audited.

    The rule: in each stratum the class's own labels are joined by `BORROWED_LABELS` labels that split as the
    whole stratum's do; audited rows count as seen, the others as that mix predicts. A class unlike the others
    at every score is drawn too far while it has few labels, and its interval may miss.

    Args:
        is_right: `(m,)` bool, one an audited row.
        strata_of_sample: `(m,)` int64.
        class_of_sample: `(m,)` int64 codes; -1 for none.
        class_sizes: `(k, h)` int64 rows of each class in each stratum, audited or not.
        confidence: Coverage as a fraction in (0, 1), meant on average over classes.

    Returns:
        One a class; None where no row of the class was audited.

    Raises:
        InvalidInputError: More rows of a class were audited than it has.
    """
    require_fraction(confidence, "confidence")
    classes, strata = class_sizes.shape
    seen = _tally(class_of_sample, strata_of_sample, (classes, strata))
    right = _tally(class_of_sample[is_right], strata_of_sample[is_right], (classes, strata))
    if np.any(seen > class_sizes):
        worst = int(np.argmax((seen - class_sizes).max(axis=1)))
        raise InvalidInputError(f"more rows of class {worst} were audited than it has; draw the audit anew")
    whole = _whole_shares(is_right, strata_of_sample, strata)
    return tuple(
        _class_share(_Counts(class_sizes[code].astype(float), seen[code], right[code]), whole, confidence)
        if seen[code].any()
        else None
        for code in range(classes)
    )


def estimate_difference(
    was_right: NDArray[np.bool_],
    is_right: NDArray[np.bool_],
    strata_of_sample: NDArray[np.int64],
    stratum_sizes: NDArray[np.int64],
    *,
    confidence: float = 0.95,
) -> Difference:
    """By how much the share of right rows grew, from the same audited rows judged twice.

    The shares of rows won and lost are Horvitz-Thompson's; the interval is Tango's for as many rows as a
    random sample of that variance would have.

    Args:
        was_right: `(m,)` bool, before.
        is_right: `(m,)` bool, after.
        strata_of_sample: `(m,)` int64.
        stratum_sizes: `(h,)` int64 rows of each stratum, audited or not; checked as in `estimate_share`.
        confidence: Coverage as a fraction in (0, 1).
    """
    won = _counted(is_right & ~was_right, strata_of_sample, stratum_sizes)
    lost = _counted(was_right & ~is_right, strata_of_sample, stratum_sizes).right
    weights, seen = won.weights, won.seen
    gained, dropped = float(weights @ (won.right / seen)), float(weights @ (lost / seen))
    if not won.unseen_share.any():
        return Difference(gained - dropped, Interval(gained - dropped, gained - dropped))
    padded = seen + 2 * weights
    up, down = (won.right + weights) / padded, (lost + weights) / padded
    variance = float(np.sum(weights**2 * (up + down - (up - down) ** 2) / seen * won.unseen_share))
    plain_up, plain_down = float(weights @ up), float(weights @ down)
    trials = (plain_up + plain_down - (plain_up - plain_down) ** 2) / variance
    interval = paired_share_interval(gained * trials, dropped * trials, trials, level=confidence)
    return Difference(gained - dropped, interval)


def _check_allocation(
    sizes: NDArray[np.int64], guesses: NDArray[np.float64], n: int, *, neyman: float, strata: int
) -> None:
    if strata == 0 or np.any(sizes < 0):
        raise InvalidInputError("an audit needs rows to draw from, got none; load the table first")
    if not np.all((guesses >= 0) & (guesses <= 1)) or not 0 <= neyman <= 1:
        raise InvalidInputError(
            f"guesses and neyman must be in [0, 1], got {guesses.tolist()} and {neyman:g}"
        )
    if n < strata and n < int(sizes.sum()):
        raise InvalidInputError(
            f"an audit needs at least one row of each of the {strata} strata, got {n}; 120 rows are usual"
        )


def _filled(
    wanted: NDArray[np.float64], lowest: NDArray[np.int64], highest: NDArray[np.int64], n: int
) -> NDArray[np.float64]:
    """Scale `wanted` so that, cut at the bounds, it sums to n; the sum grows with the scale."""
    low, high = 0.0, float(highest.max() / wanted[highest > 0].min())
    for _ in range(200):
        middle = (low + high) / 2
        if float(np.clip(middle * wanted, lowest, highest).sum()) < n:
            low = middle
        else:
            high = middle
    return np.asarray(np.clip(high * wanted, lowest, highest), dtype=np.float64)


def _rounded(shares: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Whole rows that sum to n: the largest remainders are rounded up, the first on a tie."""
    floors = np.floor(shares + 1e-9).astype(np.int64)
    floors[np.argsort(-(shares - floors), kind="stable")[: n - int(floors.sum())]] += 1
    return floors


def _counted(
    hits: NDArray[np.bool_], strata_of_sample: NDArray[np.int64], stratum_sizes: NDArray[np.int64]
) -> _Counts:
    strata = len(stratum_sizes)
    seen = np.bincount(strata_of_sample, minlength=strata)
    if len(seen) > strata or np.any(seen > stratum_sizes):
        raise InvalidInputError(
            f"more rows were audited than there are: {seen.tolist()} of {stratum_sizes.tolist()}; "
            "give the sizes of the strata that the audit was drawn from"
        )
    unseen = np.flatnonzero((stratum_sizes > 0) & (seen == 0))
    if len(unseen) or not len(hits):
        rows = int(stratum_sizes[unseen].sum())
        raise InvalidInputError(
            f"{rows:,} rows lie in strata of which none was audited; audit at least one row of each"
        )
    right = np.bincount(strata_of_sample, weights=hits, minlength=strata)
    filled = stratum_sizes > 0
    return _Counts(*(part[filled].astype(np.float64) for part in (stratum_sizes, seen, right)))


def _interval(counts: _Counts, value: float, confidence: float) -> Interval:
    if not counts.unseen_share.any():
        return Interval(value, value)
    halves = np.full(len(counts.sizes), 0.5)
    trials = min(_random_sample(counts, halves), _random_sample(counts, counts.weights))
    return wilson_interval(min(1.0, value) * trials, trials, level=confidence)


def _random_sample(counts: _Counts, added: NDArray[np.float64]) -> float:
    """Rows of a random sample with the variance of this one, `added` labels of each kind a stratum."""
    weights, unseen = counts.weights, counts.unseen_share
    padded = (counts.right + added) / (counts.seen + 2 * added)
    variance = float(np.sum(weights**2 * padded * (1 - padded) / counts.seen * unseen))
    expected = float(weights @ np.where(unseen > 0, padded, counts.right / counts.seen))
    return expected * (1 - expected) / variance


def _random_rows(value: float, half_width: float, confidence: float) -> float:
    """The n for which Wilson's interval around this value has this half width."""
    if half_width <= 0:
        return math.inf
    squared = normal_quantile(two_sided_tail(confidence)) ** 2
    a = squared**2 * (0.25 - half_width**2)
    b = squared * (value * (1 - value) - 2 * half_width**2)
    # a quadratic in 1 / n; no sample is as wide as [0, 1]
    return 0.0 if a <= 0 else (b + math.sqrt(b * b + 4 * a * half_width**2)) / (2 * half_width**2)


def _tally(
    codes: NDArray[np.int64], strata: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.float64]:
    known = codes >= 0
    table = np.zeros(shape, dtype=np.float64)
    np.add.at(table, (codes[known], strata[known]), 1.0)
    return table


def _whole_shares(
    is_right: NDArray[np.bool_], strata_of_sample: NDArray[np.int64], strata: int
) -> NDArray[np.float64]:
    """Inside (0, 1) by Jeffreys' half a label; even odds where none was audited."""
    seen = np.bincount(strata_of_sample, minlength=strata)
    right = np.bincount(strata_of_sample, weights=is_right, minlength=strata)
    return np.asarray((right + 0.5) / (seen + 1), dtype=np.float64)


def _class_share(counts: _Counts, whole: NDArray[np.float64], confidence: float) -> ShareEstimate:
    """What was seen, and a beta-binomial prediction of the rest (Gelman et al. 2013, section 2.4)."""
    rows = float(counts.sizes.sum())
    shares = (counts.right + BORROWED_LABELS * whole) / (counts.seen + BORROWED_LABELS)
    evidence = counts.seen + _TRUSTED_LABELS
    left = counts.sizes - counts.seen
    value = float((counts.right + left * shares).sum()) / rows
    variance = float(np.sum(left * shares * (1 - shares) * (evidence + left) / (evidence + 1))) / rows**2
    n = int(counts.seen.sum())
    if variance == 0:
        return ShareEstimate(value, value, value, n, rows, DESIGN)
    trials = value * (1 - value) / variance
    interval = wilson_interval(value * trials, trials, level=confidence)
    effective = _random_rows(value, (interval.high - interval.low) / 2, confidence)
    return ShareEstimate(value, interval.low, interval.high, n, min(effective, rows), DESIGN)
