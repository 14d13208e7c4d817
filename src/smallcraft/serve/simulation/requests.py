"""Draws the requests of some seconds in thousands of rollouts, and counts them as routers do.

Each rollout has a stream of random numbers of its own (SplitMix64 of a counter), so what it meets does not
depend on the others beside it. A request takes `NUMBERS` of them, whatever it is used for: the gap to the
one before, who sends it, whether it fails, how long it takes, class, confidence, disagreement, escalation.
The same numbers tell what the stable release would have done with it: harm is counted request by request.
Three passes over some seconds: who arrives, what becomes of each, and the counts. Each pass is a compiled
loop beside a plain numpy twin, its test oracle.
Left to others: what the numbers mean (`simulation.traffic`), and what is decided on the counts.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from smallcraft.serve.simulation.latencies import TAIL_BEGINS

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
Word = NDArray[np.uint64]

NUMBERS = 8
NO_KEY, SETTLED = -1, -2
STALLED = 10.0
_LOG_STALLED = math.log(STALLED)
_STEP, _FIRST, _SECOND, _KEY = (
    np.uint64(word)
    for word in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)
)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
_TWO, _THREE, _FOUR, _FIVE, _SIX, _SEVEN, _ALL_OF = (np.uint64(number) for number in range(2, NUMBERS + 1))
_UNIT = 2.0**-53


class Law(NamedTuple):
    """What is the same in every rollout, as numbers.

    Attributes:
        requests_s: Arrivals a second.
        error_rate: Of the stable release.
        error_spread: Of the logarithm of keys' error rates.
        latency_spread: Of the logarithm of keys' latencies.
        log_p95: Where the tail begins, in log seconds.
        log_bad: From where on a request is bad.
        inverse_tail: One over Pareto's index.
        log_edge: The first edge of the latency bins.
        log_ratio: Of neighbouring edges.
        disagreement: Share of rows answered differently.
        escalation: Share of rows that ask further stages.
    """

    requests_s: float
    error_rate: float
    error_spread: float
    latency_spread: float
    log_p95: float
    log_bad: float
    inverse_tail: float
    log_edge: float
    log_ratio: float
    disagreement: float
    escalation: float


class Tables(NamedTuple):
    """What is the same in every rollout, as arrays.

    Attributes:
        body: Log seconds at the middle of equal parts of the body's quantiles.
        normal: Normal quantiles at the middle of equal parts of [0, 1).
        keys: `(m,)` cumulative shares of the keys; empty where requests have none.
        classes: `(2, k)` cumulative shares of classes, as the stable release answers and as a changed one.
        confidence: `(2, bins)` likewise.
    """

    body: Real
    normal: Real
    keys: Real
    classes: Real
    confidence: Real


class Moment(NamedTuple):
    """Some seconds during which nothing changes; axis 0 is the rollout, axis 1 (stable, canary).

    Attributes:
        seconds: How long.
        weights: `(r,)` the canary's share of the traffic; 0 sends everything to the stable release.
        places: `(r,)` int64, which part of the tally counts it.
        settled: `(r,)` the largest weight before; keys below it were the canary's already.
        is_shadow: `(r,)` bool, both releases answer and the stable one's answer counts.
        times: `(r, 2)` the error rate is this many times the service's.
        added: `(r, 2)` added to it.
        shift: `(r, 2)` added to the log seconds of every request.
        stretch: `(r, 2)` added to those of the tail.
        stalls: `(r, 2)` share of requests that stall, for `STALLED` times as long.
        is_changed: `(r,)` bool, whether the canary answers as a changed release.
    """

    seconds: float
    weights: Real
    places: Whole
    settled: Real
    is_shadow: NDArray[np.bool_]
    times: Real
    added: Real
    shift: Real
    stretch: Real
    stalls: Real
    is_changed: NDArray[np.bool_]


class Memory(NamedTuple):
    """What a rollout remembers.

    Attributes:
        streams: `(r,)` uint64 seed of each rollout.
        used: `(r,)` uint64 random numbers taken so far.
        flags: `(r, m)` uint8, in which place each key was met last, and whether it has failed there.
    """

    streams: Word
    used: Word
    flags: NDArray[np.uint8]


class Tally(NamedTuple):
    """Counts; axes (rollout, place, arm, ...), int64.

    Attributes:
        requests: `(r, p, 2)` answered and failed ones.
        failures: `(r, p, 2)` failed ones, every one.
        durations: `(r, p, 2, bins)` of every request, failed ones too.
        subjects: `(r, p, 2)` as `counts.ArmCounts` has them; so are those below.
        errors: `(r, p, 2)`.
        latency: `(r, p, 2, bins)`.
        classes: `(r, p, 2, k + 1)`.
        confidence: `(r, p, 2, bins)`.
        rows: `(r, p, 2)`.
        escalated: `(r, p, 2)`.
        compared: `(r, p)`.
        disagreed: `(r, p)`.
        excess: `(r,)` the canary's bad requests less those that the stable release would have had.
    """

    requests: Whole
    failures: Whole
    durations: Whole
    subjects: Whole
    errors: Whole
    latency: Whole
    classes: Whole
    confidence: Whole
    rows: Whole
    escalated: Whole
    compared: Whole
    disagreed: Whole
    excess: Whole


class Batch(NamedTuple):
    """The requests of a moment, in order; `n` of them.

    Attributes:
        owner: `(n,)` int64 rollout.
        state: `(n,)` uint64 from where its random numbers come.
        arm: `(n,)` int64, 1 for the canary.
        key: `(n,)` int64, `NO_KEY`, or `SETTLED` for one whose arm is no chance any more.
        is_counted: `(n,)` bool, whether it is evidence: without a key, or the first of its key in its place.
        has_failed: `(n,)` bool.
        took: `(n,)` log seconds.
        excess: `(n,)` int64, 1 for a bad request that would not have been with the stable release, -1 for the
            reverse.
    """

    owner: Whole
    state: Word
    arm: Whole
    key: Whole
    is_counted: NDArray[np.bool_]
    has_failed: NDArray[np.bool_]
    took: Real
    excess: Whole


def send(law: Law, tables: Tables, moment: Moment, memory: Memory, tally: Tally) -> None:
    """Draw and count the requests of a moment.

    Args:
        law: As above.
        tables: As above.
        moment: Of `r` rollouts.
        memory: Of the same; written.
        tally: Of the same; added to.
    """
    mean = len(memory.streams) * law.requests_s * moment.seconds
    # Twelve standard deviations: never in the life of a user.
    room = int(mean + 12 * math.sqrt(mean)) + 64
    owner, state = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.uint64)
    n = arrive(law, moment.seconds, memory, owner, state)
    assert n <= room
    batch = empty_batch(owner[:n], state[:n])
    draw(law, tables, moment, memory.streams, batch)
    count(law, moment, memory.flags, batch, tally)
    answer(law, tables, moment, batch, tally)


def empty_batch(owner: Whole, state: Word) -> Batch:
    """Requests of which it is known only that they arrived."""
    n = len(owner)
    return Batch(
        owner=owner,
        state=state,
        arm=np.empty(n, dtype=np.int64),
        key=np.empty(n, dtype=np.int64),
        is_counted=np.empty(n, dtype=np.bool_),
        has_failed=np.empty(n, dtype=np.bool_),
        took=np.empty(n),
        excess=np.empty(n, dtype=np.int64),
    )


@njit(cache=True, inline="always")
def _mixed(state: np.uint64) -> float:
    """SplitMix64's output as a number in [0, 1)."""
    word = (state ^ (state >> _S30)) * _FIRST
    word = (word ^ (word >> _S27)) * _SECOND
    return ((word ^ (word >> _S31)) >> _S11) * _UNIT


