"""Where the errors are: slices found on one half of dev, verified on the other, named on the pool.

Conditions are over the dev rows and the pool together, so that a slice found on dev names rows to ask about.
To those of `evaluate.failures.conditions` come clusters of rows alike in meaning and in how unsure the model
was.
Always: a slice that the other half did not confirm (Benjamini-Hochberg) is not returned; no condition looks
at the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.failures.concentration import find_failures
from smallcraft.evaluate.failures.conditions import Condition
from smallcraft.label.pool import NO_SLICE
from smallcraft.stats.intervals import exact_lower_bound

FALSE_SHARE = 0.1
_ROUNDS = 20
_UNSURE_WEIGHT = 0.5


@dataclass(frozen=True)
class LabelSlice:
    """A verified slice.

    Attributes:
        name: `word=refund & predicted=billing`.
        words: The same for a sentence.
        errors: Wrong rows of the confirming half that meet it.
        met: Rows of the confirming half that meet it.
        q_value: Adjusted for all that were tested.
        weight: How many times as often its rows are wrong, at least (90 % lower bound over the rate of all);
            never below 1.
        rows: `(m,)` int64 positions in the pool.
    """

    name: str
    words: str
    errors: int
    met: int
    q_value: float
    weight: float
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class SliceSearch:
    """Verified slices, least likely to be chance first, and how many were tried."""

    found: tuple[LabelSlice, ...]
    tested: int
    listed: int

    def names(self, n: int) -> tuple[str, ...]:
        """For each of `n` rows of the pool the first slice it is in; empty for none."""
        names = [NO_SLICE] * n
        for one in reversed(self.found):
            for row in one.rows.tolist():
                names[row] = one.name
        return tuple(names)

    def weights(self, n: int) -> NDArray[np.float64]:
        """`(n,)` float64: the largest weight of the slices that a row of the pool is in, else 1."""
        weights = np.ones(n)
        for one in self.found:
            weights[one.rows] = np.maximum(weights[one.rows], one.weight)
        return weights


def find_slices(
    is_wrong: NDArray[np.bool_],
    conditions: Sequence[Condition],
    *,
    clusters: NDArray[np.int64] | None = None,
    rng: np.random.Generator,
) -> SliceSearch:
    """Search one half of the dev rows, verify on the other, and name the pool's rows.

    Args:
        is_wrong: `(d,)` bool over the dev rows.
        conditions: Over the dev rows first and the pool's rows after them.
        clusters: `(d,)` int64, equal for dev rows that belong together.
        rng: Deals the halves.

    Raises:
        InvalidInputError: A condition is shorter than the dev rows.
    """
    dev = len(is_wrong)
    for condition in conditions:
        if len(condition.rows) < dev:
            raise InvalidInputError(
                f"conditions stand over the {dev:,} dev rows and the pool after them, '{condition.name}' "
                f"has {len(condition.rows):,}; list them over both together"
            )
    search = find_failures(is_wrong, conditions, clusters=clusters, confidence=1 - FALSE_SHARE, rng=rng)
    usual = search.errors / search.rows if search.rows else 0.0
    found = tuple(
        LabelSlice(
            name=one.condition.name,
            words=one.condition.words,
            errors=one.errors,
            met=one.met,
            q_value=one.p_value,
            weight=max(1.0, exact_lower_bound(one.errors, one.met, confidence=0.9) / usual) if usual else 1.0,
            rows=np.flatnonzero(one.condition.rows[dev:]).astype(np.int64),
        )
        for one in search.confirmed
    )
    return SliceSearch(found, search.tested, search.listed)


def cluster_conditions(
    vectors: NDArray[np.float32],
    unsure: NDArray[np.float64],
    *,
    k: int,
    examples: Sequence[str],
    rng: np.random.Generator,
) -> tuple[Condition, ...]:
    """Clusters of rows alike in meaning and in how unsure the model was of them, as conditions.

    Args:
        vectors: `(n, width)` of dev rows and pool together.
        unsure: `(n,)` float64, one minus the probability of the model's answer: what makes clusters follow
            the errors without a look at the truth.
        k: How many at most.
        examples: `n` texts; a cluster is called by the one nearest its middle.
        rng: Draws the first middles.

    Source:
        Sohoni et al. (2020), No subclass left behind; Eyuboglu et al. (2022), Domino.
    """
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    spread = float(unsure.std()) or 1.0
    points = np.column_stack([vectors / lengths, _UNSURE_WEIGHT * (unsure - unsure.mean()) / spread])
    middles = points[rng.permutation(len(points))[:k]]
    nearest = np.zeros(len(points), dtype=np.int64)
    for _ in range(_ROUNDS):
        distance = (middles**2).sum(axis=1) - 2 * points @ middles.T
        moved = distance.argmin(axis=1)
        if np.array_equal(moved, nearest):
            break
        nearest = moved
        sizes = np.bincount(nearest, minlength=len(middles))
        for place in np.flatnonzero(sizes).tolist():
            middles[place] = points[nearest == place].mean(axis=0)
    found = []
    for place in np.unique(nearest).tolist():
        rows = nearest == place
        inside = np.flatnonzero(rows)
        middle = inside[((points[inside] - middles[place]) ** 2).sum(axis=1).argmin()]
        found.append(Condition(f"cluster={place}", f"like '{examples[middle]}'", rows))
    return tuple(found)
