"""Where watching keeps things, and what releases are held against: always as the registry verified it."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from tests.projects import copy_project

from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.pipeline.stages.reference import BASELINE_FILE, REFERENCE_FILE
from smallcraft.pipeline.watching.project import (
    WatchPlaces,
    baseline_of_release,
    place_reference,
    watched_release,
)
from smallcraft.pipeline.workspace import open_registry
from smallcraft.serve.windows.references import reference_path


@pytest.fixture(scope="module")
def stored(tiny_built):
    return open_registry(tiny_built).find("rows@1")


def without(stored, *paths):
    """As a release from before there were references."""
    kept = {path: where for path, where in stored.locations.items() if path not in paths}
    return replace(stored, locations=kept)


def test_everything_is_below_one_folder_that_is_kept_out_of_the_project(tmp_path):
    places = WatchPlaces(tmp_path)
    inside = {places.parts, places.store, places.references, places.reviews}
    assert len(inside) == 4
    assert all(path.parent == places.root for path in inside)
    assert places.root == tmp_path / ".smallcraft/watch"


def test_two_looks_at_once_take_turns(tmp_path):
    places, order = WatchPlaces(tmp_path), []

    def look():
        with places.locked():
            order.append("second")

    other = threading.Thread(target=look)
    with places.locked():
        other.start()
        other.join(0.05)
        order.append("first")
    other.join(30)
    assert order == ["first", "second"]


def test_a_reference_lies_where_a_server_looks_for_it_and_placing_it_again_changes_nothing(stored, tmp_path):
    assert place_reference(stored, "sha256:ab", tmp_path)
    path = reference_path(tmp_path, "sha256:ab")
    assert path.read_bytes() == stored.read(REFERENCE_FILE)
    written = path.stat().st_mtime_ns
    assert place_reference(stored, "sha256:ab", tmp_path)
    assert path.stat().st_mtime_ns == written
    path.write_bytes(b"something else")
    place_reference(stored, "sha256:ab", tmp_path)
    assert path.read_bytes() == stored.read(REFERENCE_FILE)


def test_a_release_from_before_is_told_from_one_that_is_watched(stored, tmp_path):
    old = without(stored, REFERENCE_FILE, BASELINE_FILE)
    assert not place_reference(old, "sha256:ab", tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert baseline_of_release(old) is None
    with pytest.raises(NotFoundError, match=r"rows@1 has no reference.*build and release it again"):
        watched_release(old, tolerance=0.02, season=None)


def test_what_is_watched_has_the_releases_promise_with_the_projects_tolerance(stored):
    release, baseline = watched_release(stored, tolerance=0.3, season=None), baseline_of_release(stored)
    assert release.label == "rows@1"
    assert release.classes == baseline.classes == ("billing", "login", "parcel")
    assert release.baseline.loss_bound == baseline.loss_bound
    assert release.baseline.limit() == pytest.approx(baseline.loss_bound + 0.3)
    assert release.reference.whole.n == baseline.n
    unjudged = watched_release(without(stored, BASELINE_FILE), tolerance=0.3, season=None)
    assert (unjudged.baseline, unjudged.classes) == (None, ())


def test_a_reference_made_for_another_season_is_taken_whole(stored):
    whole = watched_release(stored, tolerance=0.0, season=None).reference
    for season in ("hour_of_day", "day_of_week"):
        found = watched_release(stored, tolerance=0.0, season=season).reference
        assert found.profile(5) == found.profile(0) == whole.whole


def test_a_stored_byte_that_changed_is_found_out(tiny_built, own_keys, tmp_path):
    folder = copy_project(tiny_built, tmp_path / "broken")
    stored = open_registry(folder).find("rows@1")
    data = stored.read(REFERENCE_FILE)
    (blob,) = [path for path in folder.rglob("*") if path.is_file() and path.read_bytes() == data]
    blob.chmod(0o600)
    blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(IntegrityError):
        watched_release(stored, tolerance=0.0, season=None)


def test_the_reference_is_of_the_bundle_that_is_served(tiny_built, stored):
    release = watched_release(stored, tolerance=0.0, season=None)
    (copy, *_) = (tiny_built / ".smallcraft/bundles").iterdir()
    classes = open_bundle(copy).classes
    assert set(release.reference.whole.columns["answer/class"].as_mapping()) <= set(classes)
