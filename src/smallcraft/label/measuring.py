"""What a batch bought: a model trained with it and without, on the same seeds, asked of frozen rows.

The trainer comes in as a function, so no model is known here.
Always: a delta is after minus before on the same frozen rows and seeds; its interval holds for other rows
(Tango's score interval) and other seeds (Student's t over the seeds' deltas), added as independent errors
add.
Not covered: frozen rows whose truth is itself wrong.
Source: Tango (1998), Statistics in Medicine 17:891-908; Newcombe (1998), ibid. 17:873-890, for the arms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.comparisons import paired_share_interval
from smallcraft.stats.intervals import newcombe_interval, two_sided_tail

Trainer = Callable[[NDArray[np.int64], int], NDArray[np.int64]]
"""Labels of the training rows (`(n,)` codes, -1: leave out) and a seed in; codes of the frozen rows out."""


@dataclass(frozen=True)
class Delta:
    """A gain in accuracy.

    Attributes:
        name: `all`, or a slice's.
        before: Accuracy without the batch, mean over seeds.
        after: With it.
        interval: Of `after - before`.
        of_seed: The difference for each seed.
        n: Frozen rows.
    """

    name: str
    before: float
    after: float
    interval: Interval
    of_seed: tuple[float, ...]
    n: int

    @property
    def value(self) -> float:
        """After minus before."""
        return self.after - self.before


@dataclass(frozen=True)
class Bought:
    """What a batch bought: on all frozen rows, and on each slice."""

    overall: Delta
    slices: tuple[Delta, ...]


@dataclass(frozen=True)
class ArmRates:
    """Labels repaired by a vote: the targeted arm, the random arm, and their difference.

    Attributes:
        targeted: Share of the targeted arm's rows whose label was changed; None without rows.
        random: The same of the random arm.
        difference: Targeted minus random; None where one of them has no rows.
    """

    targeted: float | None
    random: float | None
    difference: Interval | None


def measure_batch(
    train: Trainer,
    *,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    truth: NDArray[np.int64],
    seeds: Sequence[int],
    slices: Mapping[str, NDArray[np.bool_]] | None = None,
    level: float = 0.95,
) -> Bought:
    """Train twice a seed and compare on the frozen rows.

    Args:
        train: The trainer.
        before: `(n,)` int64 labels of the training rows without the batch, -1 for none.
        after: The same with it; for targeted against random, that of the other batch stands in `before`.
        truth: `(m,)` int64 codes of the frozen rows, adjudicated.
        seeds: One or more, used for both.
        slices: Name to `(m,)` bool.
        level: Of the intervals, in (0, 1).

    Raises:
        InvalidInputError: No seed, no frozen row, or a trainer that answers for other rows.
    """
    if not len(seeds) or not len(truth):
        raise InvalidInputError(
            f"a batch is measured on one seed and one frozen row at least, got {len(seeds)} and "
            f"{len(truth)}; keep adjudicated rows out of training"
        )
    if len(before) != len(after):
        raise InvalidInputError(
            f"labels before and after are of the same rows, got {len(before):,} and {len(after):,}; mark a "
            "row that was not there with -1"
        )
    was = np.stack([_right(train, before, truth, seed) for seed in seeds])
    now = np.stack([_right(train, after, truth, seed) for seed in seeds])
    everything = np.ones(len(truth), dtype=np.bool_)
    parts = {name: rows for name, rows in (slices or {}).items() if rows.any()}
    return Bought(
        paired_delta(was, now, name="all", rows=everything, level=level),
        tuple(paired_delta(was, now, name=name, rows=rows, level=level) for name, rows in parts.items()),
    )


def paired_delta(
    was: NDArray[np.bool_], now: NDArray[np.bool_], *, name: str, rows: NDArray[np.bool_], level: float = 0.95
) -> Delta:
    """The gain on some rows, from which of them were right.

    Args:
        was: `(seeds, m)` bool, right without the batch.
        now: The same with it.
        name: What the rows are called.
        rows: `(m,)` bool, at least one.
        level: Of the interval.

    >>> was, now = np.array([[True, False, False]]), np.array([[True, True, False]])
    >>> round(paired_delta(was, now, name="all", rows=np.ones(3, bool)).value, 3)
    0.333
    """
    first, second = was[:, rows], now[:, rows]
    seeds, n = first.shape
    of_seed = second.mean(axis=1) - first.mean(axis=1)
    won, lost = float((second & ~first).sum() / seeds), float((first & ~second).sum() / seeds)
    value = float(of_seed.mean())
    by_rows = paired_share_interval(won, lost, n, level=level)
    by_seeds = 0.0
    if seeds > 1:
        reach = float(special.stdtrit(seeds - 1, two_sided_tail(level)))
        by_seeds = reach * float(of_seed.std(ddof=1)) / math.sqrt(seeds)
    low = value - math.hypot(value - by_rows.low, by_seeds)
    high = value + math.hypot(by_rows.high - value, by_seeds)
    return Delta(
        name,
        float(first.mean()),
        float(second.mean()),
        Interval(max(-1.0, low), min(1.0, high)),
        tuple(of_seed.tolist()),
        n,
    )


def compare_arms(
    *, targeted_changed: int, targeted_rows: int, random_changed: int, random_rows: int, level: float = 0.95
) -> ArmRates:
    """Labels repaired by a vote, targeted against random.

    Args:
        targeted_changed: Rows of the targeted arm whose label changed.
        targeted_rows: Rows of it that were answered.
        random_changed: The same of the random arm.
        random_rows: The same.
        level: Of the interval.

    >>> compare_arms(targeted_changed=6, targeted_rows=10, random_changed=0, random_rows=0).difference is None
    True
    """
    targeted = targeted_changed / targeted_rows if targeted_rows else None
    random = random_changed / random_rows if random_rows else None
    if targeted is None or random is None:
        return ArmRates(targeted, random, None)
    difference = newcombe_interval(targeted_changed, targeted_rows, random_changed, random_rows, level=level)
    return ArmRates(targeted, random, difference)


def cost_of_a_repair(cost: float, repaired: float) -> float | None:
    """What one repaired label cost; None where none was repaired.

    >>> cost_of_a_repair(200, 50), cost_of_a_repair(200, 0)
    (4.0, None)
    """
    return cost / repaired if repaired > 0 else None


def slope_of(gained: Delta, repaired: int) -> float | None:
    """Accuracy gained by one repaired label; None where none was repaired.

    >>> slope_of(Delta("all", 0.8, 0.9, Interval(0.05, 0.15), (0.1,), 100), 50)
    0.002
    """
    return round(gained.value, 12) / repaired if repaired > 0 else None


def _right(
    train: Trainer, labels: NDArray[np.int64], truth: NDArray[np.int64], seed: int
) -> NDArray[np.bool_]:
    answered = train(labels, seed)
    if answered.shape != truth.shape:
        raise InvalidInputError(
            f"a trainer answers for each frozen row ({len(truth):,}), got {answered.shape}; pass the same "
            "rows"
        )
    return np.asarray(answered == truth)
