"""What the past lets one expect of the next number of a stream, and by how much it was missed.

Numbers of one season bucket are centred and scaled by their own past (median and median deviation); what is
left may hang on the number before, or on the ground that the numbers before it stood on, by a share that is
fitted on the past too. The miss is what remains: for numbers that are independent, or follow the season, or
wander about a level, or show such a level through noise, misses are near enough to exchangeable, where the
numbers themselves are not.
Always: a forecast never sees the number it is for; one wild number moves it little.
Left to others: remembering (`stats.sequences.window_streams`), ranking (`stats.sequences.conformal`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A median deviation is this part of a normal standard deviation, a mean one that part.
_MEDIAN_PART, _MEAN_PART = 0.6744897501960817, 0.7978845608028654
# Numbers further out than this count as if they stood here for what they tell of the next.
_FARTHEST = 5.0
# Pairs' worth of belief that a number does not hang on the one before.
_BELIEF = 2.0
_STRONGEST = 0.98
# Pairs more that a standard error of the share is taken to stand on, so that the first few decide nothing.
_STEADY = 8.0
# A share that is not this many standard errors above 0 is taken for none; a clear one is raised by as many.
_CLEAR = 1.0
# How much of the way to each number the ground goes, and what of a number's variance it then has by chance.
_FOLLOWS = 0.25
_GROUND_PART = _FOLLOWS / (2 - _FOLLOWS)
# Of the ground more is asked: where it is followed without need a shift is taken for it.
_CLEAR_GROUND = 3.0
_LEAST = 1e-9
# How much of a sum of scores stays from window to window when its swings are measured.
_STAYS = 0.95
_CALM = 1 / (1 - _STAYS**2)
# Scores' worth of belief that they do not swing.
_BELIEF_IN_CALM = 20
# Swings that are not this many standard errors beyond calm are taken for calm; clear ones are raised by one.
_CLEAR_SWING = 0.5


@dataclass(frozen=True)
class Scale:
    """Where a bucket's numbers lie, arrays `(...,)`; NaN where none are known.

    Attributes:
        centre: Median.
        spread: Standard deviation that a normal law of the same median deviation has; never 0.
        is_still: Bool, whether more than half of them are equal: a rare one among them tells nothing of the
            next, and its distance is none to forecast by.
    """

    centre: Floats
    spread: Floats
    is_still: NDArray[np.bool_]


def scale_of(pool: Floats) -> Scale:
    """Centre and spread of past numbers.

    Args:
        pool: `(..., k)`; NaN stands for none.

    Returns:
        The mean deviation stands in where more than half are equal, and 1 where all are.

    >>> scale = scale_of(np.array([1.0, 2.0, 3.0, 1e9, np.nan]))
    >>> scale.centre.item(), round(scale.spread.item(), 4)
    (2.5, 1.4826)
    """
    centre = _median(pool)
    away = np.abs(pool - centre[..., None])
    middle = _median(away) / _MEDIAN_PART
    known = np.maximum(np.count_nonzero(~np.isnan(pool), axis=-1), 1)
    mean = np.nansum(away, axis=-1) / known / _MEAN_PART
    spread = np.where(middle > 0, middle, np.where(mean > 0, mean, 1.0))
    return Scale(centre, np.where(np.isnan(centre), np.nan, spread), middle == 0)


@dataclass(frozen=True)
class Hang:
    """How much each number hangs on the one before, as sums over past pairs; arrays `(...,)`.

    Attributes:
        squares: Of the earlier ones.
        products: Of earlier and later ones.
    """

    squares: Floats
    products: Floats

    @property
    def share(self) -> Floats:
        """What part of a number stays in the next: none unless that is clear, then rather too much.

        A share fitted on a few hundred numbers about their own centre is too small on average, and what is
        missing from it would stay in the misses and look like a change.
        """
        pairs = self.squares + _BELIEF
        fitted = self.products / pairs
        error = np.sqrt(np.maximum(1 - fitted**2, 1 - _STRONGEST) / (pairs + _STEADY))
        raised = fitted + (1 + 3 * fitted) / (pairs + _STEADY) + _CLEAR * error
        prudent = np.clip(raised, 0.0, _STRONGEST)
        return np.where(fitted > _CLEAR * error, prudent, 0.0)

    def expected(self, before: Floats, steps: NDArray[np.int64]) -> Floats:
        """What the number of so many steps before lets expect, `(...,)`; 0 after one that is not known."""
        return self.share**steps * np.clip(np.nan_to_num(before), -_FARTHEST, _FARTHEST)


def add_pair(hang: Hang, earlier: Floats, later: Floats, *, memory: float) -> Hang:
    """The sums with one more pair of each stream; a pair with a NaN is passed over.

    Args:
        hang: So far.
        earlier: `(...,)` in spreads from the centre.
        later: `(...,)` the number that came next.
        memory: How many pairs are remembered, above 1; older ones fade.
    """
    first, second = (np.clip(side, -_FARTHEST, _FARTHEST) for side in (earlier, later))
    known = ~(np.isnan(first) | np.isnan(second))
    fade = np.where(known, 1 - 1 / memory, 1.0)
    return Hang(
        hang.squares * fade + np.where(known, first * first, 0.0),
        hang.products * fade + np.where(known, first * second, 0.0),
    )


@dataclass(frozen=True)
class Ground:
    """A smooth mean of the numbers before, and how much each number hangs on it; arrays `(...,)`.

    Where a level wanders under noise the number before tells little, and the mean of several more; between
    the two lies what both tell together.

    Attributes:
        level: In spreads from the centre.
        hang: Of numbers on the level before them.
        both: Sum of products of the number before and the level, over the same pairs.
    """

    level: Floats
    hang: Hang
    both: Floats

    def followed(self, number: Floats) -> Ground:
        """The same after one more number; NaN changes nothing."""
        step = np.clip(number, -_FARTHEST, _FARTHEST) - self.level
        return replace(self, level=self.level + _FOLLOWS * np.nan_to_num(step))

    def learned(self, before: Floats, number: Floats, *, memory: float) -> Ground:
        """The same with one more pair, the level left where it is; one with a NaN is passed over.

        Args:
            before: `(...,)` the last number.
            number: `(...,)` the one that came next.
            memory: How many pairs are remembered, above 1.
        """
        known = ~(np.isnan(before) | np.isnan(number))
        level = np.where(known, self.level, np.nan)
        product = np.clip(before, -_FARTHEST, _FARTHEST) * self.level
        fade = np.where(known, 1 - 1 / memory, 1.0)
        return Ground(
            self.level,
            add_pair(self.hang, level, number, memory=memory),
            self.both * fade + np.where(known, product, 0.0),
        )

    def expected(self, last: Floats, hang: Hang, steps: NDArray[np.int64]) -> Floats:
        """The next number by the last one, and by the ground too where that clearly tells more.

        Args:
            last: `(...,)` the last number; NaN where it is not known.
            hang: Of numbers on the one before.
            steps: Since then.
        """
        squares = hang.squares + _BELIEF
        share, carried = hang.products / squares, self.both / squares
        rest = np.maximum(self.hang.squares + _BELIEF * _GROUND_PART - carried * self.both, _LEAST)
        more = (self.hang.products - carried * hang.products) / rest
        noise = np.maximum(1 - share**2, 1 - _STRONGEST)
        error = np.sqrt(noise / (rest + _STEADY * _GROUND_PART))
        own = (hang.products - self.both * more) / squares
        near = np.clip(np.nan_to_num(last), -_FARTHEST, _FARTHEST)
        by_both = own * near + (more + error) * self.level
        by_both *= np.clip(own + more + error, 0, _STRONGEST) ** (steps - 1)
        return np.where(more > _CLEAR_GROUND * error, by_both, hang.expected(last, steps))


def no_ground(shape: tuple[int, ...]) -> Ground:
    """Of numbers of which none was seen."""
    none = np.zeros(shape)
    return Ground(none, Hang(none, none), none)


@dataclass(frozen=True)
class Swing:
    """How far sums of scores swing beyond what independent scores would, arrays `(...,)`.

    Attributes:
        level: Sum of the scores so far, older ones fading.
        square: Mean of its square.
        scores: Int64, how many scores went in, at most as many as are remembered.
    """

    level: Floats
    square: Floats
    scores: NDArray[np.int64]

    @property
    def inflation(self) -> Floats:
        """By how much their variance exceeds that of independent scores: 1 unless clear, then rather more.

        Sums of neighbouring steps are nearly the same, so what was seen says no more than so many scores.
        """
        seen = (self.scores + _BELIEF_IN_CALM) * (1 - _STAYS) / (1 + _STAYS)
        measured, error = self.square / _CALM, np.sqrt(2 / seen)
        return np.where(measured > 1 + _CLEAR_SWING * error, measured * (1 + error), 1.0)


def calm_swing(shape: tuple[int, ...]) -> Swing:
    """Of scores of which none was seen."""
    return Swing(np.zeros(shape), np.full(shape, _CALM), np.zeros(shape, dtype=np.int64))


def add_score(swing: Swing, scores: Floats, *, memory: float) -> Swing:
    """The swing with one more score of each stream; NaN is passed over.

    Args:
        swing: So far.
        scores: `(...,)` standard normal if nothing has changed.
        memory: How many are remembered; older ones fade.
    """
    known = ~np.isnan(scores)
    level = np.where(known, _STAYS * swing.level + np.nan_to_num(scores), swing.level)
    weight = 1 / np.minimum(swing.scores + _BELIEF_IN_CALM + 1, memory)
    square = np.where(known, swing.square + (level**2 - swing.square) * weight, swing.square)
    return Swing(level, square, np.minimum(swing.scores + known, int(memory)))


def _median(values: Floats) -> Floats:
    """Median along the last axis, NaN left out."""
    known = np.count_nonzero(~np.isnan(values), axis=-1)
    ordered = np.sort(values, axis=-1)  # NaN last
    low, high = np.maximum(known - 1, 0) // 2, np.maximum(known // 2, 0)
    pick = np.take_along_axis(ordered, np.stack([low, np.minimum(high, values.shape[-1] - 1)], -1), axis=-1)
    return np.asarray(pick.mean(axis=-1))
