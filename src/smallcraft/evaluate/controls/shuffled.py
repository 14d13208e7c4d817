"""The shuffled-label control: a recipe that is taught nonsense must answer like chance.

Labels are dealt so that each true class gets every label in its overall share. A plain shuffle would give a
class that is told apart easily some label more often by luck, and the recipe would be right or wrong about
the whole class at once.
Always: as many rows carry each label as before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Interval
from smallcraft.stats.intervals import effective_rows, share_interval

MOST_TRIES = 5


@dataclass(frozen=True)
class Control:
    """What a recipe that was taught nonsense got right.

    Attributes:
        accuracies: One a try.
        hits: Right rows of the last try, the lowest; fractional where rows of one key count as less.
        trials: Rows, or as many as they count for.
        interval: Of its accuracy.
        best_constant: What the best constant answer gets right.
        expected: What answers with these shares get right when they are blind to the rows.
    """

    accuracies: tuple[float, ...]
    hits: float
    trials: float
    interval: Interval
    best_constant: float
    expected: float

    @property
    def is_chance(self) -> bool:
        """Not shown to be better than the best constant answer."""
        return self.interval.low <= self.best_constant


def deal_labels(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Labels at random, within each true class in their overall shares (to a row or so).

    Args:
        labels: `(n,)` int64 codes.
        rng: Deals.

    Returns:
        `(n,)` int64, the same labels in another order.
    """
    codes, counts = np.unique(labels, return_counts=True)
    # Each label at even distances over all rows, classes side by side: every class meets each in its share.
    places = [(np.arange(count) + rng.random()) / count for count in counts]
    spread = np.repeat(codes, counts)[np.argsort(np.concatenate(places), kind="stable")]
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    dealt = np.empty_like(labels)
    start = 0
    for count in counts:
        dealt[by_class[start : start + count]] = rng.permutation(spread[start : start + count])
        start += count
    return dealt


def run_control(
    answer_of_try: Callable[[int], NDArray[np.int64]],
    truth: NDArray[np.int64],
    *,
    level: float,
    clusters: NDArray[np.int64] | None = None,
) -> Control:
    """Teach nonsense again and again, until it comes to nothing or `MOST_TRIES` tries did not.

    A single try may be above chance by luck (columns that tell two classes apart, and nothing else, give one
    lucky or unlucky answer for each); a recipe that sees labels it should not is above chance every time.

    Args:
        answer_of_try: From the number of a try to `(n,)` codes answered.
        truth: `(n,)` codes, at least one row.
        level: Coverage of the interval.
        clusters: `(n,)` int64, equal for rows that belong together.
    """
    best_constant = float(np.bincount(truth).max() / len(truth))
    accuracies: list[float] = []
    lowest: Control | None = None
    for number in range(MOST_TRIES):
        answers = answer_of_try(number)
        right = answers == truth
        accuracies.append(float(right.mean()))
        if lowest is None or accuracies[-1] == min(accuracies):
            trials = float(len(right)) if clusters is None else effective_rows(right, clusters, level=level)
            lowest = Control(
                (),
                accuracies[-1] * trials,
                trials,
                share_interval(right, level=level, clusters=clusters),
                best_constant,
                _expected(answers, truth),
            )
        if lowest.is_chance:
            break
    assert lowest is not None
    return Control(
        tuple(accuracies), lowest.hits, lowest.trials, lowest.interval, best_constant, lowest.expected
    )


def _expected(answers: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Mean accuracy when the answers are dealt to the rows at random."""
    k = int(max(answers.max(), truth.max())) + 1
    return float(np.bincount(answers, minlength=k) @ np.bincount(truth, minlength=k) / len(truth) ** 2)
