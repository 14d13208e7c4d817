"""This project's guardrail on the streams: real profiles of real windows, weighed as in production.

Leaves to others: what windows hold (`benchmarks.drift.streams`).
Always: windows are measured by the library, and weighed by a twin of it that gives the same evidence
(`benchmarks.drift.twin`); an alarm is closed at once by a person who says that nothing had changed, and
windows are weighed on.
Not covered: the store and the journal between them (a test holds that a `Watcher` says the same).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from benchmarks.drift.streams import (
    MONTH,
    NAMES,
    REFERENCE_WINDOWS,
    WORLDS,
    Floats,
    World,
    changed_windows,
    reference_windows,
    windows,
)
from benchmarks.drift.twin import weigh_all
from smallcraft.data.profiles.categories import from_counts
from smallcraft.data.profiles.numeric import from_histogram
from smallcraft.data.profiles.profile import Profile
from smallcraft.observe.alarms import Ending
from smallcraft.observe.detectors import BUILTIN
from smallcraft.observe.guardrail import (
    GuardOutcome,
    GuardState,
    Turn,
    begin_guard,
    close_guard,
    numbers_of,
    weigh_window,
)
from smallcraft.observe.quantities import Reading
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.statistics import PreparedReference, measure_window, prepare_reference
from smallcraft.observe.windows import BUCKETS, season_bucket
from smallcraft.stats.histograms import count_values

DETECTOR = BUILTIN["conformal"]


@dataclass(frozen=True)
class Stream:
    """A release that is watched.

    Attributes:
        settings: As declared: the defaults, and the world's season.
        references: By place of the season.
        profile: Of rows `(n, 20)`.
    """

    settings: WatchSettings
    references: tuple[PreparedReference, ...]
    profile: Callable[[Floats], Profile]

    def reading(self, window: Floats, at: int) -> Reading:
        """The numbers of a window.

        Args:
            window: `(500, 20)`.
            at: Its number.
        """
        start_s = at * self.settings.window_s
        bucket = season_bucket(start_s, self.settings.season)
        return Reading(
            start_s, bucket, len(window), measure_window(self.profile(window), self.references[bucket])
        )

    def begin(self) -> GuardState:
        """A guardrail before its first window."""
        return begin_guard(self.references[0].quantities, DETECTOR, self.settings)

    def weigh(self, state: GuardState, window: Floats, at: int) -> Turn:
        """Weigh a window.

        Args:
            state: After the window before.
            window: `(500, 20)`.
            at: Its number.
        """
        return weigh_window(state, self.reading(window, at), DETECTOR, self.settings)


def watch(world: World, *, seed: int, stream: int) -> Stream:
    """A release in a world.

    Args:
        world: Whose rows it was certified on.
        seed: Of all chance.
        stream: Which stream.
    """
    settings = WatchSettings(season=world.season)
    drawn = reference_windows(world.name, seed=seed, stream=stream)
    places = [season_bucket(at * settings.window_s, world.season) for at in REFERENCE_WINDOWS]
    buckets = 1 if world.season is None else BUCKETS[world.season]
    rows = [
        np.concatenate([window for window, place in zip(drawn, places, strict=True) if place == bucket])
        for bucket in range(buckets)
    ]
    profile = profile_codes if world.has_categories else profile_numbers
    return Stream(settings, tuple(_prepare(profile(part)) for part in rows), profile)


def profile_codes(rows: Floats) -> Profile:
    """`(n, 20)` codes of categories as a profile."""
    columns = {}
    for name, column in zip(NAMES, rows.T, strict=True):
        counts = np.bincount(column.astype(np.int64)).tolist()
        found = {f"v{code}": count for code, count in enumerate(counts) if count}
        columns[name] = from_counts(found, n=len(rows))
    return Profile(len(rows), 0, columns)


def profile_numbers(rows: Floats) -> Profile:
    """`(n, 20)` numbers as a profile."""
    columns = {
        name: from_histogram(count_values(np.ascontiguousarray(column)))
        for name, column in zip(NAMES, rows.T, strict=True)
    }
    return Profile(len(rows), 0, columns)


def _prepare(reference: Profile) -> PreparedReference:
    """Without what only `tilt` wants, which takes most of the time and which this detector does not see."""
    prepared = prepare_reference(reference)
    lean = {name: replace(column, histogram=None) for name, column in prepared.columns.items()}
    return PreparedReference(lean)


@dataclass(frozen=True)
class Months:
    """Two months of a stream in which nothing changes, from the first window on.

    Attributes:
        learning: False alarms of the first month, in which the guardrail learns as it judges.
        later: False alarms of the second month.
        undecided: Windows that could not be judged yet.
        cpu_s: CPU-seconds it took.
    """

    learning: int
    later: int
    undecided: int
    cpu_s: float


def quiet_months(world: World, *, seed: int, stream: int) -> Months:
    """Two months in which nothing changes.

    Args:
        world: Where.
        seed: Of all chance.
        stream: Which stream.
    """
    began = time.process_time()
    watched = watch(world, seed=seed, stream=stream)
    values = values_of(watched, windows(world.name, seed=seed, stream=stream), 2 * MONTH)
    run = weigh_all(watched.begin(), values)
    learning, later = (int(part.sum()) for part in (run.alarms[:MONTH], run.alarms[MONTH:]))
    return Months(learning, later, run.undecided, time.process_time() - began)


def delays(
    changes: Sequence[str], *, seed: int, stream: int, horizon: int, after: int = MONTH
) -> dict[str, int | None]:
    """How many windows of each change it takes, the one that raises the alarm included.

    Args:
        changes: Each happens to the same stream, after the same quiet windows.
        seed: Of all chance.
        stream: Which stream.
        horizon: Windows after which one stops waiting; then the delay is None.
        after: Quiet windows before.
    """
    watched = watch(WORLDS["iid"], seed=seed, stream=stream)
    quiet = values_of(watched, windows("iid", seed=seed, stream=stream), after)
    found: dict[str, int | None] = {}
    for change in changes:
        changed = changed_windows(change, seed=seed, stream=stream, after=after)
        values = np.concatenate([quiet, values_of(watched, changed, horizon)])
        alarms = np.flatnonzero(weigh_all(watched.begin(), values).alarms[after:])
        found[change] = int(alarms[0]) + 1 if len(alarms) else None
    return found


def values_of(watched: Stream, drawn: Iterator[Floats], limit: int) -> Floats:
    """`(limit, m)` numbers of windows, in the order of the guardrail's quantities.

    Args:
        watched: A release.
        drawn: Its windows, from the first one on.
        limit: How many to measure.
    """
    begun = watched.begin()
    readings = (watched.reading(window, at) for at, window in enumerate(islice(drawn, limit)))
    return np.array([numbers_of(begun, reading, DETECTOR) for reading in readings])


def weigh_by_library(watched: Stream, drawn: Iterator[Floats], limit: int) -> Iterator[Turn]:
    """Each window's turn by the library itself, alarms closed at once.

    Args:
        watched: A release.
        drawn: Its windows, from the first one on.
        limit: How many to weigh.
    """
    state = watched.begin()
    for at, window in enumerate(islice(drawn, limit)):
        turn = watched.weigh(state, window, at)
        state = turn.state
        if turn.outcome is GuardOutcome.ALARM:
            state = close_guard(state, DETECTOR, ending=Ending.FALSE)
            turn = replace(turn, state=state)
        yield turn
