"""The guardrail on streams: what is played is what a watcher of stored windows says."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from benchmarks.drift.streams import NAMES, WORLDS, changed_windows, reference_windows, windows
from benchmarks.drift.watched import WatchedFolder

from benchmarks.drift import ours
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.rows import Rows
from smallcraft.observe.judging import WatchedRelease
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.statistics import measure_window, prepare_reference

HOURS, CHANGED = 64, 14


def as_rows(window):
    return Rows(len(window), numbers={name: window[:, place].copy() for place, name in enumerate(NAMES)})


def test_a_watcher_of_stored_windows_says_the_same(tmp_path):
    played = ours.watch(WORLDS["iid"], seed=0, stream=0)
    drawn = [*islice(windows("iid", seed=0, stream=0), HOURS - CHANGED)]
    drawn += islice(changed_windows("behind_an_outlier", seed=0, stream=0, after=HOURS - CHANGED), CHANGED)
    state, turns = played.begin(), []
    for at, window in enumerate(drawn):
        turns.append(played.weigh(state, window, at))
        state = turns[-1].state
    certified = np.concatenate(reference_windows("iid", seed=0, stream=0))
    reference = make_reference(as_rows(certified), rng=np.random.default_rng(0))
    with WatchedFolder(WatchedRelease("a@1", reference), WatchSettings(), tmp_path) as watched:
        for at, window in enumerate(drawn):
            watched.store_window(at, as_rows(window))
        watched.look()
        said = [(each.outcome, each.log_e) for each in watched.journal.weighed()]
        alarms = watched.journal.alarms()
    assert said == [(turn.outcome.value, turn.log_e) for turn in turns]
    assert [alarm.explanation.columns for alarm in alarms] == [(NAMES[0],)]


def test_what_is_left_out_for_speed_is_not_watched():
    window = next(windows("iid", seed=0, stream=0))
    whole = prepare_reference(
        ours.profile_numbers(np.concatenate(reference_windows("iid", seed=0, stream=0)))
    )
    lean = ours.watch(WORLDS["iid"], seed=0, stream=0)
    numbers = measure_window(measure_rows(as_rows(window), Measures()).profile, whole)
    watched = set(lean.begin().quantities)
    assert {each: value for each, value in numbers.items() if each in watched} == {
        each: value for each, value in lean.reading(window, 0).values.items() if each in watched
    }


def test_a_season_that_is_declared_has_a_reference_for_each_hour():
    played = ours.watch(WORLDS["season"], seed=0, stream=0)
    assert len(played.references) == 24
    assert played.reading(next(windows("season", seed=0, stream=0)), 30).bucket == 6
    assert len(ours.watch(WORLDS["season_untold"], seed=0, stream=0).references) == 1


def test_a_gross_change_is_seen_at_once_and_a_quiet_stream_is_not_alarmed():
    found = ours.delays(["behind_an_outlier", "missing"], seed=0, stream=0, horizon=10, after=80)
    assert found["behind_an_outlier"] is not None
    assert list(found) == ["behind_an_outlier", "missing"]


def test_alarms_are_closed_and_windows_weighed_on():
    played = ours.watch(WORLDS["iid"], seed=0, stream=0)
    drawn = [*islice(windows("iid", seed=0, stream=0), 60)]
    moved = [window + 3.0 for window in islice(windows("iid", seed=0, stream=1), 14)]
    turns = list(ours.weigh_by_library(played, iter([*drawn, *moved]), 74))
    assert sum(turn.raised is not None for turn in turns) >= 2
    assert all(turn.state.alarm is None for turn in turns)


@pytest.mark.parametrize("world", ["iid"])
def test_the_same_stream_gives_the_same_evidence(world):
    def evidence():
        played = ours.watch(WORLDS[world], seed=5, stream=2)
        return [turn.log_e for turn in ours.weigh_by_library(played, windows(world, seed=5, stream=2), 35)]

    assert evidence() == evidence()
