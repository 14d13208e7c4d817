"""The guardrail: weighs a release's windows one by one, and raises an alarm when the budget allows one.

Each number of a window (a distance, a rate) has e-detectors of its own (`stats.sequences.detectors`). Their
weighted mean is held against `c = T/B`; so in T windows without a change at most B alarms are expected,
whatever the numbers have to do with each other.
Leaves to others: e-values (`observe/detectors`), where the numbers come from (`observe.statistics`), what an
alarm says (`observe.attribution`, `observe.harm`), storage (`observe.journal`).
Always: a value and a function of values, so that a replay of the same windows is the same to the last bit; it
says for how many windows it cannot alarm yet, and is never silently mute.

Source:
    Shin, Ramdas, Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from smallcraft.canonical import digest_value
from smallcraft.data.profiles.embeddings import PROJECTIONS
from smallcraft.data.profiles.rows import EMBEDDING
from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import Ending
from smallcraft.observe.quantities import (
    SHARES,
    Detector,
    DetectorStep,
    Memory,
    Quantity,
    Reading,
    WatchPlan,
)
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.windows import BUCKETS, CYCLES_S
from smallcraft.stats.sequences.conformal import counter_uniforms

Floats = NDArray[np.float64]
# Windows kept while an alarm is open, for the case that a person takes them for the new normal.
_MOST_KEPT = 4096
_SHORTEST_RECOVERY = 6
_RECOVERY_FACTOR = 3
# Of the quantities of one column; 1 for those not named. Most changes are a shift; less weight costs windows.
# Strange rows show in the tails of the answers, and broken ones in values that were never seen.
_IMPORTANCE = {"shift": 8.0, "low": 4.0, "high": 4.0, "unseen": 4.0}
# Added to the seed of random numbers that shares are shaken with, beside those that split ties.
_OF_SHARES = 1 << 32
_PROJECTION = re.compile(rf"{EMBEDDING}/\d+")


class GuardOutcome(StrEnum):
    """What a window led to."""

    QUIET = "quiet"
    ALARM = "alarm"
    RECOVERED = "recovered"
    UNDECIDED = "undecided"
    EMPTY = "empty"


@dataclass(frozen=True)
class OpenAlarm:
    """What a guardrail remembers of the alarm that is open.

    Attributes:
        opened_s: Begin of the window that raised it.
        delay: How many windows it took, from when the change is said to have begun.
        quiet: Windows in a row in which nothing was left to see.
        values: `(k, m)` float64, numbers of the windows since it was raised.
        buckets: `(k,)` int64, their places in the season.
        ats: `(k,)` int64, their numbers.
    """

    opened_s: int
    delay: int
    quiet: int
    values: Floats
    buckets: NDArray[np.int64]
    ats: NDArray[np.int64]


@dataclass(frozen=True)
class GuardState:
    """Where a guardrail stands.

    Attributes:
        quantities: What it watches, in order; fixed with the first window of a release.
        plan: The same, as the detector is asked.
        memory: Of the detector.
        log_e: Logarithm of the evidence after the last window that was judged; None before the first one.
        windows: How many were weighed.
        last_start_s: Begin of the last one; None before the first.
        alarm: The one that is open; None for none.
        doubted: What the detector would know if windows that are left out of the past, since the first of
            which a change is doubted, were part of it; None where none are.
    """

    quantities: tuple[Quantity, ...]
    plan: WatchPlan
    memory: Memory
    log_e: float | None = None
    windows: int = 0
    last_start_s: int | None = None
    alarm: OpenAlarm | None = None
    doubted: Memory | None = None


@dataclass(frozen=True)
class Raised:
    """What an alarm is raised on.

    Attributes:
        log_e: As it was at the alarm.
        log_es: `(m,)` natural logarithms of an e-value of each quantity at that time.
        began_s: Begin of the window since when it is likely to be so.
        is_again: Whether an alarm is open already.
    """

    log_e: float
    log_es: Floats
    began_s: int
    is_again: bool


@dataclass(frozen=True)
class Turn:
    """A guardrail after a window."""

    state: GuardState
    outcome: GuardOutcome
    log_e: float | None = None
    raised: Raised | None = None
    needs: str = ""


def begin_guard(
    quantities: Sequence[Quantity], detector: Detector, settings: WatchSettings, *, share: float = 1.0
) -> GuardState:
    """A guardrail before its first window.

    Args:
        quantities: What it watches; those of columns that weigh nothing are left out.
        detector: Whose e-values it adds up.
        settings: As declared.
        share: Of the budget, a fraction in (0, 1]; the shares of all segments add up to at most 1.

    Raises:
        InvalidInputError: Nothing is left to watch, or the share is outside (0, 1].
    """
    if not 0 < share <= 1:
        raise InvalidInputError(f"a share of the budget lies in (0, 1], got {share}")
    watched = tuple(
        each
        for each in quantities
        if each.statistic in detector.statistics and settings.columns.get(each.column, 1.0) > 0
    )
    if not watched:
        raise InvalidInputError(
            f"no column that detector {detector.name} can judge is left to watch; give one a weight above 0"
        )
    plan = WatchPlan(
        statistics=tuple(each.statistic for each in watched),
        weights=_weights(watched, settings.columns),
        names=_names(watched),
        log_level=settings.log_level - math.log(share),
        buckets=1 if settings.season is None else BUCKETS[settings.season],
        cycle=1 if settings.season is None else CYCLES_S[settings.season] // settings.window_s,
        horizon=round(settings.windows_per_month),
        seed=settings.seed,
    )
    return GuardState(watched, plan, detector.begin(plan))


def weigh_window(state: GuardState, reading: Reading, detector: Detector, settings: WatchSettings) -> Turn:
    """Weigh the next window.

    Args:
        state: After the window before.
        reading: Later than every one before.
        detector: The same each time.
        settings: The same each time.

    Raises:
        InvalidInputError: The window is not later than the last one.
    """
    if state.last_start_s is not None and reading.start_s <= state.last_start_s:
        raise InvalidInputError(
            f"windows are weighed in order, got one at {reading.start_s} s after {state.last_start_s} s"
        )
    state = replace(state, windows=state.windows + 1, last_start_s=reading.start_s)
    if not reading.n:
        return Turn(state, GuardOutcome.EMPTY, state.log_e)
    values = numbers_of(state, reading, detector)
    place, at = reading.bucket, reading.start_s // settings.window_s
    needed = detector.windows_needed(state.memory, state.plan, bucket=place)
    if needed and state.alarm is None:
        memory = detector.learn(state.memory, values, state.plan, bucket=place, at=at)
        needs = _say_needed(needed, settings)
        return Turn(replace(state, memory=memory), GuardOutcome.UNDECIDED, state.log_e, needs=needs)
    is_open = state.alarm is not None
    step = detector.judge(state.memory, values, state.plan, bucket=place, at=at, is_frozen=is_open)
    doubted = None
    if step.is_doubted or is_open:
        known = state.memory if state.doubted is None else state.doubted
        doubted = detector.learn(known, values, state.plan, bucket=place, at=at)
    state = replace(state, memory=step.memory, log_e=step.log_e, doubted=doubted)
    if step.log_e >= state.plan.log_level:
        return _raise(state, step, values, reading, detector=detector, window_s=settings.window_s)
    return _go_on(state, values, reading, detector, at=at)


def numbers_of(state: GuardState, reading: Reading, detector: Detector) -> Floats:
    """The numbers of a window as they are weighed.

    A share of few rows has few values; one of them may be taken by half of all windows, and a hair decides
    whether it stands above or below the others. So where ranks are evidence, up to half a row is added or
    taken away by chance, the same at each replay.

    Args:
        state: Whose quantities and seed.
        reading: Of the window.
        detector: A rule without evidence gets the numbers as they are.

    Returns:
        `(m,)`, NaN for what was not measured.
    """
    values = np.array([reading.values.get(each, math.nan) for each in state.quantities], dtype=np.float64)
    if not detector.has_evidence or not reading.n:
        return values
    is_share = np.array([name in SHARES for name in state.plan.statistics])
    chance = counter_uniforms(state.plan.seed + _OF_SHARES, reading.start_s, state.plan.names)
    return values + np.where(is_share, (chance - 0.5) / reading.n, 0.0)


def warm_up(state: GuardState, readings: Iterable[Reading], detector: Detector) -> GuardState:
    """A guardrail that has seen windows before its first one, so that it may alarm sooner.

    Args:
        state: Before the first window.
        readings: Of windows that are like those to come: traffic of the release before, weighed against this
            release's reference, or windows drawn from the reference. The promise holds as far as they are
            like.
        detector: The same each time.
    """
    for at, reading in enumerate(readings):
        if reading.n:
            values = numbers_of(state, reading, detector)
            memory = detector.learn(state.memory, values, state.plan, bucket=reading.bucket, at=at)
            state = replace(state, memory=memory)
    return state


def close_guard(state: GuardState, detector: Detector, *, ending: Ending) -> GuardState:
    """A guardrail after its alarm was closed.

    Args:
        state: With an open alarm.
        detector: The same each time.
        ending: Whether what was seen since a change was doubted joins the past (`FALSE`), is left out of it
            (`FIXED`), or what was seen since the alarm was raised is all the past there is (`ACCEPTED`).
    """
    if state.alarm is None:
        return state
    known = state.memory
    if ending is Ending.FALSE and state.doubted is not None:
        known = state.doubted
    memory = detector.restart(known, state.plan)
    if ending is Ending.ACCEPTED:
        memory = detector.begin(state.plan)
        seen = zip(state.alarm.values, state.alarm.buckets.tolist(), state.alarm.ats.tolist(), strict=True)
        for values, bucket, at in seen:
            memory = detector.learn(memory, values, state.plan, bucket=bucket, at=at)
    return replace(state, memory=memory, log_e=None, alarm=None, doubted=None)


def replay(
    readings: Iterable[Reading], detector: Detector, settings: WatchSettings, *, begun: GuardState
) -> tuple[Turn, ...]:
    """What a guardrail said, or would have said, of each window; no person closes an alarm in it."""
    turns = []
    state = begun
    for reading in readings:
        turns.append(weigh_window(state, reading, detector, settings))
        state = turns[-1].state
    return tuple(turns)


def _raise(
    state: GuardState,
    step: DetectorStep,
    values: Floats,
    reading: Reading,
    *,
    detector: Detector,
    window_s: int,
) -> Turn:
    alarm, at = state.alarm, reading.start_s // window_s
    raised = Raised(step.log_e, step.log_es, step.began_at * window_s, alarm is not None)
    if alarm is None:
        none = np.zeros(0, dtype=np.int64)
        alarm = OpenAlarm(reading.start_s, at - step.began_at + 1, 0, np.empty((0, len(values))), none, none)
    alarm = _keep(replace(alarm, quiet=0), values, bucket=reading.bucket, at=at)
    after = replace(state, memory=detector.restart(state.memory, state.plan), alarm=alarm)
    return Turn(after, GuardOutcome.ALARM, step.log_e, raised)


def _go_on(state: GuardState, values: Floats, reading: Reading, detector: Detector, *, at: int) -> Turn:
    assert state.log_e is not None
    alarm = state.alarm
    if alarm is None:
        return Turn(state, GuardOutcome.QUIET, state.log_e)
    # Above the square root of the level a change is likely still there.
    is_calm = state.log_e < state.plan.log_level / 2
    alarm = replace(alarm, quiet=alarm.quiet + 1 if is_calm else 0)
    state = replace(state, alarm=_keep(alarm, values, bucket=reading.bucket, at=at))
    if alarm.quiet < max(_SHORTEST_RECOVERY, _RECOVERY_FACTOR * alarm.delay):
        return Turn(state, GuardOutcome.QUIET, state.log_e)
    return Turn(close_guard(state, detector, ending=Ending.FIXED), GuardOutcome.RECOVERED, state.log_e)


def _keep(alarm: OpenAlarm, values: Floats, *, bucket: int, at: int) -> OpenAlarm:
    return replace(
        alarm,
        values=np.vstack([alarm.values, values])[-_MOST_KEPT:],
        buckets=np.append(alarm.buckets, np.int64(bucket))[-_MOST_KEPT:],
        ats=np.append(alarm.ats, np.int64(at))[-_MOST_KEPT:],
    )


def _names(quantities: tuple[Quantity, ...]) -> NDArray[np.uint64]:
    """A number of each quantity that does not depend on what else is watched."""
    digests = [digest_value([each.column, each.statistic])[7:23] for each in quantities]
    return np.array([int(digest, 16) for digest in digests], dtype=np.uint64)


def _weights(quantities: Sequence[Quantity], columns: Mapping[str, float]) -> Floats:
    """Each column has its own; of its quantities most is for where it moves."""
    raw = np.array([_IMPORTANCE.get(each.statistic, 1.0) for each in quantities])
    for column in {each.column for each in quantities}:
        mine = np.array([each.column == column for each in quantities])
        raw[mine] *= columns.get(column, _usual_weight(column)) / raw[mine].sum()
    return np.asarray(raw / raw.sum())


def _usual_weight(column: str) -> float:
    """Projections of an embedding are one thing, looked at from several sides."""
    return 1 / PROJECTIONS if _PROJECTION.fullmatch(column) else 1.0


def _say_needed(needed: int, settings: WatchSettings) -> str:
    hours = needed * settings.window_s / 3600
    spell = f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
    return f"about {needed} more windows ({spell}) before it can alarm"
