"""Where errors are concentrated: looked for among many conditions on one half, confirmed on the other.

1. halves: rows of one key stay together
2. on the first half: conditions ranked by how unlikely their errors are, the best ones also in pairs
3. of those the ones whose errors better ones do not account for already
4. on the second half: an exact test of each, corrected for how many there are

Always: no error of the second half is looked at before the conditions are fixed. Where errors are independent
of everything, a slice is confirmed with a chance of `1 - confidence` at most.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from smallcraft.evaluate.failures.conditions import Condition
from smallcraft.stats.multiplicity import benjamini_hochberg

_MOST_TESTED = 20
_PAIRED = 10
_LEAST_ROWS = 10
_PROMISING = 0.05
# What most rows meet is no concentration, though a part of it may be.
_LARGEST_SHARE = 0.5


@dataclass(frozen=True)
class FailingSlice:
    """A condition whose errors were confirmed to be more than elsewhere; counts are of the second half.

    Attributes:
        condition: What its rows have in common.
        errors: Wrong rows that meet it.
        met: Rows that meet it.
        p_value: Adjusted for all conditions tested.
    """

    condition: Condition
    errors: int
    met: int
    p_value: float


@dataclass(frozen=True)
class Search:
    """What was tried and what came of it.

    Attributes:
        confirmed: Least likely to be chance first.
        tested: Conditions that were tested on the second half.
        listed: Conditions looked at on the first half, pairs not counted.
        errors: Wrong rows of the second half.
        rows: Rows of the second half.
    """

    confirmed: tuple[FailingSlice, ...]
    tested: int
    listed: int
    errors: int
    rows: int


def find_failures(
    is_wrong: NDArray[np.bool_],
    conditions: Sequence[Condition],
    *,
    clusters: NDArray[np.int64] | None = None,
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> Search:
    """Search one half of the rows, confirm on the other.

    Args:
        is_wrong: `(n,)` bool.
        conditions: Over the same `n` rows.
        clusters: `(n,)` int64, equal for rows that belong together; on the second half one row of each
            counts, drawn at random.
        confidence: Of no false slice where errors are independent of everything.
        rng: Deals the halves.
    """
    searched, confirming = _halves(len(is_wrong), clusters, rng)  # (1)
    promising = _promising(is_wrong[searched], conditions, searched)  # (2), (3)
    wrong = is_wrong[confirming]
    met = [condition.rows[confirming] for condition in promising]
    p_values = [excess_p_value(wrong, rows) for rows in met]  # (4)
    adjusted = benjamini_hochberg(p_values) if p_values else np.empty(0)
    found = [
        FailingSlice(condition, int(wrong[rows].sum()), int(rows.sum()), float(p_value))
        for condition, rows, p_value in zip(promising, met, adjusted, strict=True)
        if p_value <= 1 - confidence
    ]
    found.sort(key=lambda failing: (failing.p_value, -failing.errors / failing.met))
    return Search(tuple(found), len(promising), len(conditions), int(wrong.sum()), len(wrong))


def excess_p_value(is_wrong: NDArray[np.bool_], rows: NDArray[np.bool_]) -> float:
    """Chance that rows drawn blindly hold as many errors as these, or more (Fisher's exact test, one-sided).

    >>> excess_p_value(np.array([True, True, False, False]), np.array([True, True, False, False]))
    0.16666666666666666
    """
    errors, met = int((is_wrong & rows).sum()), int(rows.sum())
    return float(scipy.stats.hypergeom.sf(errors - 1, len(is_wrong), int(is_wrong.sum()), met))


def _halves(
    n: int, clusters: NDArray[np.int64] | None, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if clusters is None:
        order = rng.permutation(n)
        return np.sort(order[: n // 2]), np.sort(order[n // 2 :])
    shuffled = rng.permutation(n)
    _, first, groups = np.unique(clusters[shuffled], return_index=True, return_inverse=True)
    is_searched = rng.permutation(len(first)) < len(first) // 2
    return np.sort(shuffled[is_searched[groups]]), np.sort(shuffled[first[~is_searched]])


def _promising(
    is_wrong: NDArray[np.bool_], conditions: Sequence[Condition], half: NDArray[np.int64]
) -> list[Condition]:
    singles = _rank(is_wrong, conditions, half)
    # By name, so that a pair is called the same whichever of the two ranks first.
    best = sorted(singles[:_PAIRED], key=lambda condition: condition.name)
    pairs = [
        pair
        for one, other in itertools.combinations(best, 2)
        if _is_worse_than_parts(is_wrong, pair := one.and_also(other), (one, other), half)
    ]
    kept: list[Condition] = []
    outside = np.ones(len(half), dtype=np.bool_)
    for condition in _rank(is_wrong, (*singles, *pairs), half):
        if condition.rows[half].mean() > _LARGEST_SHARE:
            continue
        rest = condition.rows[half][outside]
        if rest.sum() >= _LEAST_ROWS and excess_p_value(is_wrong[outside], rest) <= _PROMISING:
            kept.append(condition)
            outside &= ~condition.rows[half]
    return kept[:_MOST_TESTED]


def _rank(
    is_wrong: NDArray[np.bool_], conditions: Sequence[Condition], half: NDArray[np.int64]
) -> list[Condition]:
    """Those with an excess of errors on the half that a single test would call unlikely, worst first."""
    if not conditions:
        return []
    masks = np.stack([condition.rows[half] for condition in conditions])
    met, errors = masks.sum(axis=1), masks @ is_wrong.astype(np.int64)
    chances = scipy.stats.hypergeom.sf(errors - 1, len(half), int(is_wrong.sum()), met)
    # More conditions may pass than can be tested; on a tie the first one listed stands first.
    order = np.argsort(chances, kind="stable")
    return [
        conditions[place]
        for place in order.tolist()
        if chances[place] <= _PROMISING and met[place] >= _LEAST_ROWS
    ]


def _is_worse_than_parts(
    is_wrong: NDArray[np.bool_],
    pair: Condition,
    parts: tuple[Condition, Condition],
    half: NDArray[np.int64],
) -> bool:
    if int(pair.rows[half].sum()) < _LEAST_ROWS:
        return False
    share = is_wrong[pair.rows[half]].mean()
    return all(share > is_wrong[part.rows[half]].mean() for part in parts)