@njit(cache=True)
def arrive(law: Law, seconds: float, memory: Memory, owner: Whole, state: Word) -> int:
    """Who arrives: gaps are exponential.

    Args:
        law: As above.
        seconds: How long to wait.
        memory: Of `r` rollouts; numbers are marked as used.
        owner: Written.
        state: Written.

    Returns:
        How many; more than there is room for when some were left out.
    """
    streams, taken, rate, room, n = memory.streams, memory.used, law.requests_s, len(owner), 0
    for rollout in range(len(streams)):
        stream, used, clock = streams[rollout], taken[rollout], 0.0
        while True:
            here = stream + used * _STEP
            used += _ALL_OF
            clock -= math.log(1.0 - _mixed(here + _STEP)) / rate
            if clock >= seconds:
                break
            if n < room:
                owner[n], state[n] = rollout, here
            n += 1
        taken[rollout] = used
    return n


@njit(cache=True)
def draw(law: Law, tables: Tables, moment: Moment, streams: Word, batch: Batch) -> None:
    """What becomes of each: sender, arm, failure, latency; and what the stable release would have done.

    Args:
        law: As above.
        tables: As above.
        moment: Of `r` rollouts.
        streams: `(r,)`.
        batch: Whose owners and states are known; the rest is written.
    """
    body, normal, keys, parts = tables.body, tables.normal, tables.keys, len(tables.normal)
    owners, states, arms, senders = batch.owner, batch.state, batch.arm, batch.key
    failed, took, excess = batch.has_failed, batch.took, batch.excess
    weights, times, added = moment.weights, moment.times, moment.added
    shift, stretch, stalls, settled = moment.shift, moment.stretch, moment.stalls, moment.settled
    for n in range(len(owners)):
        rollout, state = owners[n], states[n]
        sender, chance, log_seconds, senders[n] = _mixed(state + _TWO * _STEP), law.error_rate, 0.0, NO_KEY
        if len(keys):
            low, high = 0, len(keys) - 1
            while low < high:
                middle = (low + high) // 2
                if keys[middle] <= sender:
                    low = middle + 1
                else:
                    high = middle
            known = streams[rollout] ^ (np.uint64(low + 1) * _KEY)
            sender = _mixed(known + _STEP)
            senders[n] = low if sender >= settled[rollout] else SETTLED
            z, spread = normal[int(_mixed(known + _TWO * _STEP) * parts)], law.error_spread
            chance *= math.exp(spread * z - spread * spread / 2)
            log_seconds = law.latency_spread * normal[int(_mixed(known + _THREE * _STEP) * parts)]
        arm = 1 if sender < weights[rollout] else 0
        luck, length = _mixed(state + _THREE * _STEP), _mixed(state + _FOUR * _STEP)
        if length < TAIL_BEGINS:
            log_seconds += body[int(length / TAIL_BEGINS * len(body))]
        else:
            log_seconds += law.log_p95 - law.inverse_tail * math.log((1.0 - length) / (1.0 - TAIL_BEGINS))
        here = log_seconds + shift[rollout, arm]
        if length >= TAIL_BEGINS:
            here += stretch[rollout, arm]
        # Failures are at the lower end of this number, stalls at the upper one.
        if luck >= 1.0 - stalls[rollout, arm]:
            here += _LOG_STALLED
        has_failed = luck < chance * times[rollout, arm] + added[rollout, arm]
        would_fail = luck < chance * times[rollout, 0] + added[rollout, 0]
        is_bad = has_failed or here > law.log_bad
        would_be = would_fail or log_seconds + shift[rollout, 0] > law.log_bad
        arms[n], failed[n], took[n] = arm, has_failed, here
        excess[n] = int(is_bad) - int(would_be)


