"""A busy project is a real one: its log verifies, its windows are read, and it goes on after a stop."""

from __future__ import annotations

import pytest
from benchmarks.faces.busy_project import NAME, make_busy_project

from smallcraft.observe.journal import Journal
from smallcraft.observe.store import WindowStore
from smallcraft.pipeline.watching.project import WatchPlaces
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.registry.verify.registry import verify_registry


@pytest.mark.slow
def test_it_has_what_was_asked_for_verifies_and_grows_without_doing_anything_twice(tmp_path):
    folder = make_busy_project(tmp_path / "busy", entries=60, windows=20, releases=3)
    built = Workspace(folder).last_build.stat().st_mtime_ns
    assert len(open_registry(folder).log().entries) == 60
    make_busy_project(folder, entries=90, windows=30, releases=4)
    registry = open_registry(folder)
    assert Workspace(folder).last_build.stat().st_mtime_ns == built
    assert [release.version for release in registry.releases(NAME)] == [1, 2, 3, 4]
    assert len(registry.log().entries) == 90
    assert registry.log().state.alias(NAME, "stable") is not None
    assert len(verify_registry(registry.root).steps) > 5
    places = WatchPlaces(folder)
    labels = {name.release for name, _ in WindowStore(places.store).read()}
    assert labels == {f"{NAME}@3", f"{NAME}@4"}
    with Journal(places.root) as journal:
        assert len(journal.weighed(release=f"{NAME}@4")) == 30
        assert sum(alarm.is_open for alarm in journal.alarms()) == 2
