"""A watched folder: windows stored first and looked at later are weighed as if looked at one by one."""

from __future__ import annotations

import numpy as np
from benchmarks.drift.watched import PERSON, WatchedFolder

from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.rows import Rows
from smallcraft.observe.judging import WatchedRelease
from smallcraft.observe.settings import WatchSettings

QUIET, MOVED = 60, 12


def rows(at):
    moved = 2.0 if at >= QUIET else 0.0
    return Rows(100, numbers={"age": np.random.default_rng(at).normal(moved, 1, 100)})


def test_a_look_at_many_windows_is_many_looks(tmp_path):
    certified = Rows(2000, numbers={"age": np.random.default_rng(10_000).normal(size=2000)})
    release = WatchedRelease("a@1", make_reference(certified, rng=np.random.default_rng(0)))
    settings = WatchSettings(triggers=("review", "page"))
    with WatchedFolder(release, settings, tmp_path / "late") as late:
        for at in range(QUIET + MOVED):
            late.store_window(at, rows(at))
        late.look()
        said = [(each.start_s, each.log_e) for each in late.journal.weighed()]
        (alarm,) = late.journal.alarms()
        assert [each.id for each in late.paged] == [alarm.id]
        late.close_alarm(alarm, QUIET + MOVED, accepted=True)
        assert late.journal.alarms()[0].closing.by == PERSON
    with WatchedFolder(release, settings, tmp_path / "live") as live:
        for at in range(QUIET + MOVED):
            live.close_window(at, rows(at))
        assert [(each.start_s, each.log_e) for each in live.journal.weighed()] == said
        assert live.outcomes()[0] == "undecided"
