"""How far annotators agree: pairwise disagreement, Krippendorff's alpha, unanimity; ambiguity or error.

Only items with two votes or more say anything. Intervals resample items.
Always: ambiguity and worker error add up to the disagreement; alpha is None where every vote is the same
label, since chance alone would agree then too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Interval
from smallcraft.stats.intervals import require_fraction, two_sided_tail

REPLICATES = 1000
# Items are resampled in so many random blocks at most: the spread of sums stays the same.
BLOCKS = 1000


@dataclass(frozen=True)
class Estimate:
    """A number and its interval; both None where it has no meaning."""

    value: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Agreement:
    """How far annotators agree.

    Attributes:
        disagreement: Chance that two votes on one item differ, averaged over items.
        alpha: Krippendorff's, for labels without an order: 1 is perfect, 0 is chance.
        unanimous: Share of items whose votes are all the same.
        ambiguity: Part of `disagreement` on items whose truth the votes leave open; None without posteriors.
        worker_error: The other part: somebody slipped on an item that is clear.
        items: Items with two votes or more.
        votes: Votes on them.
    """

    disagreement: Estimate
    alpha: Estimate
    unanimous: Estimate
    ambiguity: Estimate
    worker_error: Estimate
    items: int
    votes: int


def count_votes(starts: NDArray[np.int64], label: NDArray[np.int32], k: int) -> NDArray[np.int64]:
    """`(n, k)` int64 votes of each item for each class."""
    n = len(starts) - 1
    items = np.repeat(np.arange(n), np.diff(starts))
    return np.bincount(items * k + label, minlength=n * k).reshape(n, k).astype(np.int64)


def pair_disagreement(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """`(n,)` float64: share of an item's pairs of votes that differ; NaN with fewer than two votes.

    >>> pair_disagreement(np.array([[3, 0], [2, 1], [1, 0]])).round(3).tolist()
    [0.0, 0.667, nan]
    """
    n = counts.sum(axis=1)
    pairs = np.where(n >= 2, n * (n - 1), 1)
    differing = n * n - (counts * counts).sum(axis=1)
    return np.where(n >= 2, differing / pairs, np.nan)


def openness(posterior: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """`(n,)` float64 in [0, 1]: how far an item is undecided between the labels it got.

    The entropy of its posterior as a part of that of a toss between those labels.

    Args:
        posterior: `(n, k)` float64 given the votes and how each annotator errs.
        counts: `(n, k)` votes.

    >>> openness(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[1, 1], [2, 1]])).tolist()
    [1.0, 0.0]
    """
    safe = np.maximum(posterior, 1e-300)
    entropy = (posterior * -np.log(safe)).sum(axis=1)
    labels = np.maximum((counts > 0).sum(axis=1), 2)
    return np.asarray(np.clip(entropy / np.log(labels), 0.0, 1.0))


def measure_agreement(
    counts: NDArray[np.int64],
    *,
    posterior: NDArray[np.float64] | None = None,
    level: float = 0.95,
    rng: np.random.Generator,
) -> Agreement:
    """All of it, with percentile intervals over resampled items.

    Args:
        counts: `(n, k)` int64 votes of each item for each class.
        posterior: `(n, k)` float64; splits the disagreement. None leaves that unmeasured.
        level: Of the intervals, a fraction in (0, 1).
        rng: Source of the samples.

    Source:
        Krippendorff (2011), Computing Krippendorff's alpha-reliability; Hayes and Krippendorff (2007) for
        the bootstrap, here over items.

    >>> counts = np.array([[2, 0], [2, 0], [0, 2], [1, 1]])
    >>> round(measure_agreement(counts, rng=np.random.default_rng(0)).alpha.value, 3)
    0.533
    """
    require_fraction(level, "level")
    rows = item_sums(counts, posterior)
    return agreement_of_sums(_block_sums(rows, rng), level=level, rng=rng)


def item_sums(counts: NDArray[np.int64], posterior: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """What agreement is made of, for each item with two votes or more: rows add up over any set of items.

    Args:
        counts: `(n, k)` int64 votes of each item for each class.
        posterior: As in `measure_agreement`.

    Returns:
        `(m, 6 + k)` float64: 1, disagreement, unanimity, its two parts, disagreement by vote, votes by class.
    """
    votes = counts.sum(axis=1)
    several = votes >= 2
    kept = counts[several]
    apart = pair_disagreement(kept)
    is_open = np.full(len(kept), np.nan) if posterior is None else openness(posterior[several], kept)
    n = votes[several].astype(np.float64)
    columns = [np.ones(len(kept)), apart, apart == 0, apart * is_open, apart * (1 - is_open), n * apart]
    return np.column_stack([*columns, kept])


def agreement_of_sums(
    sums: NDArray[np.float64], *, level: float = 0.95, rng: np.random.Generator
) -> Agreement:
    """Agreement from sums over blocks of items, each item in one block by chance.

    Args:
        sums: `(blocks, 6 + k)` of `item_sums`; blocks without items may be among them.
        level: Of the intervals, a fraction in (0, 1).
        rng: Resamples blocks.
    """
    sums = sums[sums[:, 0] > 0]
    if not len(sums):
        none = Estimate(None, None)
        return Agreement(none, none, none, none, none, 0, 0)
    weights = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=REPLICATES)
    total = sums.sum(axis=0)
    point, samples = _quantities(total[None]), _quantities(weights @ sums)
    # One item shows no spread.
    found = [
        _estimate(a[0], b if len(sums) > 1 else None, level) for a, b in zip(point, samples, strict=True)
    ]
    disagreement, alpha, unanimous, ambiguity, worker_error = found
    items, votes = round(total[0]), round(total[6:].sum())
    return Agreement(disagreement, alpha, unanimous, ambiguity, worker_error, items, votes)


def _block_sums(rows: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Sums over random blocks of equal size, or the rows themselves where they are few."""
    if len(rows) <= BLOCKS:
        return rows
    block = rng.permutation(len(rows)) % BLOCKS
    columns = [np.bincount(block, weights=column, minlength=BLOCKS) for column in rows.T]
    return np.column_stack(columns)


def _quantities(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Disagreement, alpha, unanimity, ambiguity, worker error, from sums over items."""
    items, apart, same, is_open, slips, weighted = sums[:, :6].T
    labels = sums[:, 6:]
    votes = labels.sum(axis=1)
    by_chance = votes * votes - (labels * labels).sum(axis=1)
    expected = by_chance / np.maximum(votes * (votes - 1), 1)
    observed = weighted / votes
    alpha = np.where(by_chance > 0, 1 - observed / np.where(by_chance > 0, expected, 1), np.nan)
    return apart / items, alpha, same / items, is_open / items, slips / items


def _estimate(value: float, samples: NDArray[np.float64] | None, level: float) -> Estimate:
    if np.isnan(value):
        return Estimate(None, None)
    defined = None if samples is None else samples[~np.isnan(samples)]
    if defined is None or not len(defined):
        return Estimate(float(value), None)
    tail = two_sided_tail(level)
    low, high = np.quantile(defined, [1 - tail, tail])
    return Estimate(float(value), Interval(float(min(low, value)), float(max(high, value))))
