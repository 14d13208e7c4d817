"""What `simulation.requests` does, in plain numpy: its test oracle, pass by pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.rollout.counts import LATENCY_BINS
from smallcraft.serve.simulation.latencies import TAIL_BEGINS
from smallcraft.serve.simulation.requests import (
    NO_KEY,
    NUMBERS,
    SETTLED,
    STALLED,
    Batch,
    Law,
    Memory,
    Moment,
    Tables,
    Tally,
    empty_batch,
)
from smallcraft.stats.kernels.cells import random_numbers

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
Word = NDArray[np.uint64]

_STEP, _KEY = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)


def send_plainly(law: Law, tables: Tables, moment: Moment, memory: Memory, tally: Tally) -> None:
    """What `send` does."""
    owner, state = arrive_plainly(law, moment.seconds, memory)
    batch = empty_batch(owner, state)
    draw_plainly(law, tables, moment, memory.streams, batch)
    count_plainly(law, moment, memory.flags, batch, tally)
    answer_plainly(law, tables, moment, batch, tally)


def arrive_plainly(law: Law, seconds: float, memory: Memory) -> tuple[Whole, Word]:
    """What `arrive` does; returns owners and states."""
    owners, states = [], []
    with np.errstate(over="ignore"):
        for rollout, stream in enumerate(memory.streams):
            room = int(law.requests_s * seconds * 2) + 100
            places = memory.used[rollout] + np.uint64(NUMBERS) * np.arange(room, dtype=np.uint64)
            here = stream + places * _STEP
            clock = np.cumsum(-np.log(1 - _number(here, 1))) / law.requests_s
            n = int(np.searchsorted(clock, seconds, side="left"))
            assert n < room
            memory.used[rollout] += np.uint64(NUMBERS * (n + 1))
            owners.append(np.full(n, rollout, dtype=np.int64))
            states.append(here[:n])
    return np.concatenate(owners), np.concatenate(states)


def draw_plainly(law: Law, tables: Tables, moment: Moment, streams: Word, batch: Batch) -> None:
    """What `draw` does."""
    owner, number = batch.owner, [_number(batch.state, place) for place in range(5)]
    sender, chance, log_s = number[2], np.full(len(owner), law.error_rate), np.zeros(len(owner))
    batch.key[:] = NO_KEY
    if len(tables.keys):
        key = np.minimum(np.searchsorted(tables.keys, number[2], side="right"), len(tables.keys) - 1)
        with np.errstate(over="ignore"):
            known = streams[owner] ^ ((key + 1).astype(np.uint64) * _KEY)
        sender = _number(known, 1)
        batch.key[:] = np.where(sender >= moment.settled[owner], key, SETTLED)
        z, of_latency = (
            tables.normal[(_number(known, place) * len(tables.normal)).astype(int)] for place in (2, 3)
        )
        chance = chance * np.exp(law.error_spread * z - law.error_spread**2 / 2)
        log_s = law.latency_spread * of_latency
    arm = (sender < moment.weights[owner]).astype(int)
    luck, length = number[3], number[4]
    is_tail = length >= TAIL_BEGINS
    places = np.minimum((length / TAIL_BEGINS * len(tables.body)).astype(int), len(tables.body) - 1)
    tail = law.log_p95 - law.inverse_tail * np.log((1 - length) / (1 - TAIL_BEGINS))
    log_s = log_s + np.where(is_tail, tail, tables.body[places])
    took = log_s + moment.shift[owner, arm] + is_tail * moment.stretch[owner, arm]
    took = took + np.log(STALLED) * (luck >= 1 - moment.stalls[owner, arm])
    has_failed = luck < chance * moment.times[owner, arm] + moment.added[owner, arm]
    would_fail = luck < chance * moment.times[owner, 0] + moment.added[owner, 0]
    is_bad = has_failed | (took > law.log_bad)
    would_be = would_fail | (log_s + moment.shift[owner, 0] > law.log_bad)
    batch.arm[:], batch.has_failed[:], batch.took[:] = arm, has_failed, took
    batch.excess[:] = is_bad.astype(int) - would_be.astype(int)


def count_plainly(law: Law, moment: Moment, flags: NDArray[np.uint8], batch: Batch, tally: Tally) -> None:
    """What `count` does."""
    place = moment.places[batch.owner]
    steps = np.floor((batch.took - law.log_edge) / law.log_ratio) + 1
    found = np.clip(steps, 0, LATENCY_BINS - 1).astype(int)
    fails_first = np.zeros(len(place), dtype=bool)
    met = {
        (rollout, key): int(flags[rollout, key])
        for rollout in range(len(flags))
        for key in range(flags.shape[1])
    }
    for n, (rollout, key) in enumerate(zip(batch.owner, batch.key, strict=True)):
        has_failed = bool(batch.has_failed[n])
        if key == NO_KEY:
            batch.is_counted[n], fails_first[n] = True, has_failed
        elif key == SETTLED:
            batch.is_counted[n] = False
        else:
            last_place, had_failed = divmod(met[rollout, key], 4)
            batch.is_counted[n] = last_place != place[n] + 1
            fails_first[n] = has_failed and (batch.is_counted[n] or not had_failed)
            failed_here = has_failed or (not batch.is_counted[n] and bool(had_failed))
            met[rollout, key] = int(4 * (place[n] + 1) + failed_here)
    for where, value in met.items():
        flags[where] = value
    at = (batch.owner, place, batch.arm)
    np.add.at(tally.requests, at, 1)
    np.add.at(tally.failures, at, batch.has_failed.astype(int))
    np.add.at(tally.durations, (*at, found), 1)
    np.add.at(tally.excess, batch.owner, batch.excess)
    np.add.at(tally.subjects, at, batch.is_counted.astype(int))
    np.add.at(tally.errors, at, fails_first.astype(int))
    np.add.at(tally.latency, (*at, found), (batch.is_counted & ~batch.has_failed).astype(int))


def answer_plainly(law: Law, tables: Tables, moment: Moment, batch: Batch, tally: Tally) -> None:
    """What `answer` does."""
    is_one = batch.is_counted & ~batch.has_failed
    owner, arm, state = batch.owner[is_one], batch.arm[is_one], batch.state[is_one]
    place = moment.places[owner]
    changed = (arm == 1) & moment.is_changed[owner]
    at = (owner, place, arm)
    np.add.at(tally.rows, at, 1)
    for counts, shares, number in (
        (tally.classes, tables.classes, 5),
        (tally.confidence, tables.confidence, 6),
    ):
        both = [np.searchsorted(one, _number(state, number), side="right") for one in shares]
        np.add.at(counts, (*at, np.where(changed, both[1], both[0])), 1)
    np.add.at(tally.escalated, at, (_number(state, 8) < law.escalation).astype(int))
    shadowed = moment.is_shadow[owner]
    np.add.at(tally.compared, (owner, place), shadowed.astype(int))
    differs = shadowed & (_number(state, 7) < law.disagreement)
    np.add.at(tally.disagreed, (owner, place), differs.astype(int))


def _number(states: Word, place: int) -> Real:
    """The `place`-th random number after each state."""
    return random_numbers(states, place - 1, 1)  # type: ignore[arg-type]
