"""Statistics of window after window, watched against their own past: forecasts, ranks, bets, one alarm level.

(1) A statistic is put beside the past of its season bucket, and beside what the window before lets expect;
(2) the miss is ranked among past misses, the latest few left out; (3) the rank becomes bets; (4) detectors
add the bets up; (5) the window joins the past unless the detectors are already half way to an alarm. So a
change does not become its own reference, neither before it is suspected nor after.
Always: a step is a function of the state, the window and the seed; saved and restored, a stream goes on to
the last bit; leading axes are streams of their own.
Left to others: which statistics there are, what an alarm says, when it is closed.
Not covered: a change that lies between two windows of which neither was seen; a change so slow that it
becomes the past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.sequences.conformal import (
    DEFAULT_SIZES,
    Bets,
    conformal_p_values,
    counter_uniforms,
    log_e_values,
    make_bets,
    normal_scores,
)
from smallcraft.stats.sequences.detectors import DetectorState, advance, log_mixture, restart, start_detectors
from smallcraft.stats.sequences.forecasts import (
    Ground,
    Hang,
    Swing,
    add_pair,
    add_score,
    calm_swing,
    no_ground,
    scale_of,
)

Floats = NDArray[np.float64]

# Windows of a bucket that must be known before one is judged.
LEAST_IN_BUCKET = 3
# Misses, pairs and scores that are remembered at least, over all buckets, as they are alike there. With fewer
# what stays from window to window is fitted too loosely, and numbers that wander raise four times the budget.
LEAST_MEMORY = 1440
# The latest misses, that a new one is not ranked among: about as many as a change has before it is suspected.
LATEST = 8


@dataclass(frozen=True)
class StreamRules:
    """What a stream is watched for; fixed beforehand.

    Attributes:
        weights: `(j,)` importance of each statistic, at least 0.
        sides: `(j,)` int64: 1 where a rise matters, -1 a fall, 0 either.
        names: `(j,)` uint64 digests of the statistics' names, which random numbers hang on.
        log_alarm: Logarithm of the alarm level, of `detectors.log_alarm_level`.
        buckets: Season buckets, at least 1.
        memory: Windows of a bucket that are remembered, more than `LEAST_IN_BUCKET`.
        seed: Of the random numbers that split ties.
        sizes: Of the bets, in standard deviations of a window.
        is_forecast: Whether misses are ranked among all past misses; else the statistics themselves within
            their bucket, which is exact if they are exchangeable there and wrong if they wander.
    """

    weights: Floats
    sides: NDArray[np.int64]
    names: NDArray[np.uint64]
    log_alarm: float
    buckets: int = 1
    memory: int = 720
    seed: int = 0
    sizes: tuple[float, ...] = DEFAULT_SIZES
    is_forecast: bool = True


@dataclass(frozen=True)
class StreamState:
    """All that a stream remembers, as arrays; `...` are streams of their own.

    Attributes:
        levels: `(buckets, ..., j, memory)` past statistics, NaN where there is none.
        filled: `(buckets, ...)` int64, how many were ever put there.
        misses: `(..., j, max(buckets * memory, LEAST_MEMORY))` past misses of forecasts.
        missed: `(...,)` int64, how many were ever put there.
        last: `(..., j)` the last statistic in spreads from its bucket's centre; NaN where it tells nothing.
        hang: How much it tells of the next.
        ground: How much those before it tell.
        last_at: `(...,)` int64, the number of that window.
        level: `(..., j)` of `forecasts.Swing`.
        square: `(..., j)` likewise.
        scores: `(..., j)` int64, likewise.
        detectors: Of all bets.
    """

    levels: Floats
    filled: NDArray[np.int64]
    misses: Floats
    missed: NDArray[np.int64]
    last: Floats
    last_at: NDArray[np.int64]
    level: Floats
    square: Floats
    scores: NDArray[np.int64]
    hang: Hang
    ground: Ground
    detectors: DetectorState

    @property
    def swing(self) -> Swing:
        """How far sums of scores swing."""
        return Swing(self.level, self.square, self.scores)


@dataclass(frozen=True)
class StreamStep:
    """What one window did.

    Attributes:
        state: After it.
        p_values: `(..., j)`; NaN where a statistic was not judged.
        log_e: `(..., b)` of the bets.
        log_mixture: `(...,)` to be held against the alarm level.
        is_alarm: `(...,)` bool.
        is_frozen: `(...,)` bool: the window does not join the past.
    """

    state: StreamState
    p_values: Floats
    log_e: Floats
    log_mixture: Floats
    is_alarm: NDArray[np.bool_]
    is_frozen: NDArray[np.bool_]


_OF_HANG = tuple(entry.name for entry in fields(Hang))
_OF_DETECTORS = tuple(entry.name for entry in fields(DetectorState))
_PARTS = frozenset({"hang", "ground", "detectors"})
_OWN = tuple(entry.name for entry in fields(StreamState) if entry.name not in _PARTS)


def stream_bets(rules: StreamRules) -> Bets:
    """The bets of a stream, in the order of its detectors."""
    return make_bets(rules.weights, rules.sides, sizes=rules.sizes)


def start_stream(rules: StreamRules, streams: tuple[int, ...] = ()) -> StreamState:
    """A stream that has seen nothing.

    Args:
        rules: Of the stream.
        streams: Shape of the leading axes.

    Raises:
        InvalidInputError: The rules do not go together.
    """
    j = len(rules.weights)
    if rules.names.shape != (j,) or rules.buckets < 1 or rules.memory <= LEAST_IN_BUCKET:
        raise InvalidInputError(
            f"a stream needs a name a statistic, at least 1 bucket and a memory above {LEAST_IN_BUCKET}, got "
            f"{rules.names.shape} names for {j}, {rules.buckets} and {rules.memory}"
        )
    shape = (*streams, j)
    none, calm = np.zeros(shape), calm_swing(shape)
    return StreamState(
        np.full((rules.buckets, *shape, rules.memory), np.nan),
        np.zeros((rules.buckets, *streams), dtype=np.int64),
        np.full((*shape, max(rules.buckets * rules.memory, LEAST_MEMORY)), np.nan),
        np.zeros(streams, dtype=np.int64),
        np.full(shape, np.nan),
        np.zeros(streams, dtype=np.int64),
        calm.level,
        calm.square,
        calm.scores,
        Hang(none, none),
        no_ground(shape),
        start_detectors(streams, len(stream_bets(rules).weight)),
    )


def watch_window(
    state: StreamState,
    values: Floats,
    rules: StreamRules,
    *,
    bucket: int,
    at: int,
    is_learning: bool = False,
    is_frozen: bool = False,
) -> StreamStep:
    """Judge one window, then remember it.

    Args:
        state: So far.
        values: `(..., j)` its statistics; NaN where one was not measured.
        rules: Of the stream.
        bucket: Its season bucket, in `[0, buckets)`.
        at: Its number, larger than that of the window before; over a gap the last window tells less.
        is_learning: Whether it only joins the past: no bet is made.
        is_frozen: Whether it does not join the past, whatever the detectors say.

    Raises:
        InvalidInputError: A shape or the bucket is wrong.
    """
    if values.shape != state.last.shape or not 0 <= bucket < rules.buckets:
        raise InvalidInputError(
            f"a window needs statistics of shape {state.last.shape} and a bucket below {rules.buckets}, got "
            f"{values.shape} and {bucket}"
        )
    bets = stream_bets(rules)
    # (1) what was to be expected
    pool = state.levels[bucket]
    scale = scale_of(pool)
    enough = np.count_nonzero(~np.isnan(pool), axis=-1) >= LEAST_IN_BUCKET
    standing = np.where(enough, (values - scale.centre) / scale.spread, np.nan)
    gap = np.maximum(at - state.last_at, 1)
    forecast = state.ground.expected(state.last, state.hang, gap[..., None])
    miss = standing - np.where(scale.is_still, 0.0, forecast) if rules.is_forecast else values
    # (2) its rank
    uniforms = np.broadcast_to(counter_uniforms(rules.seed, at, rules.names), values.shape)
    past = (state.misses if is_learning else _settled_misses(state)) if rules.is_forecast else pool
    p_values = conformal_p_values(miss, past, uniforms=uniforms)
    p_values = np.where(enough, p_values, np.nan)
    # (3) bets
    scores = normal_scores(p_values)
    log_e = log_e_values(scores / np.sqrt(state.swing.inflation) if rules.is_forecast else scores, bets)
    # (4) detectors
    detectors = state.detectors if is_learning else advance(state.detectors, log_e, at=at)
    mixture = log_mixture(detectors, bets.weight)
    frozen = (mixture > rules.log_alarm / 2) | is_frozen
    # (5) the window joins the past
    after = _remember(
        replace(state, detectors=detectors), values, miss if rules.is_forecast else None, bucket, frozen
    )
    before = np.where(gap[..., None] == 1, state.last, np.nan)
    telling = np.where(scale.is_still, np.nan, standing)
    after = _learn(after, before, telling, scores, frozen)
    ground = after.ground.followed(telling)
    after = replace(after, last=telling, ground=ground, last_at=np.full_like(state.last_at, at))
    return StreamStep(after, p_values, log_e, mixture, mixture >= rules.log_alarm, frozen)


def restart_stream(
    state: StreamState, *, which: NDArray[np.bool_], is_new_normal: NDArray[np.bool_]
) -> StreamState:
    """What a closed alarm leaves: detectors that have seen nothing, and the past or none.

    Args:
        state: So far.
        which: `(...,)` bool, streams whose alarm was closed.
        is_new_normal: `(...,)` bool, of those the ones whose past no longer counts: it is learned anew.
    """
    forget = which & is_new_normal
    none, calm = np.zeros_like(state.last), calm_swing(state.last.shape)
    forgotten, ground = forget[..., None], state.ground
    return StreamState(
        np.where(forget[..., None, None], np.nan, state.levels),
        np.where(forget, 0, state.filled),
        np.where(forget[..., None, None], np.nan, state.misses),
        np.where(forget, 0, state.missed),
        np.where(forgotten, np.nan, state.last),
        state.last_at,
        np.where(forgotten, calm.level, state.level),
        np.where(forgotten, calm.square, state.square),
        np.where(forgotten, calm.scores, state.scores),
        _hang_where(forgotten, Hang(none, none), state.hang),
        _ground_where(forgotten, no_ground(none.shape), ground),
        restart(state.detectors, which),
    )


def pack_stream(state: StreamState) -> dict[str, NDArray[Any]]:
    """Its arrays by name, for keeping."""
    return {
        **{name: getattr(state, name) for name in _OWN},
        **{name: getattr(state.hang, name) for name in _OF_HANG},
        **{f"ground/{name}": getattr(state.ground.hang, name) for name in _OF_HANG},
        "ground/level": state.ground.level,
        "ground/both": state.ground.both,
        **{name: getattr(state.detectors, name) for name in _OF_DETECTORS},
    }


def unpack_stream(packed: Mapping[str, NDArray[Any]]) -> StreamState:
    """The stream whose arrays these are."""
    return StreamState(
        **{name: packed[name] for name in _OWN},
        hang=Hang(**{name: packed[name] for name in _OF_HANG}),
        ground=Ground(
            packed["ground/level"],
            Hang(**{name: packed[f"ground/{name}"] for name in _OF_HANG}),
            packed["ground/both"],
        ),
        detectors=DetectorState(**{name: packed[name] for name in _OF_DETECTORS}),
    )


def _settled_misses(state: StreamState) -> Floats:
    """Past misses without the latest ones, which may be part of a change that nobody suspects yet."""
    places = (state.missed[..., None, None] - 1 - np.arange(LATEST)) % state.misses.shape[-1]
    settled = state.misses.copy()
    np.put_along_axis(settled, np.broadcast_to(places, (*settled.shape[:-1], LATEST)), np.nan, axis=-1)
    return settled


def _remember(
    state: StreamState, values: Floats, miss: Floats | None, bucket: int, is_frozen: NDArray[np.bool_]
) -> StreamState:
    levels, filled = state.levels.copy(), state.filled.copy()
    levels[bucket] = _put(levels[bucket], values, filled[bucket], ~is_frozen)
    filled[bucket] += ~is_frozen
    if miss is None:
        return replace(state, levels=levels, filled=filled)
    joins = ~is_frozen & ~np.isnan(miss).all(axis=-1)
    return replace(
        state,
        levels=levels,
        filled=filled,
        misses=_put(state.misses, miss, state.missed, joins),
        missed=state.missed + joins,
    )


def _put(pool: Floats, values: Floats, filled: NDArray[np.int64], joins: NDArray[np.bool_]) -> Floats:
    """A pool with values in the place of the oldest, where they join."""
    place = np.broadcast_to((filled % pool.shape[-1])[..., None, None], (*values.shape, 1))
    before = np.take_along_axis(pool, place, axis=-1)
    after = pool.copy()
    np.put_along_axis(after, place, np.where(joins[..., None, None], values[..., None], before), axis=-1)
    return after


def _learn(
    state: StreamState, before: Floats, standing: Floats, scores: Floats, is_frozen: NDArray[np.bool_]
) -> StreamState:
    """What of a number stays in the next, and how scores swing, with one more window where it joins."""
    memory, kept = float(state.misses.shape[-1]), is_frozen[..., None]
    hang = add_pair(state.hang, before, standing, memory=memory)
    ground = state.ground.learned(before, standing, memory=memory)
    swing = add_score(state.swing, np.where(kept, np.nan, scores), memory=memory)
    return replace(
        state,
        hang=_hang_where(kept, state.hang, hang),
        ground=_ground_where(kept, state.ground, ground),
        level=swing.level,
        square=swing.square,
        scores=swing.scores,
    )


def _hang_where(which: NDArray[np.bool_], first: Hang, second: Hang) -> Hang:
    return Hang(
        np.where(which, first.squares, second.squares), np.where(which, first.products, second.products)
    )


def _ground_where(which: NDArray[np.bool_], first: Ground, second: Ground) -> Ground:
    return Ground(
        np.where(which, first.level, second.level),
        _hang_where(which, first.hang, second.hang),
        np.where(which, first.both, second.both),
    )
