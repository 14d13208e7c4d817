"""A compiled twin of `smallcraft.stats.sequences.window_streams`, for thousands of windows in seconds.

The library sorts its past at each window; the twin keeps it sorted. What the guardrail does around it, an
alarm that is closed at once, is in here too.
Leaves to others: the numbers of windows (`benchmarks.drift.ours`).
Always: the same evidence as the library's, up to rounding: tests compare them window by window, and
`benchmarks.drift.measure` the alarms of whole months.
Not covered: numbers that were not measured, gaps between windows, alarms that stay open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from smallcraft.observe.detectors.conformal import LEAST_POOL, rules_of
from smallcraft.observe.guardrail import GuardState
from smallcraft.stats.sequences.conformal import counter_uniforms
from smallcraft.stats.sequences.window_streams import LEAST_IN_BUCKET, LEAST_MEMORY

Floats = NDArray[np.float64]

# As in `forecasts` and `window_streams`; a test would show any that differs.
_BELIEF, _FARTHEST, _STRONGEST, _STEADY, _CLEAR = 2.0, 5.0, 0.98, 8.0, 1.0
_FOLLOWS, _CLEAR_GROUND, _STAYS, _BELIEF_IN_CALM, _CLEAR_SWING = 0.25, 3.0, 0.95, 20.0, 0.5
_UNSETTLED, _LEAST = 8, 1e-9
_MEDIAN_PART, _MEAN_PART = 0.6744897501960817, 0.7978845608028654


@dataclass(frozen=True)
class TwinRun:
    """What the twin said.

    Attributes:
        log_e: `(t,)` evidence after each window; NaN before the first that was judged.
        alarms: `(t,)` bool.
        undecided: Windows before the first that was judged.
    """

    log_e: Floats
    alarms: NDArray[np.bool_]
    undecided: int


def weigh_all(begun: GuardState, values: Floats) -> TwinRun:
    """Weigh windows from the first one on, each alarm closed at once as one of nothing.

    Args:
        begun: Before the first window.
        values: `(t, m)` numbers of window 0, 1, ..., all measured.
    """
    plan = begun.plan
    rules = rules_of(plan)
    if np.isnan(values).any():
        raise ValueError("the twin wants every number of every window; weigh these by the library")
    uniforms = np.stack([counter_uniforms(rules.seed, at, rules.names) for at in range(len(values))])
    undecided = LEAST_IN_BUCKET * plan.cycle + LEAST_POOL
    log_e = _weigh(
        np.ascontiguousarray(values),
        uniforms,
        plan.weights,
        rules.sides,
        np.array([plan.buckets, rules.memory, max(plan.buckets * rules.memory, LEAST_MEMORY), undecided]),
        plan.log_level,
        np.array(rules.sizes),
    )
    return TwinRun(log_e, log_e >= plan.log_level, undecided)


@njit(cache=True)
def _score(p):  # type: ignore[no-untyped-def]
    """Minus the normal quantile of p, by bisection and Newton steps."""
    low, high = -39.0, 39.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        if 0.5 * math.erfc(-middle / math.sqrt(2.0)) < p:
            low = middle
        else:
            high = middle
    x = 0.5 * (low + high)
    for _ in range(3):
        density = math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        x -= (0.5 * math.erfc(-x / math.sqrt(2.0)) - p) / density
    return -x


@njit(cache=True)
def _put(ring, ordered, filled, size, value):  # type: ignore[no-untyped-def]
    """A number into a ring and its sorted twin, in the place of the oldest."""
    known = min(filled, size)
    if filled >= size:
        place = np.searchsorted(ordered[:known], ring[filled % size])
        ordered[place : known - 1] = ordered[place + 1 : known].copy()
        known -= 1
    place = np.searchsorted(ordered[:known], value)
    ordered[place + 1 : known + 1] = ordered[place:known].copy()
    ordered[place] = value
    ring[filled % size] = value


@njit(cache=True)
def _spread(ordered, known, centre):  # type: ignore[no-untyped-def]
    """Median deviation of sorted numbers as a deviation; minus the mean one, or -1, where it is 0."""
    below = np.searchsorted(ordered[:known], centre) - 1
    above, one, other = below + 1, 0.0, 0.0
    for step in range(known // 2 + 1):
        if below < 0 or (above < known and ordered[above] - centre <= centre - ordered[below]):
            other = ordered[above] - centre
            above += 1
        else:
            other = centre - ordered[below]
            below -= 1
        if step == (known - 1) // 2:
            one = other
    found = 0.5 * (one + other) / _MEDIAN_PART
    if found <= 0:
        mean = np.abs(ordered[:known] - centre).mean() / _MEAN_PART
        found = -mean if mean > 0 else -1.0
    return found


@njit(cache=True)
def _expected(hang, ground, last, level):  # type: ignore[no-untyped-def]
    """What the window before, and the ground, let expect: by squares and products, of both also together."""
    squares = hang[0] + _BELIEF
    share = hang[1] / squares
    error = math.sqrt(max(1 - share * share, 1 - _STRONGEST) / (squares + _STEADY))
    raised = 0.0
    if share > _CLEAR * error:
        raised = share + (1 + 3 * share) / (squares + _STEADY) + error
        raised = min(max(raised, 0.0), _STRONGEST)
    expected = raised * _near(last, 0.0)
    part = _FOLLOWS / (2 - _FOLLOWS)
    carried = ground[2] / squares
    rest = max(ground[0] + _BELIEF * part - carried * ground[2], _LEAST)
    more = (ground[1] - carried * hang[1]) / rest
    noise = max(1 - share * share, 1 - _STRONGEST)
    error_2 = math.sqrt(noise / (rest + _STEADY * part))
    if more > _CLEAR_GROUND * error_2:
        own = (hang[1] - ground[2] * more) / squares
        expected = own * _near(last, 0.0) + (more + error_2) * level
    return expected


@njit(cache=True)
def _inflation(swing):  # type: ignore[no-untyped-def]
    """By how much sums of scores swing beyond independent ones, at least 1."""
    beyond = swing[1] * (1 - _STAYS * _STAYS)
    worth = (swing[2] + _BELIEF_IN_CALM) * (1 - _STAYS) / (1 + _STAYS)
    error = math.sqrt(2 / worth)
    return beyond * (1 + error) if beyond > 1 + _CLEAR_SWING * error else 1.0


@njit(cache=True)
def _p_value(miss, ordered, ring, known, size, uniform, is_judged):  # type: ignore[no-untyped-def]
    """Of a miss among past ones; the latest are left out where it is judged; NaN of none."""
    if math.isnan(miss):
        return np.nan
    count = min(known, size)
    high = np.searchsorted(ordered[:count], miss, side="right")
    low = np.searchsorted(ordered[:count], miss)
    if is_judged:
        left_out = min(_UNSETTLED, count)
        for back in range(1, left_out + 1):
            value = ring[(known - back) % size]
            high -= value <= miss
            low -= value < miss
        count -= left_out
    return (count - high + uniform * (1 + high - low)) / (count + 1)


@njit(cache=True)
def _bet(levels, score, side, sizes, weight):  # type: ignore[no-untyped-def]
    """Advance the bets on one number; gives its part of the mixture."""
    total, sides = 0.0, 2 if side == 0 else 1
    for place in range(sides):
        sign = (1.0 if place == 0 else -1.0) if side == 0 else float(side)
        for each in range(len(sizes)):
            log_e = 0.0 if math.isnan(score) else sign * sizes[each] * score - sizes[each] ** 2 / 2
            before = levels[place, each]
            grown = max(before, 0.0) + math.log1p(math.exp(-abs(before))) if before > -1e300 else 0.0
            levels[place, each] = grown + log_e
            total += math.exp(levels[place, each]) * weight / (sides * len(sizes))
    return total


@njit(cache=True)
def _near(value, otherwise):  # type: ignore[no-untyped-def]
    """A number, or where it would stand if it is far out; another one where there is none."""
    return otherwise if math.isnan(value) else min(max(value, -_FARTHEST), _FARTHEST)


@njit(cache=True)
def _learn_miss(misses, ordered, missed, most, miss):  # type: ignore[no-untyped-def]
    if not math.isnan(miss):
        _put(misses, ordered, missed, most, miss)


@njit(cache=True)
def _learn_score(swing, score, most):  # type: ignore[no-untyped-def]
    """Of the fading sum of scores: the sum, its mean square, how many."""
    if not math.isnan(score):
        swing[0] = _STAYS * swing[0] + score
        swing[1] += (swing[0] * swing[0] - swing[1]) / min(swing[2] + _BELIEF_IN_CALM + 1, most)
        swing[2] = min(swing[2] + 1, float(most))


@njit(cache=True)
def _learn_hang(hang, ground, last, level, standing, most):  # type: ignore[no-untyped-def]
    """How a number hangs on the last one and on the ground."""
    if not math.isnan(last) and not math.isnan(standing):
        before, now, fades = _near(last, 0.0), _near(standing, 0.0), 1 - 1 / most
        hang[0], hang[1] = hang[0] * fades + before * before, hang[1] * fades + before * now
        ground[0], ground[1] = ground[0] * fades + level * level, ground[1] * fades + level * now
        ground[2] = ground[2] * fades + before * level


@njit(cache=True)
def _stand(value, here, known, hang, ground, last, level):  # type: ignore[no-untyped-def]
    """Where a number stands in its place's past, and by how much its forecast missed; NaN where unknown."""
    if known < LEAST_IN_BUCKET:
        return np.nan, np.nan
    centre = 0.5 * (here[(known - 1) // 2] + here[known // 2])
    spread = _spread(here, known, centre)
    standing = (value - centre) / abs(spread)
    if spread < 0:
        return np.nan, standing
    return standing, standing - _expected(hang, ground, last, level)


@njit(cache=True)
def _weigh(values, uniforms, weights, sides, shape, log_level, sizes):  # type: ignore[no-untyped-def]
    """Evidence after each window; `shape` is buckets, memory of one, memory of misses, first judged.

    A window that is doubted does not join the past; where the alarm it led to is closed as one of nothing,
    time is turned back to it and the windows since are only learned.
    """
    buckets, memory, most, first = shape[0], shape[1], shape[2], shape[3]
    windows, m = values.shape
    ring, ordered = np.zeros((buckets, m, memory)), np.zeros((buckets, m, memory))
    misses, sorted_misses = np.zeros((m, most)), np.zeros((m, most))
    filled, missed = np.zeros(buckets, np.int64), 0
    hang, ground, level, last = np.zeros((m, 2)), np.zeros((m, 3)), np.zeros(m), np.full(m, np.nan)
    swings = np.zeros((m, 3))
    swings[:, 1] = 1 / (1 - _STAYS * _STAYS)
    levels = np.full((m, 2, len(sizes)), -np.inf)
    standing, miss, score, log_es = np.zeros(m), np.zeros(m), np.zeros(m), np.full(windows, np.nan)
    doubted, learned_to = -1, first
    level_then, last_then = level.copy(), last.copy()
    at = 0
    while at < windows:
        bucket = at % buckets
        known = min(filled[bucket], memory)
        total, is_judged = 0.0, at >= learned_to
        for j in range(m):
            standing[j], miss[j] = _stand(
                values[at, j], ordered[bucket, j], known, hang[j], ground[j], last[j], level[j]
            )
            p = _p_value(miss[j], sorted_misses[j], misses[j], missed, most, uniforms[at, j], is_judged)
            score[j] = np.nan if math.isnan(p) else _score(p)
            inflated = score[j] / math.sqrt(_inflation(swings[j]))
            if is_judged:
                total += _bet(levels[j], inflated, sides[j], sizes, weights[j])
        log_e = math.log(total) if total > 0 else -np.inf
        if is_judged:
            log_es[at] = log_e
        if not is_judged or log_e <= log_level / 2:
            doubted = -1
            for j in range(m):
                _put(ring[bucket, j], ordered[bucket, j], filled[bucket], memory, values[at, j])
                _learn_miss(misses[j], sorted_misses[j], missed, most, miss[j])
                _learn_score(swings[j], score[j], most)
                _learn_hang(hang[j], ground[j], last[j], level[j], standing[j], most)
            filled[bucket] += 1
            missed += not math.isnan(miss[0])
        elif doubted < 0:
            doubted, level_then, last_then = at, level.copy(), last.copy()
        for j in range(m):
            last[j] = standing[j]
            level[j] += _FOLLOWS * (_near(standing[j], level[j]) - level[j])
        if log_e >= log_level:
            levels[:] = -np.inf
            learned_to, at, level, last = at + 1, doubted - 1, level_then, last_then
            doubted = -1
        at += 1
    return log_es