@njit(cache=True)
def count(law: Law, moment: Moment, flags: NDArray[np.uint8], batch: Batch, tally: Tally) -> None:
    """Requests, failures, durations; as evidence only what `serve.rollout.counts` says.

    Args:
        law: As above.
        moment: Of `r` rollouts.
        flags: `(r, m)`, written.
        batch: Drawn; `is_counted` is written.
        tally: Added to.
    """
    owners, arms, keys, failed, took = batch.owner, batch.arm, batch.key, batch.has_failed, batch.took
    requests, failures, durations = tally.requests, tally.failures, tally.durations
    subjects, errors, latency, is_counted = tally.subjects, tally.errors, tally.latency, batch.is_counted
    places, excess, bad, last = moment.places, tally.excess, batch.excess, durations.shape[3] - 1
    for n in range(len(owners)):
        rollout, arm, key, has_failed = owners[n], arms[n], keys[n], failed[n]
        place = places[rollout]
        steps = (took[n] - law.log_edge) / law.log_ratio
        found = 0 if steps < 0 else min(int(steps) + 1, last)
        requests[rollout, place, arm] += 1
        failures[rollout, place, arm] += has_failed
        durations[rollout, place, arm, found] += 1
        excess[rollout] += bad[n]
        is_first, fails_first = key == NO_KEY, has_failed and key == NO_KEY
        if key >= 0:
            # In quarters: the place it was met in last, and whether it failed there.
            met = flags[rollout, key]
            is_first = met >> 2 != place + 1
            fails_first = has_failed and (is_first or not met & 1)
            flags[rollout, key] = (place + 1) << 2 | (has_failed or (not is_first and met & 1))
        is_counted[n] = is_first
        subjects[rollout, place, arm] += is_first
        errors[rollout, place, arm] += fails_first
        latency[rollout, place, arm, found] += is_first and not has_failed


@njit(cache=True)
def answer(law: Law, tables: Tables, moment: Moment, batch: Batch, tally: Tally) -> None:
    """Class, confidence, escalation and disagreement of the answers that are evidence.

    Args:
        law: As above.
        tables: As above.
        moment: Of `r` rollouts.
        batch: Drawn.
        tally: Added to.
    """
    owners, states, arms = batch.owner, batch.state, batch.arm
    failed, is_counted = batch.has_failed, batch.is_counted
    of_classes, of_confidence = tables.classes, tables.confidence
    places, is_changed, is_shadow = moment.places, moment.is_changed, moment.is_shadow
    rows, classes, confidence, escalated = tally.rows, tally.classes, tally.confidence, tally.escalated
    compared, disagreed = tally.compared, tally.disagreed
    for n in range(len(owners)):
        if failed[n] or not is_counted[n]:
            continue
        rollout, state, arm = owners[n], states[n], arms[n]
        place = places[rollout]
        changed = 1 if arm == 1 and is_changed[rollout] else 0
        rows[rollout, place, arm] += 1
        number, found = _mixed(state + _FIVE * _STEP), 0
        while of_classes[changed, found] <= number:
            found += 1
        classes[rollout, place, arm, found] += 1
        number, found = _mixed(state + _SIX * _STEP), 0
        while of_confidence[changed, found] <= number:
            found += 1
        confidence[rollout, place, arm, found] += 1
        escalated[rollout, place, arm] += _mixed(state + _ALL_OF * _STEP) < law.escalation
        if is_shadow[rollout]:
            compared[rollout, place] += 1
            disagreed[rollout, place] += _mixed(state + _SEVEN * _STEP) < law.disagreement
