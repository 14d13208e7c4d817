"""Latency and confidence: whether the new release's values are larger anywhere in their order.

Both arms' values are put side by side as `Facing` says: the new arm's made smaller by the margin, and all
raised to a floor below which nobody cares. Whole bins are moved, so this is exact; a margin that is no whole
number of bins is rounded to the safe side, up where it excuses and down where it is to be shown.
Left to others: the other guardrails (`serve.rollout.guardrails`).
Always: as of `serve.rollout.guardrails`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.rollout import guesses
from smallcraft.serve.rollout.counts import (
    CANARY,
    CONFIDENCE_BINS,
    LATENCY_EDGES_S,
    LATENCY_RATIO,
    STABLE,
    ArmCounts,
)
from smallcraft.serve.rollout.guardrails import Part, Question, compare_events, compare_rate, either
from smallcraft.serve.rollout.guesses import Guesses
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.stats.sequences.orders import count_above, order_log_ratios, raise_floor, shorten
from smallcraft.stats.sequences.tilts import smooth_masses

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
_SLOW = (0.5, 0.1, 0.05, 0.01)
_HIGH = (0.5, 0.1)
# Margins are whole bins up to this part of one.
_EXACT = 1e-9


@dataclass(frozen=True)
class Facing:
    """How values of both arms are laid side by side.

    Attributes:
        view: From counts to `(..., 2, bins)`, in rising order, the last bin for what has no value.
        margin: Bins by which the new arm's values may be larger.
        wider: Bins by which they must be shown not to be larger.
        floor: Bin below which all values are the same.
    """

    view: Callable[[ArmCounts], Counts]
    margin: int
    wider: int
    floor: int = 0

    def laid(self, counts: ArmCounts) -> Counts:
        """`(..., 2, bins)`, with the margin taken from the new arm."""
        values = self.view(counts)
        new = shorten(values[..., CANARY, :], self.margin)
        return raise_floor(np.stack([values[..., STABLE, :], new], axis=-2), self.floor)


def latency_floor_bin(plan: RolloutPlan) -> int:
    """The bin that takes all latencies that are as good as any other."""
    return int(np.searchsorted(LATENCY_EDGES_S, plan.latency_floor_s, side="right"))


def latency_part(plan: RolloutPlan, seen: Counts) -> Part:
    """Seconds to an answer.

    Args:
        plan: The declared settings.
        seen: `(LATENCY_BINS,)` answers of the stable release.
    """
    facing = Facing(
        view=lambda counts: counts.latency,
        margin=_bins(math.log1p(plan.latency_margin) / math.log(LATENCY_RATIO), math.ceil),
        wider=_bins(math.log1p(plan.non_inferior_latency) / math.log(LATENCY_RATIO), math.floor),
        floor=latency_floor_bin(plan),
    )
    seen = raise_floor(seen, facing.floor)
    guessed = guesses.guess_slower(smooth_masses(seen), ratio=LATENCY_RATIO)
    return Part(
        against=_larger(facing, _told_by_others(guessed, seen, facing.floor)),
        claims=tuple(_not_larger(facing, seen, share) for share in _SLOW),
        fields=("latency",),
        observed=lambda counts: counts.latency.sum(axis=-1),
    )


def confidence_part(plan: RolloutPlan, seen: Counts) -> Part:
    """Confidence of first rows, upwards and downwards.

    Args:
        plan: The declared settings; twice `confidence_margin` is the wider margin.
        seen: `(CONFIDENCE_BINS,)` of the stable release.
    """
    margin = _bins(plan.confidence_margin * CONFIDENCE_BINS, math.ceil)
    wider = min(_bins(2 * plan.confidence_margin * CONFIDENCE_BINS, math.floor), CONFIDENCE_BINS - 1)
    up = Facing(lambda counts: _with_room(counts.confidence), margin, wider)
    down = Facing(lambda counts: _with_room(counts.confidence[..., ::-1]), margin, wider)
    sides = ((up, _with_room(seen)), (down, _with_room(seen[::-1])))
    guessed = [guesses.guess_higher(smooth_masses(values)) for _, values in sides]
    return Part(
        against=either(
            [
                _larger(facing, _told_by_others(guess, values, int(values.argmax())))
                for (facing, values), guess in zip(sides, guessed, strict=True)
            ]
        ),
        claims=tuple(_not_larger(facing, values, share) for facing, values in sides for share in _HIGH),
        fields=("confidence",),
        observed=lambda counts: counts.confidence.sum(axis=-1),
    )


def _larger(facing: Facing, guessed: Guesses) -> Question:
    def ratios(counts: ArmCounts, share: float) -> Floats:
        return order_log_ratios(facing.laid(counts), share, tilts=guessed.values)

    return Question(guessed.weights, ratios)


def _told_by_others(guessed: Guesses, seen: Counts, place: int) -> Guesses:
    """Where most values are in one bin, how many of them an arm happened to get says nothing.

    Chance gives an arm a few more or less of them, and requests that are still on their way are not counted.
    """
    if 2 * seen[place] < seen.sum():
        return guessed
    return Guesses(guessed.values / guessed.values[:, [place]], guessed.weights)


def _not_larger(facing: Facing, seen: Counts, share: float) -> Question:
    """That the new arm exceeds a value by more than the wider margin less often than the old arm exceeds it.

    The value is the one that a share of `seen` exceeds. Less often than the old arm does, or than `seen` did:
    where next to nothing is slow, the first cannot be shown.
    """
    begin = _first_above(seen, share, facing.floor)
    above = max(share, int(count_above(seen, begin)) / max(int(seen.sum()), 1))

    def new(counts: ArmCounts) -> Counts:
        return count_above(facing.view(counts)[..., CANARY, :], begin + facing.wider)

    def events(counts: ArmCounts) -> Counts:
        return np.stack([count_above(facing.view(counts)[..., STABLE, :], begin), new(counts)], axis=-1)

    def answered(counts: ArmCounts) -> Counts:
        return count_above(facing.view(counts)[..., CANARY, :], 0)

    return either(
        [
            compare_events(events, null=1.0, guessed=guesses.LESS),
            compare_rate(new, answered, null=above, guessed=guesses.LESS),
        ]
    )


def _first_above(seen: Counts, share: float, floor: int) -> int:
    """The bin from which on about that share of values is; never the one that the floor is in.

    Where bins without a value leave a choice it is the last one: the wider margin is then counted from the
    values themselves, and a release whose values are all alike can show that it is the same.
    """
    above = np.cumsum(seen[:-1][::-1])[::-1] / max(int(seen.sum()), 1)
    tried = above[floor + 1 :]
    nearest = int(np.abs(tried - share).argmin())
    if tried[nearest] > 0:
        nearest = int(np.flatnonzero(tried == tried[nearest])[-1])
    return floor + 1 + nearest


def _bins(exact: float, rounded: Callable[[float], int]) -> int:
    return rounded(exact - _EXACT) if rounded is math.ceil else rounded(exact + _EXACT)


def _with_room(confidence: Counts) -> Counts:
    """With a last bin for what has no value: there is none."""
    return np.concatenate([confidence, np.zeros_like(confidence[..., :1])], axis=-1)
