"""The review trigger: rows of the windows since the change began, and of no other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from smallcraft.observe.reviewing import review_alarm
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.store import WindowStore

HOUR = 3600


@pytest.fixture
def store(tmp_path, store_window):
    store = WindowStore(tmp_path / "windows")
    for hour in range(8):
        store.append(store_window(hour))
    store.append(store_window(4, segment="north"))
    store.append(store_window(4, release="b@1"))
    return store


def batch(alarm, store, tmp_path, *, size: int = 12) -> list[dict]:
    settings = WatchSettings(rows_for_review=size)
    path = Path(review_alarm(alarm, store, folder=tmp_path / "review", settings=settings))
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_rows_come_from_the_windows_since_the_change_began(alarm, store, tmp_path):
    rows = batch(alarm, store, tmp_path)
    assert len(rows) == 12
    assert {row["window_start_s"] // HOUR for row in rows} <= {2, 3, 4, 5}
    assert {row["release"] for row in rows} == {"a@1"}


def test_an_alarm_of_a_segment_asks_for_its_rows(alarm, store, tmp_path):
    rows = batch(replace(alarm, segment="north"), store, tmp_path, size=50)
    assert {row["window_start_s"] // HOUR for row in rows} == {4}


def test_the_batch_is_the_same_when_it_is_made_again(alarm, store, tmp_path):
    assert batch(alarm, store, tmp_path) == batch(alarm, store, tmp_path)
